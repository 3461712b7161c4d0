"""`make test` and `make check`: the suite against real servers of its own, and the checks around it."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from io import StringIO
from itertools import pairwise
from pathlib import Path

from delivery.devtools.stack import node
from delivery.devtools.stack.servers import MANAGE, start_servers
from delivery.devtools.stack.state import ROOT, default_folder, open_state
from delivery.errors import Interrupted, StackError
from delivery.processes import Processes

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
END_TO_END = "tests/e2e"
FAULTS = "tests/faults"
NO_TESTS_COLLECTED = 5
MOST_PROCESSES = 4
#: Of the whole suite, and printed in short at the end.
COVERAGE = ["--cov", "--cov-report="]
PACKAGES = ("delivery", "tracking", "dispatch", "routing")
#: The tests empty their Redis and drop their database: never somebody's own, whatever the environment names.
SERVERS = ("DATABASE_URL", "REDIS_URL", "OSRM_URL", "OSRM_URL_BICYCLE", "OSRM_URL_FOOT", "ROADS_PROFILES")

TOOLS = Path(sys.executable).parent
#: What needs no server, in the order in which a mistake shows fastest.
STATIC_CHECKS = {
    "ruff check": [f"{TOOLS}/ruff", "check", "."],
    "ruff format": [f"{TOOLS}/ruff", "format", "--check", "."],
    "import-linter": [f"{TOOLS}/lint-imports"],
    "mypy": [f"{TOOLS}/mypy"],
}
SCHEMA_CHECKS = {"migrations": [*MANAGE, "makemigrations", "--check", "--dry-run"]}


def run_suite(arguments: Sequence[str], *, checks: bool) -> int:
    """Run the tests, and the checks before them if asked to; returns the exit status.

    StackError: a server does not start, or what has failed.
    """
    for variable in SERVERS:
        os.environ.pop(variable, None)
    if checks or not arguments:
        # Said before anything starts: all of it is asked for, and that needs both.
        node.find_node()
        find_browser()
    with open_state(default_folder() / "test") as state, Processes(state.logs) as processes:
        if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
            # Hundreds of programs start in a run: what each would compile anew is kept, but not beside the sources.
            os.environ["PYTHONPYCACHEPREFIX"] = str(state.folder / "bytecode")
        env: Mapping[str, str] = os.environ | {"SECRET_KEY": state.secret("secret-key", 48)}
        failed = []
        try:
            if checks:
                node.install_packages(processes)
                failed += run_all(processes, STATIC_CHECKS | node.checks(), env)
            if not wants_fast(arguments):
                commands = [["collectstatic", "--no-input"]]
                env = start_servers(processes, state, {"DEBUG": "false"}, commands, throwaway=True).env
                if checks:
                    failed += run_all(processes, SCHEMA_CHECKS, env)
            failed += run_tests(processes, arguments, env)
        except Interrupted:
            return 130
    if failed:
        raise StackError(f"failed: {', '.join(failed)}")
    return 0


def run_all(processes: Processes, commands: Mapping[str, list[str]], env: Mapping[str, str]) -> list[str]:
    """Run each command to its end and return the names of those that failed."""
    failed = []
    for name, command in commands.items():
        print(f"\n— {name}", flush=True)
        if processes.run_in_terminal(command, env):
            failed.append(name)
    return failed


def run_tests(processes: Processes, arguments: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """pytest, and once more for the browser tests: Playwright's event loop and pytest-asyncio's don't mix.

    Returns what failed.
    """
    others, in_browser = apart(arguments)
    if wants_fast(arguments) or not (ROOT / END_TO_END).is_dir():
        in_browser = []
    measured = is_whole(arguments)
    if measured:
        others += COVERAGE
    pytest = [sys.executable, "-m", "pytest"]
    outcomes = {}
    if others:
        print("\n— tests", flush=True)
        outcomes["tests"] = processes.run_in_terminal([*pytest, *others], env)
    if in_browser:
        print("\n— tests in a browser", flush=True)
        outcomes["tests in a browser"] = processes.run_in_terminal([*pytest, *in_browser], env)
    if measured:
        print_coverage()
    if all(code == NO_TESTS_COLLECTED for code in outcomes.values()):
        return ["no test ran"]
    return [name for name, code in outcomes.items() if code not in (0, NO_TESTS_COLLECTED)]


def wants_fast(arguments: Sequence[str]) -> bool:
    """Whether only the tests that need no server are to run (tests/suite.py)."""
    return ("-m", "fast") in pairwise(arguments)


def is_whole(arguments: Sequence[str]) -> bool:
    """Whether nothing in the arguments leaves tests out."""
    return not any(argument.startswith(("tests", "-k", "-m", "--lf", "--deselect")) for argument in arguments)


def parallel(*, fast: bool) -> list[str]:
    """Unless paths are named: a process for each processor, and one more as many tests, but no fast one, wait for
    servers. None of the fast ones needs the company of others.
    """
    processes = min((os.cpu_count() or 1) + (0 if fast else 1), MOST_PROCESSES)
    return ["-n", str(processes), "--dist", "worksteal" if fast else "loadgroup"]


def apart(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """What pytest gets without a browser and with one; an empty list says not to run it at all.

    Paths go where they belong, everything else to both.
    """
    named = [argument for argument in arguments if argument.split("/")[0] == "tests"]
    options = [argument for argument in arguments if argument not in named]
    if not named:
        processes = parallel(fast=wants_fast(arguments))
        return ["tests", f"--ignore={END_TO_END}", *processes, *options], [END_TO_END, *options]
    in_browser = [path for path in named if path.startswith(END_TO_END)]
    others = [path for path in named if path not in in_browser]
    if any(path.rstrip("/") == "tests" for path in others):
        others.append(f"--ignore={END_TO_END}")
        in_browser = [END_TO_END]
    return others and others + options, in_browser and in_browser + options


def print_coverage() -> None:
    """A line: which share of the lines was run, in all and of each package. Of one that was not, nothing."""
    from coverage import Coverage  # the tests' alone: the demo has none
    from coverage.exceptions import CoverageException

    measured = Coverage()
    measured.load()

    def share(*packages: str) -> str:
        return f"{measured.report(include=[f'{name}/*' for name in packages], file=StringIO()):.0f} %"

    try:
        parts = ", ".join(f"{package} {share(package)}" for package in PACKAGES)
        print(f"\nlines run by the tests: {share(*PACKAGES)} ({parts}); more: .venv/bin/coverage report")
    except CoverageException as nothing:
        print(f"\nlines run by the tests: {nothing}")


def find_browser() -> str:
    """The path of a Chromium. StackError: there is none, or CHROMIUM names no program."""
    if named := os.environ.get("CHROMIUM"):
        found = shutil.which(named)
        if found is None:
            raise StackError(f"CHROMIUM={named} is no program: set it to the path of a Chromium, or unset it")
        return found
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    raise StackError(
        "the pages are tested in a browser, and there is none: install Chromium (apt-get install chromium), "
        "or set CHROMIUM to the path of yours"
    )
