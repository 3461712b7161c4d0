"""`python -m delivery.devtools.stack`: what it says when it can't begin."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from delivery.devtools.stack import demo
from delivery.devtools.stack import test as suite
from delivery.devtools.stack.state import ROOT, open_state


def stack(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "delivery.devtools.stack", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )


def assert_told(run: subprocess.CompletedProcess[str], *parts: str) -> None:
    """One line on standard error that says all of it, nothing before it, exit status 1."""
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith("doorstep: ")
    assert run.stderr.count("\n") == 1
    for part in parts:
        assert part in run.stderr


@pytest.mark.slow
def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = stack("demo", PORT=str(port), DOORSTEP_STATE=str(tmp_path))
    assert_told(run, f"port {port} can't be used", f"PORT={port + 1}")
    assert not (tmp_path / "postgres").exists()


@pytest.mark.slow
@pytest.mark.parametrize("port", ["http", "0", "65536", "-1", "8000.5", "²"])
def test_no_port(tmp_path: Path, port: str) -> None:
    assert_told(stack("demo", PORT=port, DOORSTEP_STATE=str(tmp_path)), f"PORT={port} is not a port")


@pytest.mark.slow
def test_no_fleet(tmp_path: Path) -> None:
    run = stack("demo", PORT="65535", DEMO_DRIVERS="-3", DOORSTEP_STATE=str(tmp_path))
    assert_told(run, "DEMO_DRIVERS=-3 is no count")
    assert not (tmp_path / "postgres").exists()


@pytest.mark.parametrize(
    ("env", "fleet", "delivers"),
    [
        ({}, (24, 240), True),
        ({"DEMO_DRIVERS": "", "DEMO_ORDERS_PER_HOUR": "60"}, (24, 60), True),
        ({"DEMO_DRIVERS": "0"}, (0, 240), False),
        ({"DEMO_ORDERS_PER_HOUR": "0"}, (24, 0), False),
    ],
)
def test_the_size_of_the_demo(env: dict[str, str], fleet: tuple[int, int], delivers: bool) -> None:
    chosen = demo.chosen_fleet(env)
    assert (chosen, chosen.delivers) == (fleet, delivers)


@pytest.mark.slow
@pytest.mark.parametrize(("command", "folder"), [("demo", ""), ("test", "test"), ("check", "test")])
def test_a_second_run(tmp_path: Path, command: str, folder: str) -> None:
    with open_state(tmp_path / folder):
        assert_told(stack(command, DOORSTEP_STATE=str(tmp_path)), "in use by another run", "DOORSTEP_STATE")


@pytest.mark.slow
def test_no_such_command() -> None:
    assert_told(
        stack("dmeo"),
        "demo, test, check, evening, faults, bench, bench-fences, bench-routing, bench-scale or bench-volume",
    )


WHOLE = ["tests", "--ignore=tests/e2e", *suite.parallel(fast=False)]
FAST = ["tests", "--ignore=tests/e2e", *suite.parallel(fast=True)]


@pytest.mark.parametrize(
    ("arguments", "others", "in_browser"),
    [
        ([], WHOLE, ["tests/e2e"]),
        (["-k", "fences"], [*WHOLE, "-k", "fences"], ["tests/e2e", "-k", "fences"]),
        (["-m", "fast"], [*FAST, "-m", "fast"], ["tests/e2e", "-m", "fast"]),
        (["tests", "-x"], ["tests", "--ignore=tests/e2e", "-x"], ["tests/e2e", "-x"]),
        (["tests/routing", "-x"], ["tests/routing", "-x"], []),
        (["tests/e2e/test_pages.py::test_one", "-x"], [], ["tests/e2e/test_pages.py::test_one", "-x"]),
        (["tests/e2e", "tests/routing"], ["tests/routing"], ["tests/e2e"]),
    ],
)
def test_tests_go_where_they_belong(arguments: list[str], others: list[str], in_browser: list[str]) -> None:
    assert suite.apart(arguments) == (others, in_browser)


def program(folder: Path, name: str, says: str = "") -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {says}\n")
    path.chmod(0o755)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "arguments", "has"),
    [
        ("check", ["-k", "fences"], "node"),
        ("check", [], "chromium"),
        ("test", [], "node"),
        ("test", [], "chromium"),
    ],
)
def test_a_missing_node_or_browser_is_said_before_anything_starts(
    tmp_path: Path, command: str, arguments: list[str], has: str
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    program(programs, has, says="v20.0.0")
    state = tmp_path / "state"
    run = stack(command, *arguments, PATH=str(programs), CHROMIUM="", DOORSTEP_STATE=str(state))
    missing = "apt-get install chromium" if has == "node" else "apt-get install nodejs npm"
    assert_told(run, "there is none: install", missing)
    assert not state.exists()


@pytest.mark.slow
@pytest.mark.parametrize("says", ["v18.19.1", ""])
def test_a_node_that_is_too_old(tmp_path: Path, says: str) -> None:
    program(tmp_path, "node", says)
    program(tmp_path, "chromium")
    run = stack("check", PATH=str(tmp_path), CHROMIUM="", DOORSTEP_STATE=str(tmp_path / "state"))
    assert_told(run, "too old: install Node.js 18.20 or newer")


@pytest.mark.slow
@pytest.mark.parametrize(("chosen", "status"), [("wrong_link", 1), ("no_such_test", 5)])
def test_browser_tests_fail_without_a_browser(tmp_path: Path, chosen: str, status: int) -> None:
    """… and where none of them is chosen, none is needed."""
    command = [sys.executable, "-m", "pytest", "tests/e2e", "-k", chosen, "-p", "no:cacheprovider"]
    env = {**os.environ, "PATH": str(tmp_path), "CHROMIUM": ""}
    run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert run.returncode == status
    assert ("there is none: install Chromium" in run.stdout + run.stderr) == (status == 1)


@pytest.mark.parametrize(
    ("arguments", "fast", "whole"),
    [
        ([], False, True),
        (["-q", "-x"], False, True),
        (["-m", "fast"], True, False),
        (["-q", "-m", "fast", "tests/routing"], True, False),
        (["-m", "slow"], False, False),
        (["-k", "fast"], False, False),
        (["tests/routing"], False, False),
    ],
)
def test_what_the_arguments_leave_out(arguments: list[str], fast: bool, whole: bool) -> None:
    assert (suite.wants_fast(arguments), suite.is_whole(arguments)) == (fast, whole)


@pytest.mark.slow
def test_the_fast_part_runs_without_a_server(tmp_path: Path) -> None:
    run = stack("test", "-m", "fast", "tests/routing/test_geo.py", DOORSTEP_STATE=str(tmp_path))
    assert run.returncode == 0, run.stdout + run.stderr
    assert "PostgreSQL" not in run.stdout
    assert not (tmp_path / "test" / "postgres").exists()
