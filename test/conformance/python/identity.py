import os, resource, sys
print(os.getuid(), os.getgid(), os.getgroups(), os.geteuid(), os.getcwd(), os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid())
print([os.isatty(fd) for fd in (0, 1, 2)], os.ttyname(0) if os.isatty(0) else None, os.getpriority(os.PRIO_PROCESS, 0))
for name in sorted(dir(resource)):
    if name.startswith("RLIMIT_"):
        print(name, resource.getrlimit(getattr(resource, name)))
mask = os.umask(0); print(oct(mask)); os.umask(mask)
print(os.sched_getaffinity(0) == set(range(os.cpu_count())), os.sched_getscheduler(0))
