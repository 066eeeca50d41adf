import os, stat, sys
kind = os.fstat(0)
print(stat.filemode(kind.st_mode), os.readlink("/proc/self/fd/0"), os.isatty(0), os.get_inheritable(0))
print(sys.stdin, sys.stdin is sys.__stdin__, sys.stdin.seekable(), sys.stdin.fileno(), repr(sys.stdin.read()))
print(open("/proc/self/fdinfo/0").read().split("mnt_id")[0])
try:
    input()
except EOFError as error:
    print(repr(error))
