from . import __doc__ as value
