"""What roads need of the disk: room, and files that are there whole or not at all."""

import os
import shutil
from pathlib import Path

from routing.errors import RoadsError
from routing.roads.progress import MB


def check_room(folder: Path, needed: int, what: str) -> None:
    """RoadsError: the disk of `folder` has fewer than `needed` bytes for `what`."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise RoadsError(
            f"{what} needs {needed / MB:,.0f} MB, and the disk of {folder} has {free / MB:,.0f} MB left: "
            "make room, or set DOORSTEP_STATE to a folder on another disk."
        )


def size_of(folder: Path) -> int:
    """Bytes of all files in it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def write_whole(path: Path, text: str) -> None:
    """Replaces a file in one go, so that it outlives a power cut either as it was or as it is to be."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    settle(new)
    new.replace(path)
    settle(path.parent)


def settle(path: Path) -> None:
    """Waits until a file, or the list of a folder's files, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def settle_all(folder: Path) -> None:
    """Waits until a folder and everything in it is on the disk."""
    for path in (folder, *folder.rglob("*")):
        settle(path)
