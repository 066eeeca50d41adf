import warnings, sys
warnings.warn("seen by default"); warnings.warn("old", DeprecationWarning)
print(warnings.filters, globals().get("__warningregistry__") is not None)
def helper():
    warnings.warn("from a function", FutureWarning, stacklevel=2)
helper()
print(eval(compile("'\\d'", "made", "eval")))
open("/dev/null")
