import io, os, stat, sys
for stream in (sys.stdout, sys.stderr):
    fd = stream.fileno()
    print(stream, stream.encoding, stream.errors, stream.line_buffering, stream.write_through, stream.isatty(), stream.seekable())
    print(type(stream.buffer), stream.buffer, stat.filemode(os.fstat(fd).st_mode), os.fstat(fd).st_uid, os.get_inheritable(fd))
    print(open(f"/proc/self/fdinfo/{fd}").read().split("mnt_id")[0])
print(sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__, io.text_encoding(None), io.DEFAULT_BUFFER_SIZE)
