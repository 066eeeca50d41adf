# gets: {"stdin": "0123456789"}
import os, sys
print(os.read(0, 3), sys.stdin.buffer.read1(2), sys.stdin.buffer.peek()[:2], sys.stdin.buffer.read())
