import json
import os
from dataclasses import dataclass
from typing import List


@dataclass
class Item:
    price: float

    def total(self) -> float:
        return self.price


items: List[Item] = [Item(1.5), Item(2.5)]
out = open(os.environ["VULCAN_RESULT"], "w")
json.dump({"total": sum(item.total() for item in items)}, out)
