# vulcan run examples/limits.py --mem 64; echo $?      137: out of memory
# vulcan run examples/limits.py --timeout 2; echo $?   124: took too long
#
# Takes memory, 1 MB every 20 ms, until it is stopped.
import time

taken = []
while True:
    taken.append(bytearray(1 << 20))
    time.sleep(0.02)
