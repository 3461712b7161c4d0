"""What every `make bench…` may be asked for."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from delivery.devtools.bench.page import PAGE
from delivery.devtools.stack.state import ROOT
from delivery.devtools.stack.test import SERVERS
from delivery.errors import StackError


def parse(parser: ArgumentParser, arguments: Sequence[str], *, short: str) -> Namespace:
    """With `--short` (its help) and `--write`, which are not for one run. StackError: both are asked for.

    From now on the environment names no servers: a bench starts its own.
    """
    parser.add_argument("--short", action="store_true", help=f"{short}: shows that it works, no more")
    parser.add_argument("--write", action="store_true", help=f"the table into {PAGE.relative_to(ROOT)} too")
    options = parser.parse_args(arguments)
    if options.short and options.write:
        raise StackError("a short run's figures are not for the page: leave out --short or --write")
    for variable in SERVERS:
        os.environ.pop(variable, None)
    return options
