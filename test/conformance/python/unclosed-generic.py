import json
import os
from typing import Generic, TypeVar

T = TypeVar("T")


class Box(Generic[T]):
    def __init__(self, held: T):
        self.held = held

    def open(self) -> T:
        return self.held


out = open(os.environ["VULCAN_RESULT"], "w")
json.dump({"held": Box[int](7).open()}, out)
