# gets: {"env": {"FOO": "bar", "UMLAUT": "äöü ☃", "EMPTY": "", "A": "a=b\nc"}}
import os, posix, subprocess, sys
own = {name: value for name, value in os.environ.items() if not name.startswith("VULCAN_R")}
print(own, list(os.environ))
print(posix.environ == dict(os.environb), list(posix.environ) == list(os.environb), len(os.environ))
print(os.environ["VULCAN_RESULT"].rsplit("/", 1)[1], "VULCAN_WAIT" in os.environ, os.getenv("VULCAN_WAIT"))
child = subprocess.run(["env"], capture_output=True, text=True).stdout
print("\n".join(line for line in child.splitlines() if not line.startswith("VULCAN_R")))
os.environ["NEW"] = "1"; del os.environ["FOO"]
print(subprocess.run(["sh", "-c", "echo $NEW $FOO"], capture_output=True, text=True).stdout)
