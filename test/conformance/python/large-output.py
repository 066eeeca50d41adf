import sys
for n in range(100_000):
    print("line", n)
sys.stderr.write("e" * 3_000_000)
