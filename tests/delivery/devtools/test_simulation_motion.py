import itertools
from random import Random
from statistics import fmean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.devtools.simulation.gps import BAD_SIGMA_M, RADIUS_68, SIGMA_M, Gps
from delivery.devtools.simulation.trajectory import ACCELERATION, BRAKING, Motion, Trajectory
from routing.geo import Point, destination, distance_m

START = Point(39.7495, -104.9865)


def road(turns: list[tuple[float, float]]) -> list[Point]:
    """A line from START: (course in degrees, metres) one after the other."""
    line = [START]
    for course, metres in turns:
        line.append(destination(line[-1], course, metres))
    return line


roads = st.lists(st.tuples(st.floats(0, 359), st.floats(5, 300)), min_size=1, max_size=6).map(road)


def trajectory_along(line: list[Point], mps: float = 11.0, speed: float = 0.0, seed: int = 1) -> Trajectory:
    seconds = [distance_m(a, b) / mps for a, b in itertools.pairwise(line)]
    return Trajectory(line, seconds, Random(seed), speed=speed)


@given(line=roads, mps=st.floats(3, 30), seed=st.integers(0, 99))
def test_a_drive_leads_from_one_end_to_the_other_and_stands_at_both(line, mps, seed):
    trajectory = trajectory_along(line, mps, seed=seed)
    assert trajectory.at(0) == Motion(line[0], 0.0, pytest.approx(trajectory.at(0.01).heading))
    assert trajectory.at(-5).point == line[0]
    assert trajectory.at(trajectory.duration).speed == 0
    assert distance_m(trajectory.at(trajectory.duration).point, line[-1]) < 0.01
    assert trajectory.at(trajectory.duration + 1000).point == trajectory.at(trajectory.duration).point


@settings(max_examples=40)
@given(line=roads, mps=st.floats(3, 30), speed=st.floats(0, 30))
def test_nobody_accelerates_or_brakes_harder_than_a_driver_would(line, mps, speed):
    trajectory = trajectory_along(line, mps, speed)
    step = 0.5
    moments = [k * step for k in range(int(trajectory.duration / step) + 2)]
    motions = [trajectory.at(moment) for moment in moments]
    for before, after in itertools.pairwise(motions):
        assert -BRAKING - 0.01 <= (after.speed - before.speed) / step <= ACCELERATION + 0.01
        assert (
            distance_m(before.point, after.point)
            <= (max(before.speed, after.speed) + ACCELERATION * step) * step
        )
        assert after.speed <= mps * 1.05 * 1.1 + 0.01 or after.speed <= before.speed


def test_a_straight_drive_takes_about_as_long_as_the_router_says():
    line = road([(90, 1000), (90, 1000)])
    trajectory = trajectory_along(line, mps=12.0)
    assert trajectory.length_m == pytest.approx(2000, rel=1e-3)
    assert 0.95 < trajectory.duration / (2000 / 12.0) < 1.35


def test_a_corner_is_taken_slowly_and_a_bend_is_not():
    corner = trajectory_along(road([(0, 300), (90, 300)]))
    bend = trajectory_along(road([(0, 300), (10, 300)]))

    def slowest_around_the_middle(trajectory: Trajectory, line_at: Point) -> float:
        moments = [k * 0.2 for k in range(int(trajectory.duration * 5))]
        return min(
            trajectory.at(m).speed for m in moments if distance_m(trajectory.at(m).point, line_at) < 20
        )

    middle = destination(START, 0, 300)
    assert slowest_around_the_middle(corner, middle) < 5
    assert slowest_around_the_middle(bend, middle) > 7


def test_a_drive_taken_up_on_the_road_goes_on_at_its_speed():
    assert trajectory_along(road([(0, 500)]), speed=9.0).at(0).speed == pytest.approx(9.0)


def test_a_place_is_a_drive_of_no_time():
    for line in ([START], [START, START]):
        trajectory = Trajectory(line, [0.0] * (len(line) - 1), Random(1))
        assert (trajectory.duration, trajectory.at(0).point, trajectory.at(9).speed) == (0.0, START, 0.0)


def test_a_line_without_its_durations_is_refused():
    with pytest.raises(ValueError, match="2 points need 1 durations, not 0"):
        Trajectory([START, START], [], Random(1))


def readings(motion: Motion, count: int = 4000, every_s: float = 5.0, seed: int = 7):
    gps = Gps(Random(seed))
    return [gps.read(motion, every_s) for _ in range(count)]


def test_gps_errors_have_the_size_that_the_phone_reports():
    truth = Motion(START, 8.0, 90.0)
    under_open_sky = [r for r in readings(truth) if r.accuracy < SIGMA_M * RADIUS_68 * 1.3]
    between_houses = [r for r in readings(truth) if r.accuracy >= SIGMA_M * RADIUS_68 * 1.3]
    assert 0.01 < len(between_houses) / 4000 < 0.05
    assert min(r.accuracy for r in between_houses) > BAD_SIGMA_M
    for some in (under_open_sky, between_houses):
        within = fmean(distance_m(START, Point(r.lat, r.lng)) <= r.accuracy for r in some)
        assert 0.55 < within < 0.85


def test_gps_errors_drift_and_do_not_jump():
    few_seconds = readings(Motion(START, 0.0, 0.0), every_s=5)
    steps = [
        distance_m(Point(a.lat, a.lng), Point(b.lat, b.lng))
        for a, b in itertools.pairwise(few_seconds)
        if a.accuracy < 10 and b.accuracy < 10
    ]
    # Independent errors would be 2 sigma apart on a root mean square.
    assert fmean(step**2 for step in steps) ** 0.5 < 0.75 * 2 * SIGMA_M


def test_a_phone_that_stands_knows_no_course():
    standing = readings(Motion(START, 0.0, 45.0), count=50)
    assert {(r.heading, r.speed) for r in standing} == {(None, 0.0)}
    moving = readings(Motion(START, 9.0, 359.0), count=500)
    assert all(r.heading is not None and 0 <= r.heading < 360 and r.speed >= 0 for r in moving)
    assert stdev(r.speed for r in moving) < 0.6
