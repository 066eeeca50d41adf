# gets: {"fresh": true}
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import secrets

print(secrets.key, secrets.__file__)
