# gets: {"input": "[1]", "stdin": "two"}
import os, sys
print(sys.stdin.read(), open(os.environ["VULCAN_INPUT"]).read())
