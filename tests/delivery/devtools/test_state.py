import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from delivery.devtools.stack.state import LONGEST_SOCKET_PATH, ROOT, open_state
from delivery.errors import StackError

HOLD = """
import sys
from pathlib import Path
from delivery.devtools.stack.state import open_state
with open_state(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_its_owner_enters(tmp_path: Path) -> None:
    with open_state(tmp_path / "a" / "state") as state:
        assert [mode(path) for path in (state.folder, state.logs, state.sockets)] == [0o700] * 3


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with open_state(tmp_path):
        assert mode(tmp_path) == 0o755


def test_another_process_holds_the_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdin
        assert holder.stdout.readline() == b"held\n"
        told = rf"in use by another run \(process {holder.pid}\).*DOORSTEP_STATE"
        with pytest.raises(StackError, match=told), open_state(tmp_path):
            pytest.fail("two hold it")
        holder.stdin.close()
    with open_state(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("below", ["state", "deeper/state"])
def test_a_folder_that_cannot_be_made(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    told = r"^can't write the state folder .*/file/.*set DOORSTEP_STATE"
    with pytest.raises(StackError, match=told), open_state(tmp_path / "file" / below):
        pytest.fail("it was made")


def test_a_folder_that_cannot_be_written() -> None:
    unwritable = Path("/proc/self/fdinfo")  # even for root
    with pytest.raises(StackError, match=r"^can't write the state folder /proc"), open_state(unwritable):
        pytest.fail("it was written")


def test_secrets_are_kept_and_private(tmp_path: Path) -> None:
    with open_state(tmp_path) as state:
        first, other = state.secret("secret-key", 48), state.secret("demo-password", 9)
    with open_state(tmp_path) as state:
        assert state.secret("secret-key", 48) == first
    assert len(first) == 64
    assert len(other) == 12
    assert mode(tmp_path / "secret-key") == 0o600


@pytest.mark.parametrize("name", ["x" * 120, "with space", "comma,", "pérou", "50%"])
def test_sockets_go_elsewhere_when_the_path_does_not_do(tmp_path: Path, name: str) -> None:
    with open_state(tmp_path / name) as state:
        assert state.sockets.parent != state.folder
        assert mode(state.sockets) == 0o700
        assert len(str(state.sockets / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH
        kept = state.sockets
    assert not kept.exists()
