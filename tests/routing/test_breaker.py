"""A road service that is away: who asks is told at once, and it is found soon after it is back."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from delivery import osrm_server
from delivery.processes import Processes
from routing.breaker import PROBE_S, Breaker
from routing.errors import NoSegment, Unavailable
from routing.geo import Point
from routing.osrm import Osrm
from routing.roads.cities import DENVER
from tests.faults.cluster import wait_until

PARIS = Point(48.8566, 2.3522)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock=clock)


def ask(breaker: Breaker, *, answers: bool) -> bool:
    """Whether the question went through to the server."""
    asked = False
    try:
        with breaker.question():
            asked = True
            if not answers:
                raise Unavailable
    except Unavailable:
        pass
    return asked


def test_a_server_that_is_away_is_asked_once_in_ten_seconds(breaker: Breaker, clock: Clock) -> None:
    asked = []
    for second in range(60):
        clock.now = float(second)
        assert breaker.lets_through == (second % 10 == 0)
        asked += [second] * ask(breaker, answers=False)
    assert PROBE_S == 10
    assert asked == [0, 10, 20, 30, 40, 50]


def test_the_first_answer_lets_everybody_through_again(breaker: Breaker, clock: Clock) -> None:
    assert ask(breaker, answers=False)
    assert not ask(breaker, answers=True)
    clock.now = 10
    assert ask(breaker, answers=True)
    assert ask(breaker, answers=True)


def test_while_one_finds_out_the_others_do_not_wait(breaker: Breaker, clock: Clock) -> None:
    ask(breaker, answers=False)
    clock.now = 10
    with breaker.question():
        assert not ask(breaker, answers=True)
    assert ask(breaker, answers=True)


def test_a_refusal_is_an_answer(breaker: Breaker) -> None:
    with pytest.raises(NoSegment), breaker.question():
        raise NoSegment
    assert ask(breaker, answers=True)


def test_an_outage_is_told_once(breaker: Breaker, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for clock.now in (0.0, 10.0, 20.0):
            ask(breaker, answers=False)
        clock.now = 30.0
        for _ in range(3):
            ask(breaker, answers=True)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


# ------------------------------------------------------------------------------------- the real osrm-routed


class Routed:
    """osrm-routed on the default roads, always at the same port."""

    def __init__(self, processes: Processes, roads: Path) -> None:
        self.port = urlsplit(osrm_server.start(processes, roads).url).port or 0
        self._processes = processes
        (self._server,) = processes.children

    def kill(self) -> None:
        self._processes.kill(self._server)

    def start(self) -> None:
        self._server = self._processes.restart(self._server)
        self._processes.wait_for(self._server, lambda: osrm_server.accepts(self.port), osrm_server.START_S)

    def freeze(self) -> None:
        self._server.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._server.process.pid, os.WSTOPPED)  # now it has stopped

    def thaw(self) -> None:
        self._server.process.send_signal(signal.SIGCONT)


@pytest.fixture
def routed(default_roads: Path, tmp_path: Path) -> Iterator[Routed]:
    with Processes(tmp_path) as processes:
        yield Routed(processes, default_roads)


PROBE_SOON_S = 0.5


def client(port: int) -> Osrm:
    return Osrm(f"http://127.0.0.1:{port}", timeout=(0.5, 0.3), breaker=Breaker(probe_s=PROBE_SOON_S))


def answers(roads: Osrm) -> bool:
    try:
        roads.nearest(DENVER.center)
    except Unavailable:
        return False
    return True


@pytest.mark.parametrize(
    ("harm", "heal"), [(Routed.kill, Routed.start), (Routed.freeze, Routed.thaw)], ids=["killed", "stopped"]
)
def test_the_roads_go_and_come_back(
    routed: Routed, harm: Callable[[Routed], None], heal: Callable[[Routed], None]
) -> None:
    roads = client(routed.port)
    assert answers(roads)
    harm(routed)
    assert not answers(roads)
    assert_at_once(roads)
    heal(routed)
    assert_back_soon(roads)


def test_roads_that_answer_too_late_are_away(routed: Routed) -> None:
    """Behind a wire on which every answer takes five seconds."""
    wire = Wire(routed.port)
    roads = client(wire.port)
    assert answers(roads)
    wire.delay_s = 5.0
    assert not answers(roads)
    assert_at_once(roads)
    wire.delay_s = 0.0
    assert_back_soon(roads)
    wire.close()


def test_a_place_off_the_map_is_no_outage(routed: Routed) -> None:
    roads = client(routed.port)
    with pytest.raises(NoSegment):
        roads.nearest(PARIS)
    assert answers(roads)


def assert_at_once(roads: Osrm) -> None:
    began = time.monotonic()
    assert not any(answers(roads) for _ in range(100))
    assert time.monotonic() - began < PROBE_SOON_S / 2


def assert_back_soon(roads: Osrm) -> None:
    wait_until(lambda: answers(roads), "the roads are back, and are asked again", 4 * PROBE_SOON_S)


class Wire:
    """A TCP connection to `to` on which what comes back is delayed."""

    def __init__(self, to: int) -> None:
        self.delay_s = 0.0
        self._to = to
        self._closed = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to))
            threading.Thread(target=self._carry, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, True), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, answer: bool) -> None:
        try:
            while data := source.recv(65_536):
                if answer:
                    self._closed.wait(self.delay_s)
                sink.sendall(data)
        except OSError:
            pass  # one side has hung up
        finally:
            source.close()
            sink.close()

    def close(self) -> None:
        self._closed.set()
        self._server.close()
