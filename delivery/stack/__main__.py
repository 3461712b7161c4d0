"""The command line; every failure is one line on standard error and exit status 1."""

import sys

from delivery.stack.demo import demo
from delivery.stack.errors import StackError
from delivery.stack.test import run_suite


def main(arguments: list[str]) -> int:
    match arguments:
        case ["demo"]:
            return demo()
        case ["test", *rest]:
            return run_suite(rest, checks=False)
        case ["check", *rest]:
            return run_suite(rest, checks=True)
        case _:
            raise StackError("say what to do: demo, test or check; only test and check take more arguments")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (StackError, OSError) as error:
        sys.exit(f"doorstep: {error}")
