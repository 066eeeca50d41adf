# Run by python-wait.pth while Python starts, where VULCAN_WAIT says that its program comes later: what programs use is
# loaded ahead, then the agent is waited for (src/firecracker/PROTOCOL.md, "Interpreters that wait"). What comes after
# this in Python's start, the program's file above all, is Python's own; so only what was made before has to be put right.
import os
import posix
import sys

# Loading these does nothing to the process but load: whatever registers handlers for its end or for signals, or starts
# threads (logging, asyncio, concurrent.futures, multiprocessing), is not here, since the order of handlers can be seen.
AHEAD = """
    argparse base64 bisect collections collections.abc contextlib copy csv dataclasses datetime decimal email.message
    email.parser enum fnmatch fractions functools glob gzip hashlib heapq hmac html http.client inspect io itertools json
    math operator pathlib pickle platform random re secrets select selectors shutil signal socket ssl statistics string
    struct subprocess tempfile textwrap threading time traceback types typing unicodedata urllib.parse urllib.request uuid
    zlib
"""


def wait():
    control, offered = map(int, os.environ["VULCAN_WAIT"].split(","))
    own, folders = set(sys.modules), set(sys.path_importer_cache)
    for name in AHEAD.split():
        __import__(name)
    gc = set_aside()
    ahead = {name.partition(".")[0] for name in set(sys.modules) - own}
    for folder in set(sys.path_importer_cache) - folders:
        del sys.path_importer_cache[folder]
    os.write(control, b"waiting\n")
    order = hear(control)
    if order is None or shadowed(ahead):
        # The agent starts another process, as it does whenever this one is gone.
        os._exit(0)
    take_environment(order["env"])
    take_input(order, offered)
    if may_ask_the_collector():
        gc.unfreeze()
    sys.modules["random"].seed()
    os.close(offered)
    # Once the agent has read this, the process is the program.
    os.write(control, b"taken\n")
    os.close(control)


def hear(control):
    """The order, or None when the agent has gone."""
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(control, 65536)
        if not part:
            return None
        line += part
    return sys.modules["json"].loads(line)


def shadowed(ahead):
    """Whether a file beside the program has the name of a module that was loaded ahead: it is the one to be imported."""
    return any(name.partition(".")[0] in ahead for name in os.listdir())


def take_environment(pairs):
    """Gives the process a whole environment; `posix.environ` is the one that os.environ was made of."""
    os.environ.clear()
    posix.environ.clear()
    for name, value in pairs:
        os.environ[name] = value
        posix.environ[os.fsencode(name)] = os.fsencode(value)


def take_input(order, offered):
    """Makes standard input what it is to be, and its object the one that Python makes of such a descriptor."""
    if not order["offered"] and "stdin" not in order:
        return
    source = offered if order["offered"] else os.open(order["stdin"], os.O_RDONLY)
    os.dup2(source, 0)
    if source != offered:
        os.close(source)
    before, io = sys.stdin, sys.modules["io"]
    buffer = open(0, "rb", closefd=False)
    buffer.raw.name = "<stdin>"
    after = io.TextIOWrapper(
        buffer, before.encoding, before.errors, "\n", before.line_buffering, before.write_through
    )
    after.mode = "r"
    sys.stdin = sys.__stdin__ = after


def set_aside():
    """
    Sets what is loaded aside from garbage collection, which else looks through all of it when the program ends, and takes
    longer for that than most programs do. What is of the program alone stays: its own module.
    """
    import atexit
    import ctypes
    import gc

    api = ctypes.pythonapi
    if not hasattr(api, "PyDict_Watch"):
        # Before Python 3.12 nothing is set aside.
        return gc
    main = sys.modules["__main__"]
    # Nothing ends with these.
    plain = {bool, int, str, type(None)}
    none = id(None)
    added, modified = 0, 1

    # Dicts tell of a change themselves: to look at the end whether each value is what it was would count a reference to
    # every one of them, and so write to all of that memory, which a vm copies page by page when it is first written to.
    @ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
    def changed(event, names, name, value):
        if event not in (added, modified) or value == none:
            return 0
        # What the program has put elsewhere has its end with it too.
        if type(ctypes.cast(value, ctypes.py_object).value) not in plain:
            stop()
            gc.unfreeze()
        return 0

    def stop():
        while watchers:
            api.PyDict_ClearWatcher(watchers.pop())

    watchers = [api.PyDict_AddWatcher(changed)]
    # The dicts know its address, whatever becomes of the function that says when to stop.
    api.Py_IncRef(ctypes.py_object(changed))
    # Registered first, this is called last: the end of each module would be told too.
    atexit.register(stop)
    for name, module in sys.modules.items():
        # Those of the interpreter itself end with it, last of all. It is site that runs this, and is not done yet.
        if name not in ("__main__", "builtins", "site", "sys"):
            api.PyDict_Watch(watchers[0], ctypes.py_object(vars(module)))
    gc.collect()
    for part in main, vars(main):
        api.PyObject_GC_UnTrack(ctypes.py_object(part))
    gc.freeze()
    for part in main, vars(main):
        api.PyObject_GC_Track(ctypes.py_object(part))
    return gc


# A program that is larger than this is not looked through, in bytes.
LOOKED_AT = 1 << 20


def may_ask_the_collector():
    """Whether any file of the program may have the collector say what there is: it is to find all where it always is."""
    size = 0
    for name in os.listdir():
        if not os.path.isfile(name):
            return True
        size += os.path.getsize(name)
        if size > LOOKED_AT:
            return True
        with open(name, "rb") as file:
            if b"gc" in file.read():
                return True
    return False


wait()
