"""What is seen of a driver's next stops from fix to fix, over changes of the plan."""

import pytest

from tests.tracking.ingest.drives import STOP, T0, at, fence
from tests.tracking.ingest.sessions import OTHER
from tracking.ingest.fix_filter import Fix
from tracking.ingest.geofences import FenceEvent, FenceState, Rules
from tracking.ingest.next_stops import NextStops

SECOND = fence(200)._replace(stop_id=OTHER)


class Drive:
    """Fixes one after the other; `events`: what was seen so far, and at which stops."""

    def __init__(self, next_stops: NextStops) -> None:
        self.next_stops = next_stops
        self.events: list[tuple[FenceEvent, list[object]]] = []
        self._before: Fix | None = None

    def __call__(self, east_m: float, seconds: float, **fields: float) -> None:
        fix = at(east_m, seconds, **fields)
        for seen in self.next_stops.observe(self._before, fix, Rules()):
            self.events.append((seen.event, seen.stop_ids))
        self._before = fix


@pytest.fixture
def next_stops() -> NextStops:
    stops = NextStops()
    stops.replace([fence(200)], {})
    return stops


@pytest.fixture
def drive(next_stops: NextStops) -> Drive:
    return Drive(next_stops)


def test_stops_at_one_place_are_reached_together(next_stops: NextStops, drive: Drive) -> None:
    next_stops.replace([fence(200), SECOND], {})
    drive(100, 0)
    drive(90, 5)
    assert drive.events == [(FenceEvent.ARRIVED, [STOP, OTHER])]


def test_without_stops_nothing_is_seen() -> None:
    drive = Drive(NextStops())
    drive(100, 0)
    drive(90, 5)
    assert drive.events == []


def test_a_visit_begins_where_the_database_says(next_stops: NextStops) -> None:
    next_stops.replace([fence(200)], {STOP: T0})
    assert next_stops.states == {STOP: FenceState(arrived_at=T0)}


def test_an_arrival_in_the_database_is_not_seen_again(next_stops: NextStops, drive: Drive) -> None:
    next_stops.replace([fence(200)], {STOP: T0 - 60_000})
    for n in range(10):
        drive(50, n * 5, speed=0.0, accuracy=5)
    assert drive.events == []


def test_who_was_there_before_the_socket_broke_can_still_leave(next_stops: NextStops, drive: Drive) -> None:
    next_stops.replace([fence(200)], {STOP: T0 - 600_000})
    for n in range(10):
        drive(250 + n * 50, n * 5)
    assert drive.events == [(FenceEvent.LEFT, [STOP])]


def test_a_new_plan_does_not_forget_what_was_seen_of_a_stop(next_stops: NextStops, drive: Drive) -> None:
    drive(100, 0)
    next_stops.replace([fence(200), SECOND], {})
    drive(90, 5)
    assert drive.events == [(FenceEvent.ARRIVED, [STOP])]


def test_a_stop_that_is_no_longer_next_is_forgotten(next_stops: NextStops, drive: Drive) -> None:
    drive(100, 0)
    next_stops.replace([], {})
    assert next_stops.states == {}
    drive(90, 5)
    assert drive.events == []


def test_an_arrival_that_another_process_stored_meanwhile_counts(next_stops: NextStops, drive: Drive) -> None:
    drive(150, 0)
    next_stops.replace([fence(200)], {STOP: T0 - 60_000})
    for n in range(1, 5):
        drive(400 + 60 * n, n * 10, speed=6.0)
    assert drive.events == [(FenceEvent.LEFT, [STOP])]


def test_a_short_stop_is_taken_back_and_stays_so(next_stops: NextStops, drive: Drive) -> None:
    next_stops.replace([fence(200)], {STOP: T0})
    for n in range(7):
        drive(150 + 80 * n, 10 + 10 * n, speed=8.0)
    assert drive.events == [(FenceEvent.PASSED, [STOP])]
    # The database has the arrival until that is written.
    next_stops.replace([fence(200)], {STOP: T0})
    assert next_stops.states[STOP].arrived_at is None
    next_stops.replace([fence(200)], {STOP: T0 + 60_000})
    assert next_stops.states[STOP].arrived_at == T0 + 60_000


def test_who_left_without_the_food_is_seen_to_come_back(next_stops: NextStops, drive: Drive) -> None:
    for n in range(20):
        drive(50, n * 5, speed=0.0, accuracy=5)
    for n in range(10):
        drive(50 + n * 60, 110 + n * 5, speed=12.0)
    assert drive.events == [(FenceEvent.ARRIVED, [STOP]), (FenceEvent.LEFT, [STOP])]
    # Its plan has the pickup still, and no arrival there.
    next_stops.replace([fence(200)], {})
    for n in range(3):
        drive(50, 900 + n * 5, speed=0.0, accuracy=5)
    assert drive.events[2:] == [(FenceEvent.ARRIVED, [STOP])]
