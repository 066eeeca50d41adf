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
    freeze, leave = set_aside()
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
    if may_watch():
        leave()
    else:
        # What was made since the wait is not the program's either.
        freeze()
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


# A program of more files and folders than that may have any of the names.
LOOKED_THROUGH = 2000


def shadowed(ahead):
    """
    Whether a file of the program, wherever it lies, has the name of a module that was loaded ahead: it may be the one to be
    imported, since programs add folders of theirs to sys.path, and what is beside a link is not what is beside its file.
    """
    seen = 0
    for _, folders, files in os.walk("."):
        names = folders + files
        seen += len(names)
        if seen > LOOKED_THROUGH or any(name.partition(".")[0] in ahead for name in names):
            return True
    return False


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
    longer for that than most programs do. What is set aside does not end, nor does what it holds: files are not flushed. So
    where anything of the program may do something at its end, all is collected as ever.
    """
    import atexit
    import gc
    from importlib.machinery import ExtensionFileLoader

    def look():
        kinds = list(map(type, gc.get_objects()))
        # By address: a class of the program may have its own idea of what equals it.
        kinds = dict(zip(map(id, kinds), kinds)).values()
        # What ends with the objects of a module in C that the program has loaded, only that module knows.
        if any(kind is ExtensionFileLoader or has_end(kind) for kind in kinds):
            gc.unfreeze()

    def leave():
        atexit.unregister(look)
        gc.unfreeze()

    # Registered first, this is called last.
    atexit.register(look)
    gc.collect()
    gc.freeze()
    return gc.freeze, leave


def has_end(kind):
    """Whether the end of an object of that class can do anything: files, sockets and generators have `__del__` too."""
    try:
        # Without the class's own `__getattr__`, which is the program's.
        type.__getattribute__(kind, "__del__")
    except AttributeError:
        return False
    return True


# With these a program may see the collector, or what is called at its end.
WATCHING = b"gc", b"atexit", b"audithook", b"setprofile", b"settrace", b"set_trace", b"breakpoint", b"monitoring"

# A program that is larger than this is not looked through, in bytes.
LOOKED_AT = 1 << 20


def may_watch():
    """Whether any file of the program may see what is set aside: it is to find all where it always is."""
    size = 0
    for name in os.listdir():
        if not os.path.isfile(name):
            return True
        size += os.path.getsize(name)
        if size > LOOKED_AT:
            return True
        with open(name, "rb") as file:
            text = file.read()
        if any(word in text for word in WATCHING):
            return True
    return False


wait()
