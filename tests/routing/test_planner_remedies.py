"""What is offered for an order that will be late, and that each offer keeps what it says."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.planner import Driver, Problem, Settings, Situation, Stop, best_trip, plan, propose, remedies
from tests.routing.rush_hour import crowded
from tests.routing.test_planner_trips import LINE, both, order

QUICK = Settings(rounds=5, time_limit_s=60)


def offers(name: str, situation: Situation) -> list[tuple[str, object, object]]:
    return [(remedy.kind, remedy.moves, remedy.driver) for remedy in remedies(name, situation)]


def test_another_driver_who_is_nearer_takes_it() -> None:
    late = order("a", 8, 9, promised_at=300.0)
    situation = Situation(0.0, [late], [Driver("far", 0, both("a")), Driver("near", 7)], LINE)
    assert offers("a", situation) == [("reassign", "a", "near")]
    (remedy,) = remedies("a", situation)
    mine = best_trip(situation, "far").delivered("a")
    theirs = propose("a", situation)[0].trip.delivered("a")
    assert remedy.saved_s == mine - theirs
    assert remedy.relief_s == mine - 300.0 - max(0.0, theirs - 300.0)


def test_the_driver_is_relieved_of_what_comes_before() -> None:
    """The driver is to serve b first; someone else, for whom a is too much, is near b's restaurant."""
    orders = [
        order("a", 6, 9, promised_at=500.0, bags=2),
        order("b", 5, 0, promised_at=300.0),
    ]
    drivers = [Driver("d", 5, both("b", "a")), Driver("free", 4, capacity=1)]
    assert offers("a", Situation(0.0, orders, drivers, LINE))[0] == ("relieve", "b", "free")


def test_its_own_driver_serves_it_first() -> None:
    orders = [order("a", None, 9, promised_at=600.0), order("b", None, 1), order("c", None, 0)]
    stops = (Stop("b", "dropoff", pinned=True), Stop("c", "dropoff", pinned=True), Stop("a", "dropoff"))
    situation = Situation(0.0, orders, [Driver("d", 5, stops)], LINE)
    assert offers("a", situation) == [("first", "a", "d")]


@pytest.mark.parametrize(("capacity", "offered"), [(3, True), (2, False)])
def test_nothing_is_served_first_that_does_not_fit_into_the_bag(capacity: int, offered: bool) -> None:
    orders = [order("bag", None, 0, bags=2), order("a", 5, 6, promised_at=60.0)]
    driver = Driver("d", 5, (Stop("bag", "dropoff"), *both("a")), capacity=capacity)
    pinned = replace(driver, stops=(replace(driver.stops[0], pinned=True), *driver.stops[1:]))
    assert offers("a", Situation(0.0, orders, [pinned], LINE)) == [("first", "a", "d")] * offered


def test_nothing_is_offered_that_makes_all_together_later() -> None:
    orders = [order("a", None, 9, promised_at=600.0), order("b", None, 1, promised_at=0.0)]
    stops = (Stop("b", "dropoff", pinned=True), Stop("a", "dropoff"))
    assert offers("a", Situation(0.0, orders, [Driver("d", 2, stops)], LINE)) == []


def test_an_order_without_a_driver_has_proposals_instead() -> None:
    assert offers("a", Situation(0.0, [order("a", 8, 9)], [Driver("d", 0)], LINE)) == []


def test_a_leg_under_way_is_kept() -> None:
    situation = Situation(
        0.0,
        [order("a", 8, 9, promised_at=0.0)],
        [Driver("far", 0, both("a"), under_way=True), Driver("near", 7)],
        LINE,
    )
    assert propose("a", situation)[1].problem == Problem.LEG_KEPT
    assert offers("a", situation) == []


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.data())
def test_what_is_offered_is_sooner_and_better_for_all_together(seed: int, data: st.DataObject) -> None:
    situation = crowded(seed, orders=8, drivers=5)
    trips = plan(situation, QUICK).trips
    crew = [replace(driver, stops=trips[driver.id].stops) for driver in situation.drivers]
    # Later than planned: everybody is.
    situation = replace(situation, drivers=crew, now=900.0)
    name = data.draw(st.sampled_from([stop.order for driver in crew for stop in driver.stops]))
    found = remedies(name, situation)
    assert len(found) <= 3
    assert [remedy.relief_s for remedy in found] == sorted((r.relief_s for r in found), reverse=True)
    drivers = {driver.id for driver in situation.drivers}
    for remedy in found:
        assert remedy.saved_s >= 60
        assert remedy.relief_s > 0
        assert remedy.driver in drivers
        assert remedy.kind != "reassign" or remedy.moves == name
