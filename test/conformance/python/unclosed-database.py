import os
import tempfile

try:
    from dbm import ndbm
except ImportError:
    ndbm = None


def read(path):
    with ndbm.open(path) as base:
        return base[b"key"]


path = os.path.join(tempfile.mkdtemp(), "base")
child = ndbm and os.fork()
if child == 0:
    kept = ndbm.open(path, "n")
    kept[b"key"] = b"written when it is closed"
elif ndbm:
    os.waitpid(child, 0)
    print(read(path))
else:
    print("this Python has no such databases")
