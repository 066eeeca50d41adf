def outer():
    inner({})


def inner(values):
    try:
        values["missing"]
    except KeyError as error:
        raise ValueError("bad value") from error


outer()
