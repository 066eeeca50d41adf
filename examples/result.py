# vulcan run examples/result.py --input '{"numbers": [3, 1, 2]}'
#
# Reads JSON from the file that VULCAN_INPUT names and leaves JSON in the file that VULCAN_RESULT names.
import json
import os

with open(os.environ["VULCAN_INPUT"]) as file:
    numbers = json.load(file)["numbers"]

result = {"sorted": sorted(numbers), "sum": sum(numbers)}
with open(os.environ["VULCAN_RESULT"], "w") as file:
    json.dump(result, file)
print(f"{len(numbers)} numbers")
