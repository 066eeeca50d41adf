# gets: {"stdin": "first line\nzweite Zeile äöü\r\nlast without end"}
import os, stat, sys
print(stat.filemode(os.fstat(0).st_mode), os.readlink("/proc/self/fd/0")[:5], os.isatty(0), os.get_inheritable(0))
print(sys.stdin, sys.stdin is sys.__stdin__, sys.stdin.buffer, sys.stdin.buffer.raw, sys.stdin.seekable())
print(sys.stdin.encoding, sys.stdin.errors, sys.stdin.newlines, sys.stdin.line_buffering, sys.stdin.write_through)
print(repr(input("prompt? ")), repr(sys.stdin.readline()), repr(sys.stdin.read()), sys.stdin.newlines)
print(open("/proc/self/fdinfo/0").read().split("mnt_id")[0])
