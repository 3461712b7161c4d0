import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from delivery.devtools.stack.state import ROOT
from delivery.errors import ChildDied, StackError
from delivery.processes import Processes
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

#: Two children; the first starts a child of its own. Tells their pids, and runs until it is told to stop.
LAUNCHER = """
import os, sys
from pathlib import Path
from delivery.errors import Interrupted
from delivery.processes import Processes
with Processes(Path(sys.argv[1])) as processes:
    for name in ("first", "second"):
        processes.start(name, [sys.executable, "-c", sys.argv[2], name, sys.argv[1]], os.environ)
    for child in processes.children:
        processes.wait_for(child, lambda: bool(child.last_lines()), 10)
    print(*(line for child in processes.children for line in child.last_lines()), flush=True)
    try:
        while True:
            processes.pause()
    except Interrupted:
        pass
print("stopped", flush=True)
"""
#: Says its pid, and at SIGTERM writes its name to the file `stops`.
CHILD = """
import os, signal, sys
def stop(*_):
    with open(sys.argv[2] + "/stops", "a") as file:
        file.write(sys.argv[1] + "\\n")
    sys.exit()
signal.signal(signal.SIGTERM, stop)
print(os.getpid(), flush=True)
while True:
    signal.pause()
"""


def runs(pid: int) -> bool:
    """Whether a process runs: one that waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def launcher(tmp_path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", LAUNCHER, str(tmp_path), CHILD]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=ask_to_stop_works
    )


def ask_to_stop_works() -> None:
    """Under nohup, or in the background of a shell, these signals are ignored, and what we start inherits that."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def children_of(launcher: subprocess.Popen[str]) -> list[int]:
    assert launcher.stdout
    pids = [int(word) for word in launcher.stdout.readline().split()]
    assert [runs(pid) for pid in pids] == [True, True]
    return pids


def test_a_killed_launcher_leaves_nothing(launcher: subprocess.Popen[str]) -> None:
    with launcher:
        pids = children_of(launcher)
        launcher.kill()
        wait_until(lambda: not any(runs(pid) for pid in pids), "they are gone")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_last_first(
    launcher: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    with launcher:
        pids = children_of(launcher)
        for _ in range(3):  # impatience changes nothing
            launcher.send_signal(number)
        assert launcher.communicate(timeout=30)[0] == "stopped\n"
    assert launcher.returncode == 0
    assert (tmp_path / "stops").read_text() == "second\nfirst\n"
    assert not any(runs(pid) for pid in pids)


def test_in_the_background_of_a_script_it_stops_when_it_is_asked_to(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LAUNCHER, str(tmp_path), CHILD]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=hear_nothing
    ) as launcher:
        pids = children_of(launcher)
        launcher.send_signal(signal.SIGHUP)
        launcher.send_signal(signal.SIGINT)
        assert launcher.communicate(timeout=30)[0] == "stopped\n"
    assert not any(runs(pid) for pid in pids)


def hear_nothing() -> None:
    """As under nohup, in the background of a script."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def test_a_child_that_dies_is_named_with_its_last_words(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        steady = processes.start("steady", ["sleep", "60"], os.environ)
        processes.start("broken", ["sh", "-c", "echo one; echo no such table >&2; exit 3"], os.environ)
        with pytest.raises(
            ChildDied, match=r"(?s)broken ended by itself \(exit status 3\).*one\n.*no such table"
        ):
            processes.wait_for(steady, lambda: False, 10)


def test_a_child_that_will_not_stop_is_killed_with_its_own_children(tmp_path: Path) -> None:
    stubborn = "trap '' TERM; sleep 60 & echo $!; wait"
    with Processes(tmp_path) as processes:
        child = processes.start("stubborn", ["sh", "-c", stubborn], os.environ, stop_s=0.2)
        wait_until(lambda: bool(child.last_lines()), "it has begun")
        grandchild = int(child.last_lines()[0])
        assert runs(grandchild)
    assert child.process.returncode == -signal.SIGKILL
    wait_until(lambda: not runs(grandchild), "the grandchild is gone")


def test_a_command_runs_to_its_end(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        processes.run("steps", ["sh", "-c", "echo done"], os.environ)
        assert (tmp_path / "steps.log").read_text() == "done\n"
        with pytest.raises(ChildDied, match=r"(?s)steps failed \(exit status 1\).*disk full"):
            processes.run("steps", ["sh", "-c", "echo disk full; exit 1"], os.environ)
        assert processes.children == []


def test_waiting_ends(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        child = processes.start("slow", ["sh", "-c", "echo still loading; sleep 60"], os.environ)
        wait_until(lambda: bool(child.last_lines()), "it has begun")
        with pytest.raises(StackError, match=r"(?s)^slow is not ready after 0.1 s; .*still loading"):
            processes.wait_for(child, lambda: False, 0.1)


def test_the_exit_status_of_a_command_in_the_terminal(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        assert processes.run_in_terminal(["sh", "-c", "exit 5"], os.environ) == 5


def test_a_child_that_was_killed_is_started_again(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        child = processes.start("server", ["sh", "-c", "sleep 60 & echo $!; wait"], os.environ)
        wait_until(lambda: bool(child.last_lines()), "it has begun")
        processes.kill(child)
        grandchild = int(child.last_lines()[0])
        wait_until(lambda: not runs(grandchild), "the grandchild is gone")
        processes.pause()  # nobody misses it
        again = processes.restart(child)
        wait_until(lambda: len(again.last_lines()) == 2, "it has begun again")  # the log goes on
        assert runs(again.process.pid)
        assert processes.children == [again]
