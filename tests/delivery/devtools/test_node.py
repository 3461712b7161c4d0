"""Node's packages are installed where they are not what package-lock.json says, and only there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from delivery.devtools.stack import node
from delivery.errors import ChildDied, StackError
from delivery.processes import Processes

#: Does what `npm ci` does to the folder, and notes that it was called.
NPM = """#!/bin/sh
echo "$@" >> {calls}
rm -rf {root}/node_modules
test -e {root}/broken && exit 1
mkdir {root}/node_modules
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a lock file, and an npm before all others."""
    root, programs = tmp_path / "checkout", tmp_path / "programs"
    root.mkdir()
    programs.mkdir()
    (root / "package-lock.json").write_text("one")
    npm = programs / "npm"
    npm.write_text(NPM.format(calls=tmp_path / "calls", root=root))
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return root


@pytest.fixture
def install(root: Path, tmp_path: Path) -> Iterator[Callable[[], int]]:
    """Installs, and returns how often npm was called so far."""
    calls = tmp_path / "calls"

    def install_() -> int:
        node.install_packages(processes, root)
        return len(calls.read_text().splitlines())

    with Processes(tmp_path) as processes:
        yield install_


def test_once_for_each_lock_file(root: Path, install: Callable[[], int]) -> None:
    assert (install(), install()) == (1, 1)
    (root / "package-lock.json").write_text("two")
    assert (install(), install()) == (2, 2)


def test_again_after_it_failed(root: Path, install: Callable[[], int]) -> None:
    install()
    (root / "package-lock.json").write_text("two")
    (root / "broken").touch()
    with pytest.raises(ChildDied, match="npm failed"):
        install()
    (root / "package-lock.json").write_text("one")
    (root / "broken").unlink()
    assert install() == 3


def test_no_npm(install: Callable[[], int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match="there is none: install Node"):
        install()
