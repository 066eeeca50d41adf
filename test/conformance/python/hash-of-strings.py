import random, sys, uuid, secrets, tempfile
print(sys.flags.hash_randomization, len({random.random() for n in range(1000)}), random.getstate()[0], random.getstate()[2])
random.seed(7); print(random.random(), random.Random(1).random(), len(secrets.token_hex()), uuid.uuid4().version)
print(tempfile.gettempdir(), tempfile.gettempprefix())
