"""A process beside the tests that writes to the domain, as the ordering platform and the admin do from theirs.

It carries out calls that come as JSON lines, each a function of some module here.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib import import_module

from django.db import InterfaceError, OperationalError, connection

from delivery.devtools.stack.servers import MANAGE
from delivery.processes import tied_to_launcher
from dispatch.errors import DispatchError


class Away(Exception):
    """PostgreSQL did not answer: the call may have been carried out, or not."""


class Refused(Exception):
    """The domain said no; the message is its reason."""


class Clerk:
    """Its methods block."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [*MANAGE, "shell", "-v", "0", "-c", "from tests.clerk import work; work()"],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=tied_to_launcher(signal.SIGKILL),
        )

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def ask[**Takes, Answer](
        self, call: Callable[Takes, Answer], *args: Takes.args, **kwargs: Takes.kwargs
    ) -> Answer:
        """What a function of a module says, called in the clerk's process; both ways there is what JSON can say.

        Away: PostgreSQL did not answer it. Refused: the domain did not let it.
        """
        assert self._process.stdin
        assert self._process.stdout
        asked = json.dumps([call.__module__, call.__name__, args, kwargs])
        self._process.stdin.write(asked.encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the clerk ended during {call.__name__}"
        match json.loads(line):
            case ["away", reason]:
                raise Away(reason)
            case ["refused", reason]:
                raise Refused(reason)
            case [_, answer]:
                return answer  # type: ignore[no-any-return]


def work() -> None:
    """Answers each line [module, function, args, kwargs] with ["done", result], ["refused", why] or ["away", why]."""
    for line in sys.stdin:
        module, call, args, kwargs = json.loads(line)
        try:
            answer = ["done", getattr(import_module(module), call)(*args, **kwargs)]
        except (OperationalError, InterfaceError) as away:
            answer = ["away", str(away)]
        except DispatchError as refused:
            answer = ["refused", refused.message]
        connection.close()  # the next call finds out whether PostgreSQL is another by then
        print(json.dumps(answer), flush=True)  # noqa: T201 (the clerk's answer)
