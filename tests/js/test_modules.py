"""The pages' modules that need no page, run by Node's own test runner."""

import subprocess
from pathlib import Path

import pytest

from delivery.devtools.stack.node import find_node
from delivery.devtools.stack.state import ROOT

FILES = sorted(Path(__file__).parent.glob("*.test.js"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.removesuffix(".test.js"))
def test_module(file: Path) -> None:
    run = subprocess.run([find_node(), "--test", file], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_module_is_checked() -> None:
    modules = [*(ROOT / "static" / "js").rglob("*.js"), *Path(__file__).parent.glob("*.js")]
    assert not [str(path) for path in modules if not path.read_text().startswith("// @ts-check\n")]
    assert not list((ROOT / "static").glob("*.js")), "modules are in static/js/"
