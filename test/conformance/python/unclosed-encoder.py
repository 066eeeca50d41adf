import json
import os


def default(encoder, value):
    return sorted(value)


json.JSONEncoder.default = default
out = open(os.environ["VULCAN_RESULT"], "w")
json.dump({"members": {3, 1, 2}}, out)
