from typing import Iterator, List


def lines() -> Iterator[str]:
    try:
        yield "the first of two"
        yield "never asked for"
    finally:
        print("the generator has ended", flush=True)


kept: List[Iterator[str]] = [lines()]
print(next(kept[0]), flush=True)
