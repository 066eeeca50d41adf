import multiprocessing, os, sys

def square(n):
    return n * n, __name__, "VULCAN_WAIT" in os.environ, sys.argv

if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            print(method, pool.map(square, range(5)))
    print(multiprocessing.current_process(), len(multiprocessing.active_children()))
