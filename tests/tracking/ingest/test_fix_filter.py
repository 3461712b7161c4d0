"""Which fixes are believed. Times are ms; a degree of latitude is 111.2 km."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.geo import Point, destination
from tracking.ingest import fix_filter
from tracking.ingest.fix_filter import Fix, Limits, Track, Verdict, fix_from, judge
from tracking.protocol.messages import Location

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
        pytest.param(None, fix(), NOW, fix_filter.GOOD, id="the first one"),
        pytest.param(fix(), fix(100, NOW + 5000), NOW + 5000, fix_filter.GOOD, id="20 m/s"),
        pytest.param(fix(), fix(224.9, NOW + 5000), NOW + 5000, fix_filter.GOOD, id="45 m/s"),
        pytest.param(
            fix(), fix(225.1, NOW + 5000), NOW + 5000, fix_filter.TELEPORT, id="faster than any car"
        ),
        pytest.param(
            fix(), fix(30, NOW + 100), NOW + 100, fix_filter.GOOD, id="noise within a tenth of a second"
        ),
        pytest.param(
            fix(), fix(5_000_000, NOW + 1000), NOW + 1000, fix_filter.TELEPORT, id="another continent"
        ),
        pytest.param(fix(), fix(), NOW + 1, fix_filter.DUPLICATE, id="the same once more"),
        pytest.param(fix(), fix(50), NOW + 1, fix_filter.DUPLICATE, id="the same time, another place"),
        pytest.param(fix(), fix(50, NOW - 1), NOW, fix_filter.OUT_OF_ORDER, id="a little older"),
        pytest.param(fix(), fix(50, NOW - 10**9), NOW, fix_filter.OUT_OF_ORDER, id="far older"),
        pytest.param(fix(), fix(89.9, NOW + 2000), NOW + 2000, fix_filter.GOOD, id="45 m/s over two seconds"),
        pytest.param(fix(), fix(91, NOW + 1000), NOW + 1000, fix_filter.TELEPORT, id="too far for noise"),
        pytest.param(
            fix(accuracy=1500), fix(1600, NOW + 5000), NOW + 5000, fix_filter.GOOD, id="after a guess"
        ),
        pytest.param(
            fix(accuracy=1500), fix(1726, NOW + 5000), NOW + 5000, fix_filter.TELEPORT, id="not even then"
        ),
        pytest.param(None, fix(ts=NOW - 120_000), NOW, fix_filter.GOOD, id="two minutes old"),
        pytest.param(None, fix(ts=NOW - 120_001), NOW, fix_filter.STALE, id="older than that"),
        pytest.param(None, fix(ts=NOW - 30 * 86_400_000), NOW, fix_filter.STALE, id="a month old"),
        pytest.param(None, fix(ts=0), NOW, fix_filter.ANCIENT, id="a clock that was never set"),
        pytest.param(fix(), fix(), NOW + 30_001, fix_filter.REPEATED, id="the same again and again"),
        pytest.param(fix(), fix(9), NOW + 30_001, fix_filter.DUPLICATE, id="the same time, long after"),
        pytest.param(None, fix(accuracy=100), NOW, fix_filter.GOOD, id="accurate enough"),
        pytest.param(None, fix(accuracy=101), NOW, fix_filter.INACCURATE, id="a cell tower's guess"),
    ],
)
def test_the_verdict(last: Fix | None, new: Fix, now: int, verdict: Verdict) -> None:
    assert judge(Track(last), new, now, LIMITS) == verdict


@pytest.mark.parametrize(
    ("verdict", "live", "fences", "history"),
    [
        (fix_filter.GOOD, True, True, True),
        (fix_filter.INACCURATE, True, False, True),
        (fix_filter.OUT_OF_ORDER, False, False, True),
        (fix_filter.STALE, False, False, True),
        (fix_filter.ANCIENT, False, False, False),
        (fix_filter.DUPLICATE, False, False, False),
        (fix_filter.REPEATED, False, False, False),
        (fix_filter.BEHIND, True, True, True),
        (fix_filter.FUTURE, True, True, True),
        (fix_filter.TELEPORT, False, False, False),
    ],
)
def test_what_a_verdict_is_good_for(verdict: Verdict, live: bool, fences: bool, history: bool) -> None:
    assert (verdict.live, verdict.fences, verdict.history) == (live, fences, history)


@pytest.mark.parametrize("rejected", [fix(270, NOW + 5000), fix(0, NOW), fix(0, NOW - 1)])
def test_a_rejected_fix_leaves_the_track_as_it_is(rejected: Fix) -> None:
    track = Track(fix())
    assert judge(track, rejected, NOW + 5000, LIMITS).name
    assert track.last == fix()


def test_what_comes_late_is_judged_by_what_came_late_before_it() -> None:
    track = Track(fix(0, NOW - 900_000))
    late = [(4000, -300), (4100, -295), (9000, -290), (4200, -285), (4200, -285)]
    names = [judge(track, fix(metres, NOW + s * 1000), NOW, LIMITS).name for metres, s in late]
    assert names == ["stale", "stale", "teleport", "stale", "repeated"]


def test_a_vague_fix_is_not_what_others_are_judged_by() -> None:
    track = Track()
    told = [fix(0), fix(900, NOW + 5000, accuracy=1500), fix(20, NOW + 10_000), fix(900, NOW + 15_000)]
    assert judged(track, *told) == [None, "inaccurate", None, "teleport"]


def test_one_jump_is_no_journey() -> None:
    track = Track(fix())
    there_and_back = [
        fix(9000, NOW + 5000),
        fix(50, NOW + 10_000),
        fix(9000, NOW + 15_000),
        fix(90, NOW + 20_000),
    ]
    assert judged(track, *there_and_back) == ["teleport", None, "teleport", None]


def test_two_more_fixes_that_agree_confirm_a_jump() -> None:
    there = [fix(9000 + n * 20, NOW + n * 5000) for n in range(1, 5)]
    assert judged(Track(fix()), *there) == ["teleport", "teleport", None, None]


def test_how_many_confirm_a_jump_is_a_setting() -> None:
    track, wary = Track(fix()), Limits(jump_confirmations=3)
    there = [fix(9000 + n * 20, NOW + n * 5000) for n in range(1, 6)]
    names = [judge(track, one, one.ts, wary).name for one in there]
    assert names == ["teleport", "teleport", "teleport", None, None]


def test_wrong_fixes_of_a_parked_phone_do_not_confirm_each_other() -> None:
    track = Track(fix(speed=0.0))
    elsewhere = [fix(3000 + n, NOW + n * 5000, speed=0.3) for n in range(1, 4)]
    back = fix(4, NOW + 20_000, speed=0.0)
    assert judged(track, *elsewhere, back) == ["teleport", "teleport", "teleport", None]


def test_a_parked_phone_that_insists_is_believed_after_half_a_minute() -> None:
    elsewhere = [fix(3000 + n, NOW + n * 5000, speed=0.3) for n in range(1, 9)]
    assert judged(Track(fix(speed=0.0)), *elsewhere) == ["teleport"] * 6 + [None] * 2


@pytest.mark.parametrize(("before", "after"), [(0.0, 9.0), (0.0, None), (9.0, 2.1)])
def test_who_drives_there_is_not_parked(before: float | None, after: float | None) -> None:
    there = [fix(9000 + n * 20, NOW + n * 5000, speed=after) for n in range(1, 4)]
    assert judged(Track(fix(speed=before)), *there) == ["teleport", "teleport", None]


def test_the_way_back_from_a_jump_needs_no_confirming() -> None:
    there = [fix(9000 + n, NOW + n * 5000) for n in range(1, 4)]
    back = [fix(n, NOW + n * 5000) for n in range(4, 6)]
    assert judged(Track(fix()), *there, *back) == ["teleport", "teleport", None, None, None]


def test_a_phone_that_stopped_just_now_is_parked() -> None:
    elsewhere = [fix(3000 + n, NOW + n * 5000, speed=0.3) for n in range(1, 4)]
    assert judged(Track(fix(speed=9.0)), *elsewhere) == ["teleport"] * 3


def test_one_wrong_fix_that_a_car_could_have_reached_costs_no_good_one() -> None:
    way = [fix(n * 60, NOW + n * 5000, speed=12.0) for n in range(5)]
    way[2] = fix(-140, NOW + 10_000, speed=12.0)
    assert judged(Track(), *way) == [None] * 5
    # Nothing says that a phone which knows no speed has not been there.
    unknown = [one._replace(speed=None) for one in way]
    assert judged(Track(), *unknown) == [None, None, None, "teleport", None]


def test_a_guess_later_on_is_not_what_others_are_judged_by() -> None:
    track = Track()
    judged(track, fix(0), fix(100, NOW + 5000, accuracy=3000))
    assert judged(track, fix(2000, NOW + 10_000)) == ["teleport"]


def test_nor_is_it_known_for_ever() -> None:
    there = [fix(9000 + n, NOW + n * 5000) for n in range(1, 25)]
    back = [fix(n, NOW + n * 5000) for n in range(25, 28)]
    assert judged(Track(fix()), *there)[2:] == [None] * 22
    track = Track(fix())
    judged(track, *there)
    assert judged(track, *back) == ["teleport", "teleport", None]


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


def test_minus_one_is_unknown() -> None:
    unknown = fix_from(Location(1.0, 2.0, speed=-1, heading=-1, accuracy=-1), NOW, Track(), LIMITS)
    assert (unknown.speed, unknown.heading, unknown.accuracy) == (None, None, None)
    zero = fix_from(Location(1.0, 2.0, speed=0, heading=0, accuracy=0), NOW, Track(), LIMITS)
    assert (zero.speed, zero.heading, zero.accuracy) == (0, 0, None)


# ------------------------------------------------------------------------------------- the time of a fix


def taken(track: Track, arriving: list[tuple[float | None, float]]) -> list[tuple[float, str | None]]:
    """The times (s) and verdicts of fixes at one place, given the device's time of each and its arrival (s)."""
    found = []
    for told, arrival in arriving:
        now = NOW + round(arrival * 1000)
        ts = None if told is None else NOW + round(told * 1000)
        one = fix_from(Location(HOME.lat, HOME.lng, ts=ts), now, track, LIMITS)
        found.append(((one.ts - NOW) / 1000, judge(track, one, now, LIMITS).name))
    return found


def test_a_fix_keeps_the_devices_time() -> None:
    assert taken(Track(), [(0, 4), (5, 6), (36, 6)]) == [(0, None), (5, None), (36, None)]


def test_a_fix_without_a_time_was_taken_when_it_arrived() -> None:
    assert taken(Track(), [(None, 1), (None, 6)]) == [(1, None), (6, None)]


def test_fixes_without_a_time_that_arrive_together_are_all_good() -> None:
    assert taken(Track(), [(None, 1)] * 3) == [(1, None), (1.001, None), (1.002, None)]


def test_with_a_clock_ahead_the_arrival_counts_and_the_driver_is_told_of_it() -> None:
    assert taken(Track(), [(300, 0), (305, 5), (310, 10)]) == [(0, "future"), (5, "future"), (10, "future")]


def test_what_a_slow_network_adds_is_known_of_a_clock_ahead() -> None:
    # The second fix waited for 60 s, the third went faster than the first.
    late = [(300, 0), (305, 65), (370, 69.9)]
    assert taken(Track(), late) == [(0, "future"), (5, "future"), (69.9, "future")]


def test_of_a_clock_ahead_buffered_fixes_come_out_in_order() -> None:
    sent_at_once = [(300, 0), *((300 + n, 600) for n in range(100, 601, 100))]
    assert taken(Track(), sent_at_once) == [
        (0, "future"),
        *((float(n), "stale") for n in range(100, 401, 100)),
        (500, "future"),
        (600, "future"),
    ]


def test_a_replay_with_a_clock_ahead_is_a_duplicate() -> None:
    assert taken(Track(), [(300, 0), (300, 1), (300, 8)]) == [(0, "future")] + [(0, "duplicate")] * 2


def test_a_clock_that_is_set_right_while_nothing_is_heard_is_believed_with_its_second_fix() -> None:
    told = [(60, 0), (100, 100), (105, 105), (110, 110)]
    assert taken(Track(), told) == [(0, "future"), (40, "future"), (105, None), (110, None)]


@pytest.mark.parametrize("ahead", [31, 300, 86_400 * 365])
def test_a_clock_that_is_set_right_is_believed_at_once(ahead: float) -> None:
    told = [(ahead, 0), (5 + ahead, 5), (10, 10.1), (15, 15.1)]
    assert taken(Track(), told) == [(0, "future"), (5, "future"), (10, None), (15, None)]


def test_a_clock_that_is_set_less_wrong_is_followed() -> None:
    told = [(300, 0), (305, 5), (70, 10), (75, 15)]
    assert taken(Track(), told) == [(0, "future"), (5, "future"), (10, "future"), (15, "future")]


def test_one_time_from_the_future_spoils_nothing() -> None:
    told = [(0, 0.1), (9e8, 5.1), (10, 10.1), (15, 15.1)]
    assert taken(Track(), told) == [(0, None), (5.1, "future"), (10, None), (15, None)]


def test_a_clock_ahead_makes_no_bad_fix_good() -> None:
    track = Track()
    taken(track, [(300, 0)])
    far = fix_from(Location(HOME.lat + 1, HOME.lng, ts=NOW + 305_000), NOW + 5000, track, LIMITS)
    assert judge(track, far, NOW + 5000, LIMITS) == fix_filter.TELEPORT
    vague = fix_from(Location(*HOME, accuracy=500, ts=NOW + 310_000), NOW + 10_000, track, LIMITS)
    assert judge(track, vague, NOW + 10_000, LIMITS) == fix_filter.INACCURATE


@pytest.mark.parametrize("late", [31, 130, 300, 3600, 1024 * 7 * 86_400])
@pytest.mark.parametrize("last", [None, fix(0, NOW - 300_000), fix(0, NOW)])
def test_of_a_clock_behind_the_fourth_fix_is_live(late: float, last: Fix | None) -> None:
    track = Track(last)
    told = [(n * 5 - late, n * 5 + 0.3 * (n % 2)) for n in range(1, 9)]
    first, then = (found[:3], found[3:]) if (found := taken(track, told)) else ([], [])
    assert {name for _, name in first} <= {None, "stale", "out_of_order"}
    assert then == [(arrival, "behind") for _, arrival in told[3:]]


def test_a_clock_behind_that_is_set_right_is_believed_at_once() -> None:
    track = Track()
    taken(track, [(n * 5 - 300, n * 5) for n in range(6)])
    assert taken(track, [(30, 30), (35, 35)]) == [(30, None), (35, None)]


def test_of_a_clock_behind_what_waited_comes_out_in_order() -> None:
    track = Track()
    taken(track, [(n * 5 - 300, n * 5) for n in range(6)])
    waited = [(25 + n * 5 - 300, 400 + n / 1000) for n in range(1, 76)]
    found = taken(track, waited)
    assert [seconds for seconds, _ in found] == [25 + n * 5 for n in range(1, 76)]
    assert {name for seconds, name in found if seconds < 280} == {"stale"}
    # And what is taken after it is live again.
    assert taken(track, [(405 - 300, 405)]) == [(405, "behind")]


@pytest.mark.parametrize("every", [1, 2, 5])
@pytest.mark.parametrize("apart", [0.0, 0.05, 1.0, 2.5])
def test_what_waited_in_a_tunnel_stays_history_however_it_is_uploaded(apart: float, every: float) -> None:
    track = Track(fix(0, NOW))
    waited = [(every * n, 900 + n * apart * every / 5) for n in range(1, 120)]
    assert {name for _, name in taken(track, waited)} == {"stale"}


def test_a_network_that_grows_slower_makes_no_clock_wrong() -> None:
    told = [(5 * n, 8.5 * n) for n in range(1, 60)]
    assert {name for _, name in taken(Track(), told)} == {None, "stale"}


_told = st.lists(
    st.tuples(st.none() | st.integers(NOW - 400_000, NOW + 400_000), st.integers(0, 60_000)), max_size=12
)


@given(_told)
def test_whatever_clocks_say_no_fix_is_believed_to_come_from_far_ahead(
    told: list[tuple[int | None, int]],
) -> None:
    track, now = Track(), NOW
    for ts, later in told:
        now += later
        one = fix_from(Location(HOME.lat, HOME.lng, ts=ts), now, track, LIMITS)
        assert one.ts <= now + 30_000 + len(told)
        judge(track, one, now, LIMITS)
    # From half a minute later on a right clock is believed, whatever came before, with its second fix at the latest.
    for ts in (now + 31_000, now + 36_000):
        right = fix_from(Location(HOME.lat, HOME.lng, ts=ts), ts, track, LIMITS)
        verdict = judge(track, right, ts, LIMITS)
    assert (right.ts, verdict) == (ts, fix_filter.GOOD)


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
        assert (track.last is one) == (verdict.live or verdict == fix_filter.STALE)
        if before is not None and track.last is not before:
            assert track.last.ts > before.ts
        if verdict.name in {"duplicate", "out_of_order", "teleport"}:
            assert track.last is before


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
