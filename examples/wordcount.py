# vulcan run examples/wordcount.py --stdin README.md
import collections
import sys

words = collections.Counter(sys.stdin.read().lower().split())
for word, count in words.most_common(3):
    print(f"{count:4} {word}")
