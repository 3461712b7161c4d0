"""The processes of a run: each with a log of its own, watched, stopped in order, and never orphaned.

On Linux the kernel ties every child to the launcher (PR_SET_PDEATHSIG): even one that is killed with SIGKILL
leaves nothing behind. Children live in sessions of their own, so that a Ctrl-C reaches the launcher alone.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from delivery.errors import ChildDied, Interrupted, StackError

POLL_S = 0.05
LAST_LINES = 15
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals
    stop_s: float
    spawn: Callable[[], subprocess.Popen[bytes]]

    def last_lines(self) -> list[str]:
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - 20_000))
            return file.read().decode(errors="replace").splitlines()[-LAST_LINES:]

    def died(self, what: str = "ended by itself") -> ChildDied:
        code = self.process.returncode
        how = f"exit status {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
        return ChildDied(f"{self.name} {what} ({how}); {self.last_words()}")

    def last_words(self) -> str:
        return f"its log is {self.log} and ends:" + "".join(f"\n    {line}" for line in self.last_lines())

    def stop(self) -> None:
        """Ask, wait, then kill, together with whatever it started in its session."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(self.stop_s)
        self.kill()

    def kill(self) -> None:
        """SIGKILL, together with whatever it started in its session."""
        # No such group: all of it has ended. macOS says EPERM for a group of zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Processes:
    """A context where SIGINT, SIGTERM and SIGHUP ask to stop; at its end every child is stopped, last first.

    A signal only leaves a mark, which `pause` turns into Interrupted: no start is torn in the middle, and a
    second Ctrl-C changes nothing about an orderly stop. SIGUSR1 is a child's way to report, for example that it is
    ready: `signals_received` counts them.
    """

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.children: list[Child] = []
        self.signals_received = 0
        self._signal: int | None = None
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        # Nohup's SIGHUP stays ignored. SIGINT is ignored by whatever a script starts in the background, but whoever
        # sends it to one process means it.
        nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        for number in (signal.SIGINT, signal.SIGTERM, *([] if nohup else [signal.SIGHUP])):
            self._handlers[number] = signal.signal(number, self._mark)
        self._handlers[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._count)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def stop(self) -> None:
        """Stop every child, last first."""
        while self.children:
            self.children.pop().stop()

    def _mark(self, number: int, frame: FrameType | None) -> None:
        self._signal = number

    def _count(self, number: int, frame: FrameType | None) -> None:
        self.signals_received += 1

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        env: Mapping[str, str],
        *,
        stop_signal: signal.Signals = signal.SIGTERM,
        stop_s: float = 10,
        orphan_signal: signal.Signals = signal.SIGKILL,
        become: Callable[[], None] | None = None,
        echo: bool = False,
    ) -> Child:
        """Start a process that is to run until the end.

        `orphan_signal`: what the kernel sends it when the launcher dies. `become` runs in it first.
        """
        log = self.logs / f"{name}.log"
        log.write_bytes(b"")

        def spawn() -> subprocess.Popen[bytes]:
            with log.open("ab") as out:
                return subprocess.Popen(
                    command,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=None if echo else out,
                    stderr=out,
                    start_new_session=True,
                    preexec_fn=tied_to_launcher(orphan_signal, become),
                )

        child = Child(name, spawn(), log, stop_signal, stop_s, spawn)
        self.children.append(child)
        return child

    def end(self, child: Child) -> None:
        """Stop one child in order; `pause` does not miss it."""
        self.children.remove(child)
        child.stop()

    def kill(self, child: Child) -> None:
        """End a child as a crash would; `pause` does not miss it."""
        self.children.remove(child)
        child.kill()

    def restart(self, child: Child) -> Child:
        """Start a child that was killed again, with the same command; its log goes on."""
        again = replace(child, process=child.spawn())
        self.children.append(again)
        return again

    def run(
        self,
        name: str,
        command: Sequence[str | Path],
        env: Mapping[str, str],
        *,
        become: Callable[[], None] | None = None,
        echo: bool = False,
    ) -> None:
        """Run a command to its end. With `echo` its standard output is on our terminal, not in its log.

        ChildDied: it failed.
        """
        child = self.start(name, command, env, become=become, echo=echo)
        self.children.remove(child)
        try:
            while child.process.poll() is None:
                self.pause()
        except BaseException:
            child.stop()
            raise
        if child.process.returncode:
            raise child.died("failed")

    def run_in_terminal(self, command: Sequence[str | Path], env: Mapping[str, str]) -> int:
        """Run a command on our own terminal, which sends it a Ctrl-C as well, and return its exit status."""
        process = subprocess.Popen(command, env=env, preexec_fn=tied_to_launcher(signal.SIGTERM))
        try:
            while process.poll() is None:
                self.pause()
        except BaseException as error:
            if not (isinstance(error, Interrupted) and error.number == signal.SIGINT):
                process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
        return process.wait()

    def wait_for(self, child: Child, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until a child is ready. StackError: it took too long. ChildDied: it, or another, has ended."""
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                raise StackError(f"{child.name} is not ready after {seconds:g} s; {child.last_words()}")
            self.pause()

    def pause(self, seconds: float = POLL_S) -> None:
        """Wait a moment. Interrupted: a signal asked to stop. ChildDied: a child has ended."""
        time.sleep(seconds)
        if self._signal is not None:
            raise Interrupted(self._signal)
        for child in self.children:
            if child.process.poll() is not None:
                raise child.died()


def tied_to_launcher(
    orphan_signal: signal.Signals, become: Callable[[], None] | None = None
) -> Callable[[], None]:
    """What a child does between fork and exec. The tie comes last: a change of user would undo it."""
    launcher = os.getpid()
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def prepare() -> None:
        if become:
            become()
        if libc:
            libc.prctl(PR_SET_PDEATHSIG, orphan_signal)
            if os.getppid() != launcher:  # it died before the tie was made
                os._exit(1)

    return prepare
