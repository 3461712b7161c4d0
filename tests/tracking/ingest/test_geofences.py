"""When has a driver set out, arrived, left? Metres east of the fence's centre, seconds since the first fix."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.statuses import StopKind
from routing.geo import Point, destination
from tests.tracking.ingest.drives import HOME, STOP, T0, at, drive, events, fence, parked, watch
from tracking.ingest.fix_filter import Fix
from tracking.ingest.geofences import Fence, FenceEvent, FenceState, Rules, observe
from tracking.ingest.standing import Standing

ARRIVED, PASSED, LEFT, SET_OUT = FenceEvent.ARRIVED, FenceEvent.PASSED, FenceEvent.LEFT, FenceEvent.SET_OUT
RULES = Rules()
#: Of a visit, and of a halt at a red light, that this process saw begin; and of one that another process saw.
THERE = FenceState(arrived_at=T0, was_at=HOME, stood_s=300)
HALTED = FenceState(arrived_at=T0, was_at=HOME, stood_s=40)
UNSEEN = FenceState(arrived_at=T0)


# ------------------------------------------------------------------------------------------------ arriving


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(at(0, 0), id="nothing known of it"),
        pytest.param(at(0, 0, speed=0), id="accuracy unknown"),
        pytest.param(at(0, 0, speed=0, accuracy=26), id="not sharp"),
        pytest.param(at(0, 0, accuracy=5), id="speed unknown"),
        pytest.param(at(0, 0, speed=2.1, accuracy=5), id="not standing"),
    ],
)
def test_one_fix_inside_is_no_arrival(one: Fix) -> None:
    assert events(fence(), [one]) == []


def test_one_sharp_fix_of_a_standing_driver_is_an_arrival() -> None:
    state, [sighting] = watch(fence(), [at(150, 0, speed=2.0, accuracy=25)])
    assert sighting.event == ARRIVED
    assert state.arrived_at == T0
    assert (sighting.evidence["rule"], sighting.evidence["fixes_inside"]) == ("standing", 1)


def test_two_slow_fixes_inside_are_an_arrival() -> None:
    state, [sighting] = watch(fence(), [at(190, 0), at(175, 5)])
    assert (sighting.event, sighting.evidence["rule"]) == (ARRIVED, "slow")
    assert state.arrived_at == T0 + 5000


def test_two_fast_fixes_inside_are_none() -> None:
    assert events(fence(), [at(190, 0), at(165, 5)]) == []


def test_neither_the_phones_speed_nor_the_distance_covered_is_believed_alone() -> None:
    assert events(fence(), [at(100, 0), at(100, 5, speed=9.0)]) == []
    assert events(fence(), [at(100, 0), at(20, 5, speed=0.0)]) == []


def test_two_fixes_inside_with_one_outside_in_between_are_not_in_a_row() -> None:
    assert events(fence(50), [at(40, 0), at(400, 60), at(440, 70), at(30, 160)]) == []


def test_a_stay_of_half_a_minute_is_an_arrival_whatever_the_speed() -> None:
    circling = [at((n % 2) * 60, n * 5, speed=12.0) for n in range(7)]
    assert events(fence(), circling[:6]) == []
    assert events(fence(), circling) == [ARRIVED]


def test_just_outside_is_outside() -> None:
    assert events(fence(200), [at(201, n * 5, speed=0.0, accuracy=5) for n in range(20)]) == []


def test_the_evidence_says_why() -> None:
    _, [sighting] = watch(fence(), [at(190, 0), at(176, 5, speed=2.0, accuracy=30)])
    assert sighting.evidence == {
        "lat": at(176, 5).lat,
        "lng": at(176, 5).lng,
        "ts": T0 + 5000,
        "accuracy_m": 30,
        "distance_m": 176,
        "radius_m": 200,
        "rule": "slow",
        "fixes_inside": 2,
        "dwell_s": 5,
        "stood_s": 0,
        "speed_mps": 2.8,
    }


def test_arriving_once_is_enough() -> None:
    assert events(fence(), [*drive(-400, -50, 6), *(at(-50, 100 + n * 5) for n in range(100))]) == [ARRIVED]


# --------------------------------------------------------------------------------------- crossing, driving past


def test_the_line_between_two_fixes_counts_as_one_inside() -> None:
    # Through the circle and out again between two fixes, then back inside: the second sign of it.
    assert events(fence(50), [at(-60, 0), at(60, 20), at(45, 25)]) == [ARRIVED]
    assert events(fence(50), [at(-60, 0, north_m=80), at(60, 20, north_m=80), at(45, 40)]) == []


_degrees = st.floats(0, 360)


@given(
    st.sampled_from([HOME, Point(0, 0), Point(-33.9, 18.4), Point(64.1, -21.9), Point(51.5, 179.9995)]),
    st.floats(20, 5000),
    _degrees,
    st.floats(0, 0.99),
    _degrees,
    st.tuples(st.floats(1, 5000), st.floats(1, 5000)),
)
def test_whatever_the_chord_it_is_seen(
    center: Point, radius: float, bearing: float, depth: float, course: float, ends: tuple[float, float]
) -> None:
    inside = destination(center, bearing, depth * radius)
    there, away = (destination(inside, course + turn, end) for turn, end in zip((180, 0), ends, strict=True))
    here = Fence(STOP, StopKind.PICKUP, center, radius)
    state, _ = observe(FenceState(), here, Fix(*there, T0), Fix(*away, T0 + 5000, speed=20.0), 0.0, RULES)
    assert state.inside == 1


@given(
    st.floats(20, 5000),
    _degrees,
    st.floats(1.01, 3),
    st.floats(-1, 1),
    st.tuples(st.floats(0, 2), st.floats(0, 2)),
)
def test_whoever_stays_on_one_side_has_not_crossed(
    radius: float, bearing: float, distance: float, tilt: float, ends: tuple[float, float]
) -> None:
    # Along the tangent of a wider circle, or away from it.
    nearest = destination(HOME, bearing, distance * radius)
    there, away = (
        destination(nearest, bearing + turn * (90 - 40 * abs(tilt)), end * radius)
        for turn, end in zip((-1, 1), ends, strict=True)
    )
    here = Fence(STOP, StopKind.PICKUP, HOME, radius)
    state, _ = observe(FenceState(), here, Fix(*there, T0), Fix(*away, T0 + 5000), 0.0, RULES)
    assert state.inside == 0


def test_a_crossing_alone_is_no_arrival() -> None:
    assert events(fence(50), [at(-60, 0), at(60, 20), at(-60, 40), at(60, 60), at(-60, 80)]) == []


def test_a_crossing_long_ago_is_no_sign_any_more() -> None:
    north = [at(0, 0, north_m=-80), at(0, 20, north_m=80), at(0, 40, north_m=100), at(0, 70, north_m=30)]
    assert events(fence(50), north) == []
    east = [at(-80, 0), at(80, 20), at(100, 40), at(30, 70)]
    assert events(fence(50), east) == []


def test_nobody_arrives_while_outside() -> None:
    assert events(fence(200), [at(190, 0), at(205, 5), at(210, 10)]) == []


def test_a_gap_after_a_crossing_is_no_stay() -> None:
    assert events(fence(100), [at(-300, 0), at(300, 20), at(50, 620, speed=15.0)]) == []


@pytest.mark.parametrize("radius", [100, 200])
@pytest.mark.parametrize("speed", [60 / 3.6, 30 / 3.6])
@pytest.mark.parametrize("north", [0, 60, 95])
def test_driving_past_is_not_arriving(radius: float, speed: float, north: float) -> None:
    for offset in range(0, 100, 7):
        way = drive(-1000 - offset, 1000, speed, north_m=north, accuracy=5)
        assert events(fence(radius), way) == [], f"began {offset} m farther away"


@pytest.mark.parametrize("radius", [100, 200])
def test_driving_past_is_not_arriving_for_a_phone_that_knows_no_speed(radius: float) -> None:
    for offset in range(0, 83, 7):
        way = [one._replace(speed=None) for one in drive(-1000 - offset, 1000, 60 / 3.6)]
        assert events(fence(radius), way) == [], f"began {offset} m farther away"


def test_driving_there_and_stopping_is() -> None:
    way = [*drive(-1000, -20, 60 / 3.6), *(at(-20, 65 + n * 5, speed=0.2, accuracy=8) for n in range(3))]
    assert events(fence(100), way) == [ARRIVED]


# ------------------------------------------------------------------------------------------------- leaving


def test_who_drives_off_after_a_stay_has_left() -> None:
    state, [sighting] = watch(fence(200), drive(0, 1000, 10, start_s=300, accuracy=10), state=THERE)
    assert sighting.event == LEFT
    assert state.left
    # Clearly outside is beyond 310 m: at 350 m first (335 s); ten seconds later at 450 m that has lasted long enough.
    assert (sighting.evidence["stay_s"], sighting.evidence["stood_s"]) == (335, 300)
    assert sighting.evidence["distance_m"] == 450


@pytest.mark.parametrize(
    ("distance", "accuracy", "clearly_outside"),
    [(350, 0, False), (351, 0, True), (351, None, True), (351, 2, False), (401, 50, True), (399, 50, False)],
)
def test_outside_is_beyond_the_margin_and_a_half_even_at_the_fixs_worst(
    distance: float, accuracy: float | None, clearly_outside: bool
) -> None:
    parked_there = [at(distance, 300 + n * 5, accuracy=accuracy) for n in range(9)]
    assert events(fence(200), parked_there, state=THERE) == [LEFT] * clearly_outside


@pytest.mark.parametrize("speed", [0.0, 2.0, None])
def test_some_wrong_fixes_in_a_row_of_a_parked_phone_are_not_leaving(speed: float | None) -> None:
    elsewhere = [at(400 + n * 9 % 7, 100 + n * 5, speed=speed, accuracy=2) for n in range(6)]
    assert events(fence(200), [*elsewhere, at(10, 130)], state=THERE) == []
    assert events(fence(200), [*elsewhere, at(400, 130, speed=speed, accuracy=2)], state=THERE) == [LEFT]


def test_time_outside_counts_from_the_last_fix_near_the_fence() -> None:
    there_and_back = [at(400, 100, speed=9.0), at(299, 105, speed=9.0), at(400, 110, speed=9.0)]
    off = [at(445, 115, speed=9.0), at(490, 120, speed=9.0)]
    assert events(fence(200), [*there_and_back, off[0]], state=THERE) == []
    assert events(fence(200), [*there_and_back, *off], state=THERE) == [LEFT]


@pytest.mark.parametrize("speed", [0.0, 4.0, None])
@pytest.mark.parametrize("apart_s", [5, 10])
@pytest.mark.parametrize("moved_m", [0, 15])
def test_two_wrong_fixes_of_a_parked_phone_are_not_leaving(
    speed: float | None, apart_s: int, moved_m: int
) -> None:
    """However far off, when they agree with each other."""
    wrong = [at(490, 300, speed=speed), at(490 + moved_m, 300 + apart_s, speed=speed)]
    assert events(fence(200), [*wrong, at(5, 300 + 2 * apart_s)], state=THERE) == []


@pytest.mark.parametrize(
    "now", [fence(200)._replace(center=destination(HOME, 90, 600)), fence(20)], ids=["moved", "smaller"]
)
def test_it_may_be_the_fence_that_moved(now: Fence) -> None:
    """Staff put the pin elsewhere, or cut the radius, while the car is parked at the kerb."""
    state, [arrived] = watch(fence(200), [at(-150, n * 5, speed=0.0) for n in range(30)])
    assert arrived.event == ARRIVED
    parked_still = [at(-150 + n % 7, 150 + n * 5, speed=0.0) for n in range(100)]
    assert events(now, parked_still, state=state) == []
    # A process that began since knows no better.
    assert events(now, parked_still, state=UNSEEN) == []
    assert events(now, [*parked_still, *drive(-150, -900, 10, start_s=650)], state=state) == [LEFT]


def test_a_jump_outside_is_not_leaving() -> None:
    jumping = [at(900 if n % 3 else 10, 100 + n * 5) for n in range(60)]
    assert events(fence(200), jumping, state=THERE) == []


def test_a_short_stay_was_no_visit() -> None:
    state, [sighting] = watch(fence(200), drive(150, 700, 15, start_s=5), state=HALTED)
    assert (sighting.event, sighting.evidence["stay_s"], sighting.evidence["stood_s"]) == (PASSED, 20, 40)
    assert state.arrived_at is None


def test_a_visit_counts_although_nothing_was_seen_of_it_but_its_end() -> None:
    # Another process saw the arrival, and all fixes from there: this one only drives off.
    state, [sighting] = watch(fence(200), drive(350, 1000, 10, start_s=300), state=UNSEEN)
    assert (sighting.event, sighting.evidence["stood_s"]) == (LEFT, 300)
    assert state.left


@pytest.mark.parametrize(("stands_s", "expected"), [(9, PASSED), (40, PASSED), (75, LEFT), (300, LEFT)])
@pytest.mark.parametrize("knows_speed", [True, False])
@pytest.mark.parametrize("every_s", [1, 5])
def test_a_red_light_is_no_visit(
    stands_s: int, expected: FenceEvent, knows_speed: bool, every_s: int
) -> None:
    there = list(drive(-400, 30, 10, every_s=every_s))
    halt = [at(30, 43 + n, speed=0.0) for n in range(0, stands_s, every_s)]
    way = [*there, *halt, *drive(30, 800, 10, every_s=every_s, start_s=43 + stands_s)]
    known = way if knows_speed else [one._replace(speed=None) for one in way]
    assert events(fence(200), known) == [ARRIVED, expected]


def test_two_restaurants_a_block_apart_are_both_visited() -> None:
    """40 s at the one and 40 s at the other, both within both fences."""
    east = Fence(STOP, StopKind.PICKUP, destination(HOME, 90, 120), 200)
    way = [
        *drive(-500, 0, 10),
        *(at(0, 55 + n * 5, speed=0.0) for n in range(8)),
        *drive(0, 120, 6, start_s=95),
        *(at(120, 120 + n * 5, speed=0.0) for n in range(8)),
        *drive(120, 900, 10, start_s=160),
    ]
    assert events(fence(200), way) == [ARRIVED, LEFT]
    assert events(east, way) == [ARRIVED, LEFT]
    assert events(east._replace(later=True), way) == [ARRIVED, LEFT]


def test_at_a_later_stop_only_who_stands_there_arrives() -> None:
    later = fence(200)._replace(later=True)
    passing = [
        *drive(-400, 0, 6),
        *(at(0, 70 + n * 5, speed=0.0) for n in range(7)),
        *drive(0, 800, 6, start_s=105),
    ]
    assert events(later, passing) == []
    state, [sighting] = watch(later, [at(5, n * 5) for n in range(14)])
    assert (sighting.event, sighting.evidence["rule"], sighting.evidence["stood_s"]) == (ARRIVED, "stood", 65)
    assert events(later, drive(0, 800, 10, start_s=70), state=state) == [LEFT]


def test_standing_somewhere_else_is_no_standing_here() -> None:
    elsewhere = [*drive(-1000, -600, 10), *(at(-600, 45 + n * 5) for n in range(40))]
    later = fence(200)._replace(later=True)
    assert events(later, [*elsewhere, *drive(-600, 50, 10, start_s=245), at(50, 315), at(50, 320)]) == []
    # What was stood inside before is forgotten once it was left.
    inside = [at(150, n * 5) for n in range(12)]
    again = [
        *drive(150, 700, 10, start_s=60),
        *drive(700, 150, 10, start_s=120),
        *(at(150, 180), at(150, 185)),
    ]
    assert events(later, [*inside, *again]) == []


def test_who_only_stopped_there_arrives_again_and_then_it_is_a_visit() -> None:
    far, _ = watch(fence(200), drive(150, 3000, 15, start_s=5), state=HALTED)
    day = [
        *drive(900, 0, 6, start_s=800),
        *(at(0, 955 + n * 5) for n in range(20)),
        *drive(0, 900, 10, start_s=1055),
    ]
    assert events(fence(200), day, state=far) == [ARRIVED, LEFT]


def test_fixes_from_before_the_arrival_say_nothing_about_it() -> None:
    way_there = drive(-1000, -400, 10, start_s=-100)
    assert watch(fence(200), way_there, state=THERE) == (THERE, [])


def test_one_wrong_fix_far_away_does_not_end_a_visit() -> None:
    way = [at(2000, 300), at(20, 305), *drive(20, 1000, 10, start_s=310)]
    assert events(fence(200), way, state=THERE) == [LEFT]


def test_who_comes_back_after_a_short_stay_arrives() -> None:
    gone, _ = watch(fence(200), drive(150, 700, 15, start_s=5), state=HALTED)
    back = [*drive(700, 0, 6, start_s=200), at(0, 320), at(0, 325)]
    assert events(fence(200), back, state=gone) == [ARRIVED]


def test_after_leaving_nothing_more_is_seen() -> None:
    gone = FenceState(arrived_at=T0, left=True)
    assert events(fence(200), [*drive(900, 0, 6), *drive(0, 900, 6, start_s=300)], state=gone) == []


def test_who_comes_back_to_a_door_that_was_left_arrives_again_and_leaves_again_however_soon() -> None:
    left = fence(100, left=True)
    back = [*drive(900, 0, 6), at(0, 155), at(0, 160)]
    # The second is the memory of a process that began since.
    for gone in (FenceState(arrived_at=T0, left=True), FenceState()):
        state, [sighting] = watch(left, back, state=gone)
        assert sighting.event == ARRIVED
        passing = drive(0, 900, 30, start_s=165)
        assert events(fence(100), passing, state=state) == [LEFT]


@pytest.mark.parametrize("radius", [100, 200])
@pytest.mark.parametrize("memory_s", [0, 20, 60])
@pytest.mark.parametrize("accuracy", [None, 25])
def test_eight_hours_parked_on_the_edge_are_one_arrival(
    radius: float, memory_s: float, accuracy: float | None
) -> None:
    night = parked(radius, 8 * 3600, sigma_m=25, memory_s=memory_s, seed=1, accuracy=accuracy)
    assert events(fence(radius), night) == [ARRIVED]


# ------------------------------------------------------------------------------------------------ setting out


def test_who_moves_off_has_set_out_once() -> None:
    _, [sighting] = watch(fence(200, waiting=True), drive(-3000, -1000, 10))
    assert sighting.event == SET_OUT
    assert sighting.evidence["moved_m"] == 50
    assert sighting.evidence["distance_m"] == 2950


def test_who_stands_has_not_set_out() -> None:
    assert events(fence(waiting=True), [at(-3000 + n % 2 * 49, n * 5) for n in range(200)]) == []


def test_who_was_on_the_way_before_does_not_set_out() -> None:
    assert events(fence(200), drive(-3000, -1000, 10)) == []


def test_setting_out_arriving_leaving() -> None:
    day = [
        *drive(-1000, -10, 10),
        *(at(-10, 105 + n * 5, speed=0.1, accuracy=10) for n in range(60)),
        *drive(-10, 900, 10, start_s=500),
    ]
    assert events(fence(200, waiting=True), day) == [SET_OUT, ARRIVED, LEFT]


def test_who_is_there_when_the_order_comes_arrives_without_setting_out() -> None:
    assert events(fence(200, waiting=True), [at(20, 0), at(20, 5), at(20, 10)]) == [ARRIVED]


def test_a_short_stay_is_not_followed_by_setting_out() -> None:
    assert events(fence(200, waiting=True), drive(150, 3000, 15, start_s=5), state=HALTED) == [PASSED]


# ------------------------------------------------------------------------------------------ whatever happens

_moves = st.tuples(
    st.floats(-400, 400),
    st.floats(-400, 400),
    st.floats(0.1, 120),
    st.none() | st.floats(0, 40),
    st.none() | st.floats(0, 100),
)


@given(st.lists(_moves, max_size=60), st.booleans(), st.sampled_from([20.0, 100.0, 200.0, 5000.0]))
def test_whatever_the_way_events_come_in_an_order_that_makes_sense(
    moves: list[tuple[float, float, float, float | None, float | None]], waiting: bool, radius: float
) -> None:
    here, state, before, seconds = fence(radius, waiting=waiting), FenceState(), None, 0.0
    there, set_out, standing = False, False, Standing()
    for east, north, pause, speed, accuracy in moves:
        seconds += pause
        fix = at(east, seconds, north_m=north, speed=speed, accuracy=accuracy)
        was = state
        state, sighting = observe(state, here, before, fix, standing.add(fix), RULES)
        before = fix
        there = there and state.arrived_at is not None
        if sighting is None:
            continue
        json.dumps(sighting.evidence, allow_nan=False)
        match sighting.event:
            case FenceEvent.SET_OUT:
                assert waiting
                assert not set_out
                set_out = True
            case FenceEvent.ARRIVED:
                assert not there
                assert sighting.evidence["distance_m"] <= radius
                there = True
            case FenceEvent.LEFT:
                assert was.arrived_at is not None
                assert state.left
                assert sighting.evidence["distance_m"] > radius
