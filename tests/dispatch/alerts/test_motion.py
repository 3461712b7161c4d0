"""How a driver gets on from round to round: who stands, who is off the road, and who only takes another one."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.alerts.motion import NEARER_M, STANDS_WITHIN_M, Motion, Sight, follow
from dispatch.planning.replanning import OFF_ROAD_M
from routing.geo import Point, destination, distance_m, linestring

START = Point(39.7495, -104.9865)
NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
NEXT, OTHER = UUID(int=1), UUID(int=2)
STOP = destination(START, 90, 3000)
#: The planned road: straight east, three kilometres.
LEG = linestring([START, STOP])["coordinates"]


def at(east_m: float, north_m: float = 0.0) -> Point:
    return destination(destination(START, 90, east_m), 0, north_m)


def sight(place: Point, second: int, **fields: Any) -> Sight:
    known: dict[str, Any] = {"on_the_way": True, "stop_id": NEXT, "stop": STOP, "leg": LEG}
    return Sight(place, NOON + timedelta(seconds=second), **(known | fields))


def followed(sights: Iterable[Sight]) -> Motion:
    motion = None
    for one in sights:
        motion = follow(motion, one)
    assert motion is not None
    return motion


def stood_s(motion: Motion, second: int) -> float:
    return (NOON + timedelta(seconds=second) - motion.stood_since).total_seconds()


def test_who_stays_near_one_place_stands_since_coming_there() -> None:
    places = [at(0), at(100), at(100, 40), at(130), at(80)]
    assert stood_s(followed(sight(place, 10 * n) for n, place in enumerate(places)), 40) == 30


def test_who_creeps_does_not_stand() -> None:
    metres = STANDS_WITHIN_M + 1
    assert stood_s(followed(sight(at(metres * n), 10 * n) for n in range(5)), 40) == 0


def test_at_a_stop_nobody_stands_on_the_way_and_what_counts_begins_when_that_is_over() -> None:
    here = [sight(at(0), 10 * n, on_the_way=False) for n in range(60)]
    assert stood_s(followed(here), 590) == 0
    assert stood_s(followed([*here, *(sight(at(0), 600 + 10 * n) for n in range(4))]), 630) == 40


def off_since(motion: Motion) -> float | None:
    return None if motion.off_since is None else (motion.off_since - NOON).total_seconds()


@pytest.mark.parametrize(("metres", "is_off"), [(OFF_ROAD_M - 5, False), (OFF_ROAD_M + 5, True)])
def test_so_far_from_the_road_is_off_it(metres: float, is_off: bool) -> None:
    assert off_since(followed([sight(at(500, metres), 10)])) == (10 if is_off else None)


def test_who_drives_away_stays_off_although_the_plan_follows() -> None:
    """As every half minute brings a road from where the driver is."""

    def planned_from(place: Point) -> Any:
        return linestring([place, STOP])["coordinates"]

    places = [at(500), *(at(500 - 80 * n, 100 * n) for n in range(1, 30))]
    motion = followed(sight(place, 10 * n, leg=planned_from(place)) for n, place in enumerate(places))
    assert off_since(motion) == 10


def test_who_takes_another_road_is_not_off_while_the_stop_comes_nearer() -> None:
    places = [at(100 * n, 300) for n in range(25)]
    longest = 0.0
    motion = None
    for n, place in enumerate(places):
        motion = follow(motion, sight(place, 10 * n))
        since = off_since(motion)
        longest = max(longest, 0.0 if since is None else 10 * n - since)
    assert longest <= 10 * (NEARER_M / 100 + 1)


def test_coming_back_to_the_road_ends_it() -> None:
    assert off_since(followed([sight(at(500, 200), 0), sight(at(600, 10), 10)])) is None


@pytest.mark.parametrize(
    "fields",
    [{"on_the_way": False}, {"leg": None}, {"stop": None}],
    ids=["at a stop", "no road is known", "nobody knows where the stop is"],
)
def test_who_can_not_be_off(fields: dict[str, Any]) -> None:
    assert off_since(followed([sight(at(500, 900), 0, **fields)])) is None


def test_another_stop_has_another_road() -> None:
    away = linestring([at(500, 900), at(500, 4000)])["coordinates"]
    before = followed([sight(at(500, 900), 0)])
    assert off_since(before) == 0
    assert before.needs_leg(OTHER)
    after = follow(before, sight(at(500, 900), 10, stop_id=OTHER, stop=at(500, 4000), leg=away))
    assert (off_since(after), after.leg) == (None, away)
    assert not after.needs_leg(OTHER)


def test_a_road_that_was_not_known_is_taken_once_it_is() -> None:
    before = followed([sight(at(0), 0, leg=None)])
    assert before.needs_leg(NEXT)
    assert follow(before, sight(at(10), 10)).leg == LEG


@given(
    st.lists(
        st.tuples(
            st.floats(-2000, 2000), st.floats(-2000, 2000), st.booleans(), st.sampled_from([NEXT, OTHER])
        ),
        min_size=1,
        max_size=30,
    )
)
def test_what_is_remembered_was_seen(drive: list[tuple[float, float, bool, UUID]]) -> None:
    motion = None
    for n, (east, north, on_the_way, stop_id) in enumerate(drive):
        place = at(east, north)
        motion = follow(motion, sight(place, 10 * n, on_the_way=on_the_way, stop_id=stop_id))
        now = NOON + timedelta(seconds=10 * n)
        assert NOON <= motion.stood_since <= now
        assert distance_m(motion.place, place) <= STANDS_WITHIN_M
        assert motion.stop_id == stop_id
        assert (motion.off_since is None) == (motion.off_m is None)
        assert motion.off_since is None or (on_the_way and NOON <= motion.off_since <= now)
