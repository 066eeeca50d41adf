class Odd(type):
    def __eq__(cls, other):
        print("asked what is equal", flush=True)
        return False

    def __getattr__(cls, name):
        print("asked for", name, flush=True)
        raise AttributeError(name)


class Plain(metaclass=Odd):
    pass


kept = [Plain(), Plain()]
print("the program is done", flush=True)
