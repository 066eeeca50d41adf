import sys
main = sys.modules["__main__"]
print(__name__, __file__, __doc__, __spec__, __loader__.__class__.__name__, __package__, __cached__)
print(sorted(vars(main)), main.__builtins__ is __builtins__, sys.path[0])
if __name__ == "__main__":
    print("main")
