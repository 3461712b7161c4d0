"""The pure modules of the pages, run by Node where there is one (the browser tests cover them everywhere)."""

import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

HERE = Path(__file__).parent
NODE = shutil.which("node")


@pytest.mark.parametrize("file", [*HERE.glob("*.test.mjs")] if NODE else [], ids=lambda file: file.stem)
def test_module(file: Path, tmp_path: Path) -> None:
    # Browsers are told by the page that a .js file is a module, Node by a package.json, which the pages don't need.
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copytree(Path(settings.BASE_DIR) / "static/js", tmp_path / "static/js")
    copied = tmp_path / "tests/pages" / file.name
    copied.parent.mkdir(parents=True)
    shutil.copy(file, copied)
    run = subprocess.run([NODE, "--test", copied], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
