import faulthandler, os, signal
faulthandler.enable()
os.kill(os.getpid(), signal.SIGABRT)
