import threading, time
def work():
    time.sleep(0.2)
    print("the thread ends", threading.main_thread().is_alive(), threading.current_thread().name)
print(threading.active_count(), threading.enumerate()[0].name, threading.main_thread() is threading.current_thread())
threading.Thread(target=work).start()
print(len(__import__("os").listdir("/proc/self/task")), "main ends")
