import importlib, pathlib, sys
pathlib.Path("made.py").write_text("value = 1\n")
importlib.invalidate_caches()
import made
print(made.value, made.__file__, sys.dont_write_bytecode)
exec(compile("print(__name__, __file__)", "<made>", "exec"))
print(importlib.import_module("json").dumps({"a": 1}), importlib.reload(made).value)
