import gc, sys
print(sys.flags, sys.getrecursionlimit(), sys.getswitchinterval(), sys.warnoptions, sys._xoptions, sys.dont_write_bytecode)
print(gc.get_threshold(), gc.isenabled(), gc.get_debug(), gc.callbacks, gc.garbage, gc.get_freeze_count())
print(sys.getprofile(), sys.gettrace(), sys.getdefaultencoding(), sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
print(sys.implementation.cache_tag, sys.pycache_prefix, sys.platlibdir, sys.int_info, sys.hash_info.algorithm)
print(sys.is_finalizing(), hasattr(sys, "last_exc"), hasattr(sys, "ps1"), getattr(sys, "tracebacklimit", None))
