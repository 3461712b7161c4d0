"""A process beside the tests that writes to the domain, as the ordering platform and the admin do from theirs.

It carries out calls that come as JSON lines, each a function of one module.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from django.db import InterfaceError, OperationalError, connection

from delivery.devtools.stack.servers import MANAGE
from delivery.processes import tied_to_launcher
from dispatch.errors import DispatchError


class Away(Exception):
    """PostgreSQL did not answer: the call may have been carried out, or not."""


class Refused(Exception):
    """The domain said no; the message is its reason."""


class Clerk:
    """`calls`: the module whose functions are asked for, with what JSON can say. Its methods block."""

    def __init__(self, env: Mapping[str, str], calls: str) -> None:
        self._process = subprocess.Popen(
            [*MANAGE, "shell", "-v", "0", "-c", f"from tests.clerk import work; work({calls!r})"],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=tied_to_launcher(signal.SIGKILL),
        )

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, call: str, **arguments: object) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([call, arguments]).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the clerk ended during {call}"
        match json.loads(line):
            case ["away", reason]:
                raise Away(reason)
            case ["refused", reason]:
                raise Refused(reason)
            case [_, answer]:
                return answer


def work(calls: str) -> None:
    """Answers each line [call, arguments] with ["done", result], ["refused", why] or ["away", why]."""
    module = import_module(calls)
    for line in sys.stdin:
        call, arguments = json.loads(line)
        try:
            answer = ["done", getattr(module, call)(**arguments)]
        except (OperationalError, InterfaceError) as away:
            answer = ["away", str(away)]
        except DispatchError as refused:
            answer = ["refused", refused.message]
        connection.close()  # the next call finds out whether PostgreSQL is another by then
        print(json.dumps(answer), flush=True)  # noqa: T201 (the clerk's answer)
