import os, tempfile, textwrap

path = os.path.join(tempfile.mkdtemp(), "log")
textwrap.log = open(path, "w")
textwrap.log.write("never flushed by hand\n")
if os.fork() == 0:
    raise SystemExit
os.wait()
textwrap.child = os.fork()
if textwrap.child:
    os.waitpid(textwrap.child, 0)
    print(open(path).read(), end="")
