import sys

from words import words

print(words, sys.argv[1:])
