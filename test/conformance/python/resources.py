# gets: {"stdin": ""}
import ssl, hashlib, urllib.request, socket, decimal, threading, tempfile, random
print(decimal.getcontext(), socket.getdefaulttimeout(), threading.stack_size(), tempfile.tempdir, urllib.request._opener)
print(hashlib.sha256(b"x").hexdigest(), len(ssl.create_default_context().get_ciphers()) > 3, threading.local)
