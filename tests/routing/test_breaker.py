"""A road service that is away: who asks is told at once, and it is found soon after it is back."""

import logging
import os
import signal
import socket
import threading
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
from tests.waiting import wait_until

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


def client(port: int, clock: Clock) -> Osrm:
    """Waits for an answer so briefly that a busy machine may find the roads away: see `assert_back`."""
    return Osrm(f"http://127.0.0.1:{port}", timeout=(0.5, 0.3), breaker=Breaker(clock=clock))


def answers(roads: Osrm) -> bool:
    try:
        roads.nearest(DENVER.center)
    except Unavailable:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize(
    ("harm", "heal"), [(Routed.kill, Routed.start), (Routed.freeze, Routed.thaw)], ids=["killed", "stopped"]
)
def test_the_roads_go_and_come_back(
    routed: Routed,
    wire: "Wire",
    clock: Clock,
    harm: Callable[[Routed], None],
    heal: Callable[[Routed], None],
) -> None:
    roads = client(wire.port, clock)
    assert_back(roads, clock)
    harm(routed)
    assert not answers(roads)
    assert_spared(roads, wire)
    heal(routed)
    assert_back(roads, clock)


@pytest.mark.slow
def test_roads_that_answer_too_late_are_away(wire: "Wire", clock: Clock) -> None:
    roads = client(wire.port, clock)
    assert_back(roads, clock)
    wire.delay_s = 5.0
    assert not answers(roads)
    assert_spared(roads, wire)
    wire.delay_s = 0.0
    assert_back(roads, clock)


@pytest.mark.slow
def test_a_place_off_the_map_is_no_outage(routed: Routed) -> None:
    roads = Osrm(f"http://127.0.0.1:{routed.port}", breaker=Breaker())
    with pytest.raises(NoSegment):
        roads.nearest(PARIS)
    assert answers(roads)


def assert_spared(roads: Osrm, wire: "Wire") -> None:
    """Until the time of the next probe has come no question reaches the server: there is nothing to wait for."""
    asked = wire.questions
    assert not any(answers(roads) for _ in range(100))
    assert wire.questions == asked


def assert_back(roads: Osrm, clock: Clock) -> None:
    """A probe that is due finds the server; at once, unless the machine is busy."""

    def probe() -> bool:
        clock.now += PROBE_S
        return answers(roads)

    wait_until(probe, "the roads are back, and are asked again")


class Wire:
    """TCP connections to `to` on which what is asked is counted, and what comes back is delayed."""

    def __init__(self, to: int) -> None:
        self.delay_s = 0.0
        self.questions = 0
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
            try:
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:  # nobody there
                near.close()
                continue
            threading.Thread(target=self._carry, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, True), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, answer: bool) -> None:
        try:
            while data := source.recv(65_536):
                if answer:
                    self._closed.wait(self.delay_s)
                else:
                    self.questions += 1
                sink.sendall(data)
        except OSError:
            pass  # one side has hung up
        finally:
            source.close()
            sink.close()

    def close(self) -> None:
        self._closed.set()
        self._server.close()


@pytest.fixture
def wire(routed: Routed) -> Iterator[Wire]:
    wire = Wire(routed.port)
    yield wire
    wire.close()
