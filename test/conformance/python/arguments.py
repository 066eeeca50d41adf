import sys
print(sys.argv, sys.orig_argv, sys.executable, sys.prefix, sys.base_prefix)
print(open("/proc/self/cmdline", "rb").read(), open("/proc/self/comm").read())
