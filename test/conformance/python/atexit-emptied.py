import atexit
import json


class Loud:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("end of", self.name, flush=True)


atexit.register(print, "never printed")
atexit._clear()
kept = Loud("a global")
json.kept = Loud("one that another module has")
json.number, json.loads = 7, None
print("the program is done", flush=True)
