"""Node, which checks and tests the pages' JavaScript; nothing that is served needs it."""

import hashlib
import os
import shutil
import subprocess

from delivery.devtools.stack.progress import step
from delivery.devtools.stack.state import ROOT
from delivery.errors import StackError
from delivery.processes import Processes

#: The first that ESLint and the test runner work with; what Debian 12 has.
OLDEST = (18, 18)
HOW = "install Node.js 18.18 or newer with npm (apt-get install nodejs npm, or nodejs.org)"

PACKAGES = ROOT / "node_modules"
STAMP = PACKAGES / "doorstep-stamp"
LOCK = ROOT / "package-lock.json"


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


def checks() -> dict[str, list[str]]:
    """The commands that check the pages' JavaScript, by name; they need the packages. StackError: no Node."""
    node = find_node()
    return {
        "tsc": [node, str(PACKAGES / "typescript" / "bin" / "tsc")],
        "eslint": [node, str(PACKAGES / "eslint" / "bin" / "eslint.js"), "--max-warnings=0"],
    }


def install_packages(processes: Processes) -> None:
    """`npm ci`, where package-lock.json is not what is installed. StackError: no npm, or it fails."""
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    npm = shutil.which("npm")
    if npm is None:
        raise StackError(f"Node's packages are installed by npm, and there is none: {HOW}")
    with step("npm packages"):
        processes.run("npm", [npm, "ci", "--no-audit", "--no-fund"], os.environ)
    STAMP.write_text(wanted)
