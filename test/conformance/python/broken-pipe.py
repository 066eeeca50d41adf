import os, subprocess, sys
reader = subprocess.Popen(["true"], stdin=subprocess.PIPE)
reader.wait()
try:
    reader.stdin.write(b"x" * 100_000); reader.stdin.flush()
except BrokenPipeError as error:
    print(repr(error))
os.dup2(reader.stdin.fileno(), 1)
print("lost")
