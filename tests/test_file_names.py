"""The files that documents, docstrings and comments send a reader to are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("delivery", "tracking", "dispatch", "routing", "templates", "static", "docs", "tests")
NAMED = re.compile(rf"(?<![\w/.-])(?:{'|'.join(FOLDERS)})/[\w./-]*\w/?")
READ = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", *(f"{folder}/**/*.py" for folder in FOLDERS))
    for path in ROOT.glob(pattern)
)


def named_by(path: Path) -> set[str]:
    return {name for name in NAMED.findall(path.read_text()) if "." in name or name.endswith("/")}


def test_files_that_are_named_exist() -> None:
    named = {(str(path.relative_to(ROOT)), name) for path in READ for name in named_by(path)}
    assert len(named) > 100
    assert [(where, name) for where, name in sorted(named) if not (ROOT / name).exists()] == []
