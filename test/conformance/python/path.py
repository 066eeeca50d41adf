import sys
print(sys.path, [finder.__name__ if hasattr(finder, "__name__") else finder for finder in sys.meta_path])
print([str(hook)[:30] for hook in sys.path_hooks], sorted(folder for folder in sys.path_importer_cache if "encodings" not in folder))
print([name for name in ("sitecustomize", "usercustomize", "python-wait", "posix") if name in sys.modules])
