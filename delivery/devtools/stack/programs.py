"""Programs of the system that tests run and Doorstep does not bring along."""

import shutil
from pathlib import Path

from delivery.errors import StackError

#: Where Debian puts servers: on root's PATH alone.
SYSTEM_PATH = "/usr/sbin"


def system_program(title: str, name: str, package: str = "") -> Path:
    """Where `name` is. StackError: it is not on this machine. `package`: Debian's, where it has another name."""
    found = shutil.which(name) or shutil.which(name, path=SYSTEM_PATH)
    if found is None:
        raise StackError(
            f"Doorstep is tested with {title}, and there is none: install it (apt-get install {package or name})"
        )
    return Path(found)
