import atexit
atexit.register(print, "registered first, called last")
import logging, threading, concurrent.futures.thread, multiprocessing.util, weakref
class Thing: pass
thing = Thing()
weakref.finalize(thing, print, "finalized")
logging.getLogger().addHandler(logging.StreamHandler())
original = logging.shutdown
@atexit.register
def late():
    print("handlers", len(logging._handlerList))
threading.Thread(target=lambda: print("in a thread")).start()
