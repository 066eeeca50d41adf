name = __name__
def fail():
    raise RuntimeError("from a sibling")
