# gets: {"env": {"OTHER": "1"}}
import os, sys, time
sys.stdout.write("no newline"); os.write(1, b"|raw|"); sys.stdout.write(" then\n")
sys.stderr.write("to stderr"); os.write(2, b"|raw|"); sys.stderr.write("\n")
