import threading
thread = threading.Thread(target=lambda: 1 / 0, name="unlucky"); thread.start(); thread.join()
threading.excepthook = lambda args: print("hook", args.exc_type)
thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()
