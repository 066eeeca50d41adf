import asyncio, json
def fail(n):
    return fail(n - 1) if n else json.loads("{")
try:
    fail(3)
except ValueError as error:
    if hasattr(error, "add_note"):
        error.add_note("a note")
    raise
