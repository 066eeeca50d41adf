import gc


class Node:
    pass


node = Node()
print(gc.get_freeze_count(), gc.isenabled(), gc.get_threshold(), gc.is_tracked(node))
print(any(found is globals() for found in gc.get_referrers(node)))
one, other = Node(), Node()
one.other, other.one = other, one
del one, other
print(gc.collect() >= 2)
