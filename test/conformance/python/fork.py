import os, random, sys, threading
print("before", end=" ")
sys.stdout.flush()
pid = os.fork()
if pid == 0:
    print("child", threading.active_count(), os.getppid() != 1)
    os._exit(5)
print("parent", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
