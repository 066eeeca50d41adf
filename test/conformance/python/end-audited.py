import sys


def heard(event, args):
    if ended:
        print(event, flush=True)


ended = False
sys.addaudithook(heard)
ended = True
print("the program is done", flush=True)
