"""When a driver sets off for an order, and so has to know of it."""

import pytest

from routing.planner import Instance, Shipment, Vehicle, Visit, best_tour, departures

#: Minutes between places on a line, in seconds.
LINE = [[60.0 * abs(a - b) for b in range(40)] for a in range(40)]
SERVICE_S = 120.0


def shipment(name: str, restaurant: int, customer: int | None, ready_min: float) -> Shipment:
    return Shipment(
        name, restaurant, customer, 0.0, 60 * ready_min, 7200.0, pickup_s=SERVICE_S, dropoff_s=SERVICE_S
    )


ANN, BOB, CYD = shipment("ann", 10, 20, 0), shipment("bob", 30, 35, 60), shipment("cyd", 10, 21, 15)


def visits(*names: str) -> tuple[Visit, ...]:
    """ "+ann" is the pickup, "-ann" the dropoff."""
    return tuple(Visit(name[1:], "pickup" if name[0] == "+" else "dropoff", pinned=True) for name in names)


@pytest.mark.parametrize(
    ("tour", "minutes"),
    [
        ("+ann -ann", {"ann": 0}),
        # Ten minutes' drive and two at the counter before the food is ready.
        ("+cyd -cyd", {"cyd": 3}),
        # Done with Ann's door after 24 minutes, and ten from the next restaurant: no need to know before minute 48.
        ("+ann -ann +bob -bob", {"ann": 0, "bob": 48}),
        # With food on board nobody waits on the way.
        ("+ann +bob -ann -bob", {"ann": 0, "bob": 12}),
        # One visit: who goes there for the one hears of the other.
        ("+ann +cyd -ann -cyd", {"ann": 0, "cyd": 0}),
        ("-ann +bob -bob", {"bob": 48}),
        ("", {}),
    ],
)
def test_a_driver_sets_off_when_the_food_asks_for_it(tour: str, minutes: dict[str, float]) -> None:
    vehicle = Vehicle("d", 0, visits(*tour.split()))
    instance = Instance(0.0, [ANN, BOB, CYD], [vehicle], LINE)
    found = departures(best_tour(instance, "d"), instance)
    assert found == {name: pytest.approx(60 * at) for name, at in minutes.items()}


def test_of_what_no_road_leads_to_nobody_can_say_when() -> None:
    nowhere = shipment("nowhere", 10, None, 0)
    instance = Instance(
        0.0, [ANN, nowhere], [Vehicle("d", 0, visits("+nowhere", "-nowhere", "+ann", "-ann"))], LINE
    )
    assert departures(best_tour(instance, "d"), instance) == {"ann": 0.0}
