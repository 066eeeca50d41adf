import sys
print(sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__, sys.unraisablehook is sys.__unraisablehook__, sys.breakpointhook)
sys.excepthook = lambda kind, value, trace: print("hook:", kind.__name__, value, trace.tb_lineno, trace.tb_next)
class Noisy:
    def __del__(self):
        raise RuntimeError("in __del__")
Noisy()
raise LookupError("last words")
