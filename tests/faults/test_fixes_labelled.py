"""Labelled fixes as phones send them, one in twenty of them bad: what the filter turns away, and what it must not."""

from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterator
from math import exp, sqrt
from random import Random
from typing import Literal, NamedTuple

import msgspec
import pytest

from routing.geo import Point, destination, distance_m
from tests.faults import length
from tests.tracking.ingest.drives import HOME, T0
from tracking.ingest.fix_filter import Limits, Track, fix_from, judge
from tracking.protocol.lenient import read_driver_frame
from tracking.protocol.messages import Location, Locations, encode

LIMITS = Limits()

#: good: to be used for everything. late: for history only. moved: at a new place, not yet confirmed.
#: drivable: wrong, but no farther off than a car gets in the time; nothing is promised of these.
Label = Literal["good", "late", "moved", "drivable", "malformed", "teleport", "replay", "vague"]
BAD: dict[Label, float] = {
    "malformed": 0.011,
    "teleport": 0.021,
    "replay": 0.004,
    "vague": 0.004,
    "drivable": 0.0004,
}


class Sent(NamedTuple):
    """A frame in the order of arrival (ms)."""

    arrival: int
    number: int
    frame: bytes
    label: Label


class Phone:
    """A driver's day: streets, highways, stops, tunnels, canyons; `sent` is what the server gets of it."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.sent: list[Sent] = []
        self.every_s = rng.choice([1, 5, 5, 5, 10])
        self.knows_speed = rng.random() < 0.9
        self.clock_ahead_s = rng.choice([0.0] * 6 + [-2.0, 20.0, 300.0])
        self.seconds = 0.0
        self.place, self.heading, self.speed, self.wanted = HOME, rng.uniform(0, 360), 0.0, 0.0
        self.leg_ends, self.sigma_m, self.memory_s = 0.0, 4.0, 60.0
        self.error = (0.0, 0.0)
        #: Until then the network is away, and what is sent arrives afterwards.
        self.offline_until = 0.0
        self.last_good: tuple[Point, float] | None = None

    def run(self, fixes: int) -> list[Sent]:
        while len(self.sent) < fixes:
            self.drive(self.every_s)
            if self.rng.random() < 0.004:
                self.drive(self.rng.uniform(20, 180))  # a tunnel
            elif self.rng.random() < 0.0008 and self.last_good:  # else nobody knows that it moved
                self.move_away()
            elif self.rng.random() < 0.004:
                self.offline_until = self.seconds + self.rng.uniform(10, 200)
            elif self.last_good and self.rng.random() < sum(BAD.values()):
                self.misbehave()
                continue
            self.send("good", self.measured())
        return self.sent

    def drive(self, seconds: float) -> None:
        """So much time passes, on the road and in the drift of what the phone measures."""
        until = self.seconds + seconds
        while self.seconds < until:
            step = min(1.0, until - self.seconds)
            self.seconds += step
            if self.seconds > self.leg_ends:
                self.begin_leg()
            self.speed += max(-4.0 * step, min(3.0 * step, self.wanted - self.speed))
            if self.rng.random() < 0.02 and self.speed < 15:
                self.heading += self.rng.choice([-90, 90])
            self.place = destination(self.place, self.heading, self.speed * step)
        kept = exp(-seconds / self.memory_s)
        fresh = self.sigma_m * sqrt(1 - kept * kept)
        self.error = tuple(was * kept + self.rng.gauss() * fresh for was in self.error)  # type: ignore[assignment]

    def begin_leg(self) -> None:
        kind = self.rng.choice(["parked", "city", "city", "highway"])
        self.leg_ends = self.seconds + self.rng.uniform(60, 400)
        speeds = {"parked": (0.0, 0.0), "city": (5.0, 15.0), "highway": (25.0, 36.0)}
        self.wanted = self.rng.uniform(*speeds[kind])
        in_a_canyon = kind != "highway" and self.rng.random() < 0.4
        self.sigma_m, self.memory_s = (25.0, self.rng.uniform(20, 120)) if in_a_canyon else (4.0, 60.0)

    def measured(self) -> Point:
        return destination(destination(self.place, 90, self.error[0]), 0, self.error[1])

    def move_away(self) -> None:
        """Phone off; on again farther away than the time allows: the clock or the last place was wrong."""
        self.drive(120)
        self.place = destination(self.place, self.rng.uniform(0, 360), 40_000)
        self.wanted, self.leg_ends = 12.0, self.seconds + 120
        self.speed = 12.0
        for _ in range(LIMITS.jump_confirmations):
            self.send("moved", self.measured())
            self.drive(self.every_s)

    def misbehave(self) -> None:
        label: Label = self.rng.choices(list(BAD), list(BAD.values()))[0]
        match label:
            case "malformed":
                self.put(self.rng.choice(_SPOILED)(self.rng, self.location(self.measured())), label)
            case "replay":
                if self.sent[-1].label == "good":
                    self.put(self.sent[-1].frame, label)
            case "vague":
                off = destination(self.place, self.rng.uniform(0, 360), self.rng.uniform(50, 1000))
                self.send(label, off, accuracy=self.rng.uniform(600, 2000))
            case "drivable":
                assert self.last_good
                reach = LIMITS.max_speed_mps * (self.seconds - self.last_good[1])
                off = destination(
                    self.last_good[0], self.rng.uniform(0, 360), self.rng.uniform(0.8, 0.99) * reach
                )
                self.send(label, off, accuracy=1.7)
            case _:
                self.teleport()

    def teleport(self) -> None:
        """One, two, or (a parked phone) three fixes elsewhere that claim to be sharp; perhaps right after a gap."""
        if self.rng.random() < 0.2:
            self.drive(self.rng.uniform(20, 60))
        assert self.last_good
        before, when = self.last_good
        parked = self.speed == self.wanted == 0 and self.knows_speed and self.leg_ends - self.seconds > 50
        times = self.rng.choice([1, 1, 1, 2, 2, 3]) if parked else self.rng.choice([1, 1, 1, 2])
        # Farther than a car gets in the time that all of them last.
        needed = LIMITS.max_speed_mps * max(2.0, self.seconds - when + (times - 1) * self.every_s)
        nearest, farthest = max(200.0, needed * 1.001), max(5000.0, needed * 2)
        metres = nearest * (farthest / nearest) ** self.rng.random()
        elsewhere = destination(before, self.rng.uniform(0, 360), metres)
        for n in range(times):
            if n:
                self.drive(self.every_s)
                elsewhere = destination(
                    elsewhere, self.rng.uniform(0, 360), self.rng.choice([0.0, 5.0, 20.0])
                )
            if distance_m(before, elsewhere) > LIMITS.max_speed_mps * max(2.0, self.seconds - when):
                self.send("teleport", elsewhere, accuracy=1.7)

    def location(self, place: Point, accuracy: float | None = None) -> Location:
        claimed = max(0.0, self.speed + self.rng.gauss(0, 0.3))
        return Location(
            place.lat,
            place.lng,
            speed=claimed if self.knows_speed else None,
            heading=self.heading % 360,
            accuracy=self.sigma_m * self.rng.uniform(0.3, 1.5) if accuracy is None else accuracy,
            ts=T0 + round((self.seconds + self.clock_ahead_s) * 1000),
            seq=len(self.sent),
        )

    def send(self, label: Label, place: Point, accuracy: float | None = None) -> None:
        if label == "good":
            self.last_good = place, self.seconds
        self.put(encode(self.location(place, accuracy)).encode(), label)

    def put(self, frame: bytes, label: Label) -> None:
        leaves = max(self.seconds, self.offline_until)
        arrival = T0 + round((leaves + self.rng.uniform(0.05, 0.4)) * 1000)
        if self.sent:
            arrival = max(arrival, self.sent[-1].arrival)
        # A clock that is behind makes it older.
        if label == "good" and arrival - T0 > (self.seconds + LIMITS.stale_s - 2) * 1000:
            label = "late"
        insort(self.sent, Sent(arrival, len(self.sent), frame, label))


def _other(**fields: object) -> Callable[[Random, Location], bytes]:
    return lambda _, fix: msgspec.json.encode(msgspec.to_builtins(fix) | fields)


_SPOILED: list[Callable[[Random, Location], bytes]] = [
    _other(lat=91),
    _other(lat=None),
    _other(lat="39.7 N"),
    _other(lat=True),
    _other(lat=[39.7]),
    _other(lng=-180.5),
    _other(lng=1e400),
    _other(ts=-1),
    _other(ts="yesterday"),
    _other(ts=1.5),
    _other(ts=2**63),
    _other(seq="first"),
    _other(seq=-1),
    _other(type="locations"),
    _other(type="fix"),
    lambda rng, fix: encode(fix).encode()[: rng.randrange(1, 60)],
    lambda _, fix: encode(fix).replace('"lat":', '"lat":NaN,"was":').encode(),
    lambda _, fix: encode(fix).replace('"lng":', '"lng":-Infinity,"was":').encode(),
    lambda _, fix: encode(fix).replace("location", "loc\ud800ation").encode("utf-8", "surrogatepass"),
    lambda _, fix: b"[" + encode(fix).encode() + b"]",
    lambda _, fix: b"null",
    lambda rng, fix: rng.randbytes(40),
]


class Outcome(NamedTuple):
    """By label: how many there were, and how many were treated as they deserve."""

    total: Counter[str]
    right: Counter[str]

    def wrong(self, label: Label) -> int:
        return self.total[label] - self.right[label]


def outcome(seed: int, fixes: int, limits: Limits = LIMITS) -> Outcome:
    rng, found = Random(seed), Outcome(Counter(), Counter())
    while found.total.total() < fixes:
        for label, deserved in judged(Phone(rng).run(500), limits):
            found.total[label] += 1
            found.right[label] += deserved
    return found


def read(frame: bytes) -> Location | None:
    """None for what can't be read even where that is done leniently."""
    try:
        reading = read_driver_frame(frame)
    except msgspec.MsgspecError:
        return None
    assert isinstance(reading.frame, Locations)
    return next(iter(reading.frame.fixes), None)


def judged(sent: list[Sent], limits: Limits) -> Iterator[tuple[Label, bool]]:
    """Each fix of a phone, and whether it was treated as it deserves."""
    track = Track()
    for arrival, _, frame, label in sent:
        location = read(frame)
        if location is None:
            yield label, label == "malformed"
            continue
        before = track.last
        verdict = judge(track, fix_from(location, arrival, track, limits), arrival, limits)
        if before is not None and track.last is not None:
            assert track.last.ts >= before.ts, "the live position went back"
        match label:
            case "good":
                yield label, verdict.fences
            case "late":
                yield label, verdict.history
            case "vague":
                yield label, not verdict.fences
            case _:
                yield label, not verdict.live


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(length(short=3, full=100)))
def test_of_ten_thousand_fixes_the_bad_ones_are_turned_away_and_the_good_ones_are_not(seed: int) -> None:
    found = outcome(seed, 10_000)
    bad = sum(found.total[label] for label in BAD)
    assert 0.038 < bad / found.total.total() < 0.062, found
    assert min(found.total[label] for label in BAD if label != "drivable") > 10, found
    assert found.total["malformed"] > 80
    assert found.wrong("malformed") == 0, found
    assert found.total["teleport"] > 150
    assert found.wrong("teleport") <= 0.01 * found.total["teleport"], found
    assert found.wrong("good") <= 0.001 * found.total["good"], found
    assert found.wrong("late") <= 0.001 * found.total["good"], found
    assert found.wrong("replay") == found.wrong("moved") == 0, found


@pytest.mark.slow
def test_the_labels_tell_a_weaker_filter_from_this_one() -> None:
    credulous = outcome(0, 10_000, Limits(jump_confirmations=1))
    assert credulous.wrong("teleport") > 0.01 * credulous.total["teleport"]
    strict = outcome(0, 10_000, Limits(max_speed_mps=30.0))
    assert strict.wrong("good") > 0.001 * strict.total["good"]
