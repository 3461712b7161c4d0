"""The Django commands that come before the web process, in one process: Django takes longer to load than most of
them take to run. Each is a step on the terminal (standard output); what it says goes to the log (standard error).

`python -m delivery.devtools.stack.prepare COMMANDS`, a JSON list of command lines.
"""

import io
import json
import os
import sys
from collections.abc import Callable

import django
from django.core.management import CommandError, call_command

from delivery.devtools.stack.progress import step


class Log(io.TextIOBase):
    """Writes to the log and reports each line as it comes."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self.report = report

    def write(self, text: str) -> int:
        sys.stderr.write(text)
        if line := text.strip():
            self.report(line)
        return len(text)


def main(commands: list[list[str]]) -> None:
    with step("Django"):
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "delivery.settings")
        django.setup()
    for name, *arguments in commands:
        with step(name) as report:
            call_command(name, *arguments, stdout=Log(report), no_color=True)


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except CommandError as error:
        sys.exit(f"{error}")
