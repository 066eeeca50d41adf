import os, subprocess, sys
code = "import os, sys; print(sys.argv, sorted(os.environ)[:3], sorted(os.listdir('/proc/self/fd')), 'VULCAN_WAIT' in os.environ)"
print(subprocess.run([sys.executable, "-c", code, "x"], capture_output=True, text=True))
print(subprocess.run(["sh", "-c", "ls /proc/self/fd; exit 4"], capture_output=True, text=True))
print(subprocess.run(["ls", "/proc/self/fd"], close_fds=False, capture_output=True, text=True))
print(os.system("exit 3"), os.popen("echo popen").read())
