"""The state folder: everything that outlives a run, held by one run at a time."""

import fcntl
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from delivery.errors import StackError

ROOT = Path(__file__).resolve().parents[3]

#: A Unix socket's address holds 107 bytes on Linux and 103 on macOS.
LONGEST_SOCKET_PATH = 100
#: The longest name that a server gives a socket (PostgreSQL's lock file is no address).
LONGEST_SOCKET_NAME = ".s.PGSQL.5432"
#: What stands for itself in a URL; libpq would also take a comma for the end of a host.
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")


@dataclass(frozen=True)
class StateFolder:
    """The folders of a run that holds the lock. `sockets` is in `folder` where its path allows."""

    folder: Path
    sockets: Path

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def secret(self, name: str, random_bytes: int) -> str:
        """A random text, made once and kept in a file that only its owner reads."""
        path = self.folder / name
        if not path.exists():
            new = self.folder / f"{name}.new"
            with open(new, "w", opener=private) as file:
                file.write(secrets.token_urlsafe(random_bytes) + "\n")
            new.replace(path)
        return path.read_text().strip()


def private(path: str, flags: int) -> int:
    """An `opener` of files that only their owner reads."""
    return os.open(path, flags, 0o600)


def default_folder() -> Path:
    """DOORSTEP_STATE, or `.state` in the checkout."""
    return Path(os.environ.get("DOORSTEP_STATE") or ROOT / ".state").expanduser().absolute()


@contextmanager
def open_state(folder: Path) -> Iterator[StateFolder]:
    """Make the folder where it is missing and hold its lock until the block ends.

    StackError: it can't be written, or another run holds it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = open(folder / "lock", "a+", opener=private)  # noqa: SIM115
    except OSError as error:
        raise StackError(
            f"can't write the state folder {folder} ({error.strerror}): "
            "set DOORSTEP_STATE to a folder that you can write"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise StackError(
                f"the state folder {folder} is in use by another run (process {holder}): "
                "stop that one, or set DOORSTEP_STATE to another folder"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        with _sockets_folder(folder) as sockets:
            (folder / "logs").mkdir(mode=0o700, exist_ok=True)
            yield StateFolder(folder, sockets)


@contextmanager
def _sockets_folder(folder: Path) -> Iterator[Path]:
    """`run` in the state folder; a private temporary folder where that path does not do for a socket."""
    own = folder / "run"
    length = len(os.fsencode(own / LONGEST_SOCKET_NAME))
    if length <= LONGEST_SOCKET_PATH and PLAIN_PATH.fullmatch(str(own)):
        own.mkdir(mode=0o700, exist_ok=True)
        yield own
        return
    parent = tempfile.gettempdir()
    if len(parent) > LONGEST_SOCKET_PATH // 2 or not PLAIN_PATH.fullmatch(parent):
        parent = "/tmp"  # noqa: S108
    with tempfile.TemporaryDirectory(prefix="doorstep-", dir=parent, ignore_cleanup_errors=True) as short:
        yield Path(short)
