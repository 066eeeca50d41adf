# gets: {"stdin": "for the child\n"}
import subprocess, sys
print(subprocess.run(["cat"], capture_output=True, text=True))
print(repr(sys.stdin.read()))
