"""When a driver is where: pure, with tables. Seconds count from now."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from dispatch.etas.travel_time_model import PickupTimes, TravelTimeModel
from dispatch.models import City, Order, Restaurant, Stop, next_stops, places
from dispatch.planning.replanning import arrivals
from tests.dispatch.story import NOON, at

TRAVEL_TIMES = TravelTimeModel(pickup_s=120, dropoff_s=90)
PLACES = {name: 39.7 + n / 100 for n, name in enumerate("RSABC")}


def stop(what: str, *, arrived: float | None = None, ready: float | None = None) -> Stop:
    """ "R↑" is a pickup at restaurant R, "A↓" a dropoff at door A; `arrived`, `ready`: seconds from now."""
    place, kind = what
    order = Order(
        id=uuid4(),
        restaurant=Restaurant(id=uuid4(), lat=PLACES[place], lng=-105.0),
        customer_lat=PLACES[place],
        customer_lng=-105.0,
        ready_at=None if ready is None else at(ready),
    )
    arrived_at = None if arrived is None else at(arrived)
    return Stop(id=uuid4(), order=order, kind={"↑": "pickup", "↓": "dropoff"}[kind], arrived_at=arrived_at)


@pytest.mark.parametrize(
    ("stops", "drives", "expected"),
    [
        pytest.param([], [], [], id="nothing to do"),
        pytest.param([stop("A↓")], [300], [300], id="one dropoff"),
        pytest.param([stop("R↑"), stop("A↓")], [300, 200], [300, 620], id="a pickup takes two minutes"),
        pytest.param([stop("A↓"), stop("B↓")], [100, 200], [100, 390], id="so does everybody's door, almost"),
        pytest.param(
            [stop("R↑"), stop("A↓"), stop("S↑"), stop("B↓")],
            [10, 20, 30, 40],
            [10, 150, 270, 430],
            id="through all earlier stops",
        ),
        pytest.param([stop("R↑", ready=900), stop("A↓")], [300, 200], [300, 1100], id="not without the food"),
        pytest.param(
            [stop("R↑", ready=350), stop("A↓")], [300, 200], [300, 620], id="food that is ready in time"
        ),
        pytest.param(
            [stop("R↑"), stop("R↑"), stop("A↓")], [300, 0, 200], [300, 300, 620], id="two bags, one visit"
        ),
        pytest.param(
            [stop("R↑", ready=800), stop("R↑", ready=400), stop("A↓")],
            [300, 0, 200],
            [300, 300, 1000],
            id="the latest bag decides",
        ),
        pytest.param(
            [stop("A↓"), stop("A↓"), stop("B↓")], [100, 0, 50], [100, 100, 240], id="one door, one visit"
        ),
        pytest.param(
            [stop("R↑"), stop("A↓"), stop("R↑")],
            [100, 50, 50],
            [100, 270, 410],
            id="the same place again later",
        ),
        pytest.param([stop("R↑", arrived=-60), stop("A↓")], [5, 200], [-60, 260], id="there for a minute"),
        pytest.param([stop("R↑", arrived=-1000), stop("A↓")], [5, 200], [-1000, 200], id="there for long"),
        pytest.param(
            [stop("R↑", arrived=-60, ready=500), stop("A↓")],
            [5, 200],
            [-60, 700],
            id="there, and waiting for the food",
        ),
        pytest.param(
            [stop("A↓", arrived=-30), stop("B↓")], [5, 200], [-30, 260], id="at the door for half a minute"
        ),
        pytest.param(
            [stop("R↑", arrived=-60), stop("R↑", arrived=-60, ready=300), stop("A↓")],
            [5, 0, 200],
            [-60, -60, 500],
            id="there for two bags",
        ),
    ],
)
def test_arrivals(stops: list[Stop], drives: list[float], expected: list[float]) -> None:
    assert arrivals(stops, drives, NOON, TRAVEL_TIMES) == [at(seconds) for seconds in expected]


def test_nobody_arrives_before_the_stop_ahead() -> None:
    stops = [stop("R↑", ready=10**4), stop("S↑"), stop("A↓"), stop("B↓")]
    times = arrivals(stops, [1, 1, 1, 1], NOON, TRAVEL_TIMES)
    assert times == sorted(times)
    assert times[1] - times[0] > timedelta(seconds=10**4 - 10)


@pytest.mark.parametrize(
    ("plan", "visits"),
    [
        ("", []),
        ("R↑", [1]),
        ("R↑ R↑ A↓", [2, 1]),
        ("R↑ S↑ R↑", [1, 1, 1]),
        ("A↓ A↓ B↓ A↓", [2, 1, 1]),
        ("A↑ A↓", [1, 1]),
    ],
)
def test_stops_in_a_row_at_one_place_are_one_visit(plan: str, visits: list[int]) -> None:
    stops = [stop(what) for what in plan.split()]
    assert [len(place) for place in places(stops)] == visits
    assert [one for place in places(stops) for one in place] == stops
    assert next_stops(stops) == stops[: visits[0] if visits else 0]


CITY = City(id=uuid4())
#: Noon is in hour 108 of a Friday's week, in Greenwich; streets are half as fast from then on, the hour after not.
LEARNED = TravelTimeModel(
    pickup_s=120,
    dropoff_s=90,
    zones={CITY.pk: ZoneInfo("UTC")},
    factors={(CITY.pk, 108): 2.0},
    doors={CITY.pk: 30},
)


@pytest.mark.parametrize(
    ("drives", "expected"),
    [
        pytest.param([100, 50, 50], [200, 420, 550], id="drives as slow as the streets are, doors as quick"),
        pytest.param([1800, 50, 50], [3600, 3770, 3850], id="the hour in which a drive begins counts"),
    ],
)
def test_arrivals_as_learned(drives: list[float], expected: list[float]) -> None:
    stops = [stop("R↑"), stop("A↓"), stop("B↓")]
    for one in stops:
        one.order.restaurant.city = CITY
    assert arrivals(stops, drives, NOON, LEARNED) == [at(seconds) for seconds in expected]


@pytest.mark.parametrize(
    ("late_s", "ready", "expected"),
    [
        pytest.param(480, 500, 300 + 680 + 200, id="the food comes eight minutes late"),
        pytest.param(-200, 500, 300 + 60 + 200, id="… or early"),
        pytest.param(480, None, 300 + 60 + 200, id="nothing was promised"),
    ],
)
def test_a_kitchens_habits(late_s: float, ready: float | None, expected: float) -> None:
    stops = [stop("R↑", ready=ready), stop("A↓")]
    travel_times = replace(TRAVEL_TIMES, pickups={stops[0].order.restaurant.pk: PickupTimes(60, late_s)})
    assert arrivals(stops, [300, 200], NOON, travel_times)[1] == at(expected)


@pytest.mark.django_db
def test_how_long_a_stop_takes_is_a_setting(settings: object) -> None:
    settings.PICKUP_SERVICE_S, settings.DROPOFF_SERVICE_S = 7, 5
    assert (TravelTimeModel.current().pickup_s, TravelTimeModel.current().dropoff_s) == (7, 5)
