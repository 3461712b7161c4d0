import subprocess
import sys

import pytest

#: Starts the application as its server does, and says how much is looked at for garbage before and after.
STARTS = """
import asyncio, gc
from delivery.asgi import application
said = []
async def receive():
    if said:
        raise EOFError
    return {"type": "lifespan.startup"}
async def send(message):
    said.append((message["type"], len(gc.get_objects()), gc.get_threshold()[0]))
before, rarely = len(gc.get_objects()), gc.get_threshold()[0]
try:
    asyncio.run(application({"type": "lifespan"}, receive, send))
except EOFError:
    pass
((kind, after, threshold),) = said
print(kind, after < before / 10, threshold > rarely)
"""


@pytest.mark.slow
def test_what_a_server_has_loaded_is_not_looked_at_for_garbage() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", STARTS], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.split() == ["lifespan.startup.complete", "True", "True"]
