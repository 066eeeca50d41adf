import os, signal, sys
signal.signal(signal.SIGTERM, lambda number, frame: (print("caught", number, frame.f_code.co_name), sys.exit(9)))
os.kill(os.getpid(), signal.SIGTERM)
print("not reached")
