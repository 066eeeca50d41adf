# gets: {"input": "{\"n\": [1, 2, 3]}"}
import json, os, stat, sys
print(stat.filemode(os.fstat(0).st_mode), os.path.basename(os.readlink("/proc/self/fd/0")), os.lseek(0, 0, os.SEEK_CUR))
print(sys.stdin, sys.stdin.seekable(), open(os.environ["VULCAN_INPUT"]).read())
value = json.load(sys.stdin)
print(value, sys.stdin.seek(0), sys.stdin.read(), open("/proc/self/fdinfo/0").read().split("mnt_id")[0])
with open(os.environ["VULCAN_RESULT"], "w") as file:
    json.dump({"sum": sum(value["n"])}, file)
