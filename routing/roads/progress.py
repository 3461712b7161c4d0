"""What who builds roads gets to see: a bar on a terminal, a line for each step in a log."""

import shutil
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

TICK_S = 0.25
BAR_WIDTH = 20
MB = 1_000_000

ERASE = "\r\033[K"


class Progress(Protocol):
    def message(self, text: str) -> None:
        """Something to know, whatever is being done."""

    def step(self, number: int, of: int, doing: str) -> None:
        """A step begins, which is the end of what was done before."""

    def loading(self, doing: str, done: int, total: int | None) -> None:
        """So many bytes are here; `total`: of how many, where that is known."""


class StatusLine:
    """The last line of a terminal, drawn anew in its place; messages stand above it."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def draw(self, text: str) -> None:
        self._write(ERASE + text[: shutil.get_terminal_size().columns - 1])

    def clear(self) -> None:
        self._write(ERASE)

    def message(self, text: str) -> None:
        self._write(f"{ERASE}{text}\n")


def done_line(doing: str, seconds: float) -> str:
    return f"✓ {doing:40} {seconds:6.1f} s"


class ProgressLog:
    """Of a download only that it begins."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._loading = ""

    def message(self, text: str) -> None:
        self._write(text)

    def step(self, number: int, of: int, doing: str) -> None:
        self._write(f"{number}/{of} {doing}")

    def loading(self, doing: str, done: int, total: int | None) -> None:
        if doing != self._loading:
            self._loading = doing
            self._write(doing + (f" ({total / MB:.1f} MB)" if total else ""))


class ProgressBar:
    """Drawn four times a second, whatever the program that works says of itself: the clock shows that it does.

    A context: at its end the line is ticked off too, or wiped away by an error.
    """

    def __init__(self, write: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._line = StatusLine(write)
        self._clock = clock
        self._doing = ""
        self._share, self._amount = 0.0, ""
        self._began = 0.0
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._ticking = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        self._ticking.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._ticking.join()
        with self._lock:
            if error is None:
                self._tick_off()
            else:
                self._line.clear()

    def message(self, text: str) -> None:
        with self._lock:
            self._line.message(text)
            self.draw()

    def step(self, number: int, of: int, doing: str) -> None:
        with self._lock:
            self._begin(doing)
            self._share, self._amount = (number - 1) / of, f"{number}/{of}"
            self.draw()

    def loading(self, doing: str, done: int, total: int | None) -> None:
        with self._lock:
            if doing != self._doing:
                self._begin(doing)
            self._share = done / total if total else 0.0
            self._amount = f"{done / MB:.1f}" + (f" of {total / MB:.1f} MB" if total else " MB")

    def draw(self) -> None:
        if not self._doing:
            return
        full = round(self._share * BAR_WIDTH)
        minutes, seconds = divmod(int(self._clock() - self._began), 60)
        bar = "█" * full + "░" * (BAR_WIDTH - full)
        self._line.draw(f"{bar} {self._amount} {self._doing} {minutes}:{seconds:02}")

    def _begin(self, doing: str) -> None:
        self._tick_off()
        self._doing, self._began = doing, self._clock()

    def _tick_off(self) -> None:
        if self._doing:
            self._line.message(done_line(self._doing, self._clock() - self._began))
        else:
            self._line.clear()

    def _tick(self) -> None:
        while not self._closed.wait(TICK_S):
            with self._lock:
                self.draw()
