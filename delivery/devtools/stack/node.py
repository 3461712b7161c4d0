"""Node, which checks and tests the pages' JavaScript; nothing that is served needs it."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from delivery.devtools.stack.progress import step
from delivery.devtools.stack.state import ROOT
from delivery.errors import StackError
from delivery.processes import Processes

#: The first that ESLint and the test runner work with; what Debian 12 has.
OLDEST = (18, 20)
HOW = "install Node.js 18.20 or newer with npm (apt-get install nodejs npm, or nodejs.org)"


def find_node() -> str:
    """The path of `node`. StackError: there is none, or one that is too old."""
    node = shutil.which("node")
    if node is None:
        raise StackError(f"the pages' JavaScript is checked and tested with Node, and there is none: {HOW}")
    said = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip()
    version = tuple(int(part) for part in said.removeprefix("v").split(".")[:2] if part.isdigit())
    if version < OLDEST:
        raise StackError(f"{node} is Node {said or 'that does not run'}, which is too old: {HOW}")
    return node


def checks(root: Path = ROOT) -> dict[str, list[str]]:
    """The commands that check the pages' JavaScript, by name; they need the packages. StackError: no Node."""
    node, packages = find_node(), root / "node_modules"
    return {
        "tsc": [node, str(packages / "typescript" / "bin" / "tsc")],
        "eslint": [node, str(packages / "eslint" / "bin" / "eslint.js"), "--max-warnings=0"],
    }


def install_packages(processes: Processes, root: Path = ROOT) -> None:
    """`npm ci`, where what is installed is not what package-lock.json says. StackError: no npm, or it fails."""
    stamp = root / "node_modules" / "doorstep-stamp"
    wanted = hashlib.sha256((root / "package-lock.json").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    npm = shutil.which("npm")
    if npm is None:
        raise StackError(f"Node's packages are installed by npm, and there is none: {HOW}")
    # npm empties the folder first, the stamp goes with it: whatever stops npm in between, the next run starts afresh.
    with step("npm packages"):
        processes.run("npm", [npm, "ci", "--prefix", str(root), "--no-audit", "--no-fund"], os.environ)
    stamp.write_text(wanted)
