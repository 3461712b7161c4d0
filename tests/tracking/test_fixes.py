"""Which fixes are believed. Times are ms; a degree of latitude is 111.2 km."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.geo import Point, destination
from tracking import fixes
from tracking.fixes import Fix, Limits, Track, Verdict, fix_from, judge
from tracking.messages import Location

LIMITS = Limits()
NOW = 1_800_000_000_000
HOME = Point(39.7495, -104.9865)


def fix(metres: float = 0, ts: int = NOW, **fields: float) -> Fix:
    """A fix so far east of HOME."""
    at = destination(HOME, 90, metres)
    return Fix(at.lat, at.lng, ts, **fields)


def judged(track: Track, *arriving: Fix) -> list[str | None]:
    """The verdicts' names; every fix arrives the moment it was taken."""
    return [judge(track, one, one.ts, LIMITS).name for one in arriving]


@pytest.mark.parametrize(
    ("last", "new", "now", "verdict"),
    [
        pytest.param(None, fix(), NOW, fixes.GOOD, id="the first one"),
        pytest.param(fix(), fix(100, NOW + 5000), NOW + 5000, fixes.GOOD, id="20 m/s"),
        pytest.param(fix(), fix(260, NOW + 5000), NOW + 5000, fixes.GOOD, id="45 m/s and two fixes' errors"),
        pytest.param(fix(), fix(270, NOW + 5000), NOW + 5000, fixes.TELEPORT, id="faster than any car"),
        pytest.param(fix(), fix(30, NOW + 100), NOW + 100, fixes.GOOD, id="noise within a tenth of a second"),
        pytest.param(fix(), fix(5_000_000, NOW + 1000), NOW + 1000, fixes.TELEPORT, id="another continent"),
        pytest.param(fix(), fix(), NOW + 1, fixes.DUPLICATE, id="the same once more"),
        pytest.param(fix(), fix(50), NOW + 1, fixes.DUPLICATE, id="the same time, another place"),
        pytest.param(fix(), fix(50, NOW - 1), NOW, fixes.OUT_OF_ORDER, id="a little older"),
        pytest.param(fix(), fix(50, NOW - 10**9), NOW, fixes.OUT_OF_ORDER, id="far older"),
        pytest.param(None, fix(ts=NOW + 30_000), NOW, fixes.GOOD, id="a clock half a minute ahead"),
        pytest.param(None, fix(ts=NOW + 30_001), NOW, fixes.FUTURE, id="a clock too far ahead"),
        pytest.param(None, fix(ts=NOW - 120_000), NOW, fixes.GOOD, id="two minutes old"),
        pytest.param(None, fix(ts=NOW - 120_001), NOW, fixes.STALE, id="older than that"),
        pytest.param(None, fix(ts=0), NOW, fixes.STALE, id="a clock that was never set"),
        pytest.param(None, fix(accuracy=100), NOW, fixes.GOOD, id="accurate enough"),
        pytest.param(None, fix(accuracy=101), NOW, fixes.INACCURATE, id="a cell tower's guess"),
    ],
)
def test_the_verdict(last: Fix | None, new: Fix, now: int, verdict: Verdict) -> None:
    assert judge(Track(last), new, now, LIMITS) == verdict


@pytest.mark.parametrize(
    ("verdict", "live", "fences", "history"),
    [
        (fixes.GOOD, True, True, True),
        (fixes.INACCURATE, True, False, True),
        (fixes.OUT_OF_ORDER, False, False, True),
        (fixes.STALE, False, False, True),
        (fixes.DUPLICATE, False, False, False),
        (fixes.FUTURE, False, False, False),
        (fixes.TELEPORT, False, False, False),
    ],
)
def test_what_a_verdict_is_good_for(verdict: Verdict, live: bool, fences: bool, history: bool) -> None:
    assert (verdict.live, verdict.fences, verdict.history) == (live, fences, history)


@pytest.mark.parametrize(
    "rejected", [fix(270, NOW + 5000), fix(0, NOW), fix(0, NOW - 1), fix(0, NOW + 60_000)]
)
def test_a_rejected_fix_leaves_the_track_as_it_is(rejected: Fix) -> None:
    track = Track(fix())
    assert judge(track, rejected, NOW + 5000, LIMITS).name
    assert track.last == fix()


def test_a_late_fix_does_not_become_the_last_one() -> None:
    track = Track(fix(0, NOW - 300_000))
    assert judge(track, fix(0, NOW - 200_000), NOW, LIMITS) == fixes.STALE
    assert track.last == fix(0, NOW - 300_000)


def test_one_jump_is_no_journey() -> None:
    track = Track(fix())
    there_and_back = [
        fix(9000, NOW + 5000),
        fix(50, NOW + 10_000),
        fix(9000, NOW + 15_000),
        fix(90, NOW + 20_000),
    ]
    assert judged(track, *there_and_back) == ["teleport", None, "teleport", None]


def test_three_fixes_that_agree_confirm_a_jump() -> None:
    track = Track(fix())
    there = [fix(9000 + n * 20, NOW + n * 5000) for n in range(1, 5)]
    assert judged(track, *there) == ["teleport", "teleport", None, None]


def test_jumps_to_three_different_places_confirm_nothing() -> None:
    track = Track(fix())
    scattered = [fix(n * 9000, NOW + n * 5000) for n in range(1, 8)]
    assert judged(track, *scattered) == ["teleport"] * 7


def test_a_good_fix_in_between_starts_the_confirmation_anew() -> None:
    track = Track(fix())
    way = [(9000, 5), (9020, 10), (50, 15), (9040, 20), (9060, 25), (9080, 30)]
    names = judged(track, *(fix(metres, NOW + s * 1000) for metres, s in way))
    assert names == ["teleport", "teleport", None, "teleport", "teleport", None]


def test_repeating_one_jump_does_not_confirm_it() -> None:
    track = Track(fix())
    assert judged(track, *[fix(9000, NOW + 5000)] * 5) == ["teleport"] * 5


def test_a_driver_far_away_after_a_long_silence_is_believed_at_once() -> None:
    assert judged(Track(fix()), fix(30_000, NOW + 3_600_000)) == [None]


def test_a_fix_without_a_time_was_taken_when_it_arrived() -> None:
    assert fix_from(Location(1.0, 2.0), NOW) == Fix(1.0, 2.0, NOW)


def test_a_fix_keeps_the_devices_time() -> None:
    assert fix_from(Location(1.0, 2.0, ts=0), NOW).ts == 0


def test_minus_one_is_unknown() -> None:
    unknown = fix_from(Location(1.0, 2.0, speed=-1, heading=-1, accuracy=-1), NOW)
    assert (unknown.speed, unknown.heading, unknown.accuracy) == (None, None, None)
    zero = fix_from(Location(1.0, 2.0, speed=0, heading=0, accuracy=0), NOW)
    assert (zero.speed, zero.heading, zero.accuracy) == (0, 0, 0)


_any_fix = st.builds(
    Fix,
    lat=st.floats(-90, 90),
    lng=st.floats(-180, 180),
    ts=st.integers(0, 253_402_300_799_999) | st.integers(NOW - 200_000, NOW + 60_000),
    accuracy=st.none() | st.floats(0, 1e6),
)
_near_fix = st.builds(
    fix, st.floats(-500, 500), st.integers(NOW - 200_000, NOW + 60_000), accuracy=st.floats(0, 200)
)
_streams = st.lists(st.tuples(_any_fix | _near_fix, st.integers(0, 60_000)), max_size=12)


@settings(max_examples=50)
@given(_streams)
def test_whatever_comes_the_last_fix_only_moves_forward_in_time(stream: list[tuple[Fix, int]]) -> None:
    track = Track()
    for one, late in stream:
        before = track.last
        verdict = judge(track, one, NOW + late, LIMITS)
        assert (track.last is one) == verdict.live or track.last == one
        if before is not None and track.last is not before:
            assert track.last.ts > before.ts
        if not verdict.live:
            assert track.last is before


@settings(max_examples=50)
@given(_streams)
def test_whatever_comes_little_is_remembered(stream: list[tuple[Fix, int]]) -> None:
    track = Track()
    for one, late in stream:
        judge(track, one, NOW + late, LIMITS)
        assert len(track.jump) <= LIMITS.jump_fixes


def test_a_long_replay_from_far_away_is_not_remembered_either() -> None:
    track = Track(fix(0, NOW - 3_600_000))
    for n in range(100):
        judge(track, fix(900_000 + n, NOW - 3_500_000 + n * 1000), NOW, LIMITS)
    assert len(track.jump) <= LIMITS.jump_fixes


@given(st.permutations([fix(n * 40, NOW + n * 5000) for n in range(6)]))
def test_shuffled_fixes_end_where_ordered_ones_do(shuffled: list[Fix]) -> None:
    track = Track()
    names = [judge(track, one, NOW + 30_000, LIMITS).name for one in shuffled]
    assert track.last == fix(200, NOW + 25_000)
    assert set(names) <= {None, "out_of_order"}


@given(st.permutations([fix(n * 40, NOW + n * 5000) for n in range(6)]))
def test_whatever_the_order_no_fix_of_a_drive_is_lost_to_history(shuffled: list[Fix]) -> None:
    track = Track()
    assert all(judge(track, one, NOW + 30_000, LIMITS).history for one in shuffled)
