import atexit, os
atexit.register(print, "never printed")
print("before", flush=True); os._exit(7)
