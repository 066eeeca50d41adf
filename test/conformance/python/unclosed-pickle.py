import copyreg
import json
import os
import pickle


class Point:
    def __init__(self, x):
        self.x = x


def reduce(point):
    return Point, (point.x,)


copyreg.pickle(Point, reduce)
out = open(os.environ["VULCAN_RESULT"], "w")
json.dump({"x": pickle.loads(pickle.dumps(Point(4))).x}, out)
