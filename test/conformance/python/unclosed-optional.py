import json
import os
from typing import Optional


class Item:
    def find(self) -> "Item":
        return self


def first(items) -> Optional[Item]:
    return items[0].find() if items else None


out = open(os.environ["VULCAN_RESULT"], "w")
json.dump({"found": first([Item()]) is not None}, out)
