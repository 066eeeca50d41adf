import json
import threading


class Loud:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("end of", self.name, flush=True)


kept = Loud("a global")
json.kept = Loud("one that another module has")
threading.excepthook = Loud("one in the place of another")
one, other = Loud("one of a circle"), Loud("the other of it")
one.other, other.one = other, one
del one, other
print("the program is done", flush=True)
