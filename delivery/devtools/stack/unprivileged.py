"""Who PostgreSQL runs as where it would refuse: it insists on a user other than root, and on one with a name.

Linux only. Either way runs in the child between fork and exec.
"""

import ctypes
import os
import pwd
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from delivery.errors import StackError

NOBODY = 65534
PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 8, 47, 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


def in_user_namespace() -> None:
    """Ourselves outside, nobody inside: files stay ours, and so does everything around them."""
    user, group = os.geteuid(), os.getegid()
    os.unshare(os.CLONE_NEWUSER)
    maps = {"uid_map": f"{NOBODY} {user} 1", "setgroups": "deny", "gid_map": f"{NOBODY} {group} 1"}
    for name, line in maps.items():
        Path("/proc/self", name).write_text(line)


def as_nobody() -> None:
    """Another user for real, where a container forbids namespaces.

    It keeps one right of root's: to pass the folders around the checkout, which may be root's alone.
    """
    if libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_KEEPCAPS")
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    low = 1 << CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    effective_permitted_inheritable = (ctypes.c_uint32 * 6)(low, low, low, 0, 0, 0)
    if libc.capset(header, effective_permitted_inheritable):
        raise OSError(ctypes.get_errno(), "capset")
    if libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_CAP_AMBIENT")


def way_to_run(program: Path, folder: Path) -> Callable[[], None] | None:
    """The first way in which the program runs and can enter the folder; None where it runs as it is.

    StackError: there is no way.
    """
    ways = [in_user_namespace, as_nobody]
    if os.geteuid() != 0:
        try:
            pwd.getpwuid(os.geteuid())
            return None
        except KeyError:
            ways = [in_user_namespace]
    command = ["/bin/sh", "-c", 'cd "$1" && exec "$0" --version', str(program), str(folder)]
    for way in ways:
        with suppress(subprocess.SubprocessError):  # what a `way` that is forbidden turns into
            if subprocess.run(command, capture_output=True, preexec_fn=way).returncode == 0:
                return way
    raise StackError(
        "PostgreSQL refuses to run as this user, and this machine lets it become no other: "
        "run this as an ordinary user, or set DATABASE_URL"
    )


def give(folder: Path, way: Callable[[], None] | None) -> None:
    """Make the folder and all in it belong to whom the way leads to (in a namespace: still to us)."""
    owner = NOBODY if way is as_nobody else os.geteuid()
    if folder.stat().st_uid == owner:
        return
    for path in [*folder.rglob("*"), folder]:  # the folder last: it tells that all is done
        os.chown(path, owner, owner, follow_symlinks=False)
