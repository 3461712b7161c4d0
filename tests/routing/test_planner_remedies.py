"""What is offered for an order that will be late, and that each offer keeps what it says."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.planner import Instance, Problem, Settings, Vehicle, Visit, best_tour, propose, remedies, solve
from tests.routing.rush_hour import crowded
from tests.routing.street import LINE, both, shipment

QUICK = Settings(rounds=5, time_limit_s=60)


def offers(name: str, instance: Instance) -> list[tuple[str, object, object]]:
    return [(remedy.kind, remedy.moves, remedy.vehicle) for remedy in remedies(name, instance)]


def test_another_driver_who_is_nearer_takes_it() -> None:
    late = shipment("a", 8, 9, promised_at=300.0)
    instance = Instance(0.0, [late], [Vehicle("far", 0, both("a")), Vehicle("near", 7)], LINE)
    assert offers("a", instance) == [("reassign", "a", "near")]
    (remedy,) = remedies("a", instance)
    mine = best_tour(instance, "far").delivered("a")
    theirs = propose("a", instance)[0].tour.delivered("a")
    assert remedy.saved_s == mine - theirs
    assert remedy.relief_s == mine - 300.0 - max(0.0, theirs - 300.0)


def test_the_driver_is_relieved_of_what_comes_before() -> None:
    """The driver is to serve b first; someone else, for whom a is too much, is near b's restaurant."""
    shipments = [
        shipment("a", 6, 9, promised_at=500.0, bags=2),
        shipment("b", 5, 0, promised_at=300.0),
    ]
    vehicles = [Vehicle("d", 5, both("b", "a")), Vehicle("free", 4, capacity=1)]
    assert offers("a", Instance(0.0, shipments, vehicles, LINE))[0] == ("relieve", "b", "free")


def test_its_own_driver_serves_it_first() -> None:
    shipments = [shipment("a", None, 9, promised_at=600.0), shipment("b", None, 1), shipment("c", None, 0)]
    visits = (Visit("b", "dropoff", pinned=True), Visit("c", "dropoff", pinned=True), Visit("a", "dropoff"))
    instance = Instance(0.0, shipments, [Vehicle("d", 5, visits)], LINE)
    assert offers("a", instance) == [("first", "a", "d")]


@pytest.mark.parametrize(("capacity", "offered"), [(3, True), (2, False)])
def test_nothing_is_served_first_that_does_not_fit_into_the_bag(capacity: int, offered: bool) -> None:
    shipments = [shipment("bag", None, 0, bags=2), shipment("a", 5, 6, promised_at=60.0)]
    vehicle = Vehicle("d", 5, (Visit("bag", "dropoff"), *both("a")), capacity=capacity)
    pinned = replace(vehicle, visits=(replace(vehicle.visits[0], pinned=True), *vehicle.visits[1:]))
    assert offers("a", Instance(0.0, shipments, [pinned], LINE)) == [("first", "a", "d")] * offered


def test_nothing_is_offered_that_makes_all_together_later() -> None:
    shipments = [shipment("a", None, 9, promised_at=600.0), shipment("b", None, 1, promised_at=0.0)]
    visits = (Visit("b", "dropoff", pinned=True), Visit("a", "dropoff"))
    assert offers("a", Instance(0.0, shipments, [Vehicle("d", 2, visits)], LINE)) == []


def test_an_order_without_a_driver_has_proposals_instead() -> None:
    assert offers("a", Instance(0.0, [shipment("a", 8, 9)], [Vehicle("d", 0)], LINE)) == []


def test_a_leg_under_way_is_kept() -> None:
    instance = Instance(
        0.0,
        [shipment("a", 8, 9, promised_at=0.0)],
        [Vehicle("far", 0, both("a"), under_way=True), Vehicle("near", 7)],
        LINE,
    )
    assert propose("a", instance)[1].problem == Problem.LEG_KEPT
    assert offers("a", instance) == []


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.data())
def test_what_is_offered_is_sooner_and_better_for_all_together(seed: int, data: st.DataObject) -> None:
    instance = crowded(seed, shipments=8, vehicles=5)
    tours = solve(instance, QUICK).tours
    crew = [replace(vehicle, visits=tours[vehicle.id].visits) for vehicle in instance.vehicles]
    # Later than planned: everybody is.
    instance = replace(instance, vehicles=crew, now=900.0)
    name = data.draw(st.sampled_from([visit.shipment for vehicle in crew for visit in vehicle.visits]))
    found = remedies(name, instance)
    assert len(found) <= 3
    assert [remedy.relief_s for remedy in found] == sorted((r.relief_s for r in found), reverse=True)
    vehicles = {vehicle.id for vehicle in instance.vehicles}
    for remedy in found:
        assert remedy.saved_s >= 60
        assert remedy.relief_s > 0
        assert remedy.vehicle in vehicles
        assert remedy.kind != "reassign" or remedy.moves == name
