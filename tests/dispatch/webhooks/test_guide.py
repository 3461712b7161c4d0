"""The receiver of docs/integrate.md, as it stands there, is told of an order."""

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path

import pytest
import requests
from django.core.management import call_command

from delivery.osrm_server import accepts, free_port
from dispatch.models import Order, OutboxEntry
from tests.dispatch.api.test_integrate import GUIDE, ask, commands
from tests.waiting import wait_until


def program() -> str:
    """The indented lines from its first import on, blank ones among them."""
    _, _, rest = GUIDE.partition("\n    import os\n")
    lines = takewhile(lambda line: not line or line.startswith("    "), rest.splitlines())
    return "import os\n" + "\n".join(line.removeprefix("    ") for line in lines) + "\n"


@pytest.mark.slow
def test_the_receiver_of_the_guide(
    receiver: object,
    work: Callable[[], None],
    new_order: Callable[..., Order],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    [adding] = [text for text in commands("curl") if "/webhooks" in text]
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    call_command("api_key", "create", "Shop", "--scope=webhooks:write", "--scope=orders:read", "--all-cities")
    key = capsys.readouterr().out.strip()
    made = ask(adding, {"DOORSTEP": "http://testserver", "KEY": key, "HOOK": address})
    assert made.status_code == 201, made.content
    (tmp_path / "receiver.py").write_text(program())
    env = os.environ | {"WEBHOOK_SECRET": made.json()["secret"], "PORT": str(port)}
    command = [sys.executable, tmp_path / "receiver.py"]
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as ran:
        try:
            wait_until(lambda: accepts(port), "the receiver listens")
            new_order(external_id="A-1001")
            work()
            sent = OutboxEntry.objects.get()
            assert sent.state == "sent"
            forged = {
                "webhook-id": str(sent.message_id),
                "webhook-timestamp": "1",
                "webhook-signature": "v1,AAAA",
            }
            assert requests.post(address, data=b"{}", headers=forged, timeout=30).status_code == 400
        finally:
            ran.terminate()
        assert ran.stdout is not None
        assert ran.stdout.read() == "order.created A-1001\n"
