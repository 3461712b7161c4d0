"""What a customer may know at each step of a shared trip, and the frames of the others. No database."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args, get_type_hints
from uuid import UUID, uuid4

import msgspec
import pytest
from django.utils import timezone

from dispatch.models import City, Driver, Order, OrderEvent, Restaurant, Stop
from routing.geo import from_lnglat
from routing.problems import Problem
from tracking.protocol import frames
from tracking.protocol.frames import CustomerView, customer_view, geometry_through, without_version
from tracking.protocol.messages import (
    CustomerStatus,
    DriverHidden,
    Eta,
    EtaUnknown,
    FleetPosition,
    PlanStop,
    Route,
    RouteHidden,
    ServerFrame,
    encode,
)

CITY = City(id=uuid4(), name="Denver", show_driver_from="to_restaurant")
DRIVER = Driver(
    id=uuid4(), name="Ada", phone="+1 303", city=CITY, status="delivering", on_shift=True, version=7
)
NOODLES = Restaurant(id=uuid4(), name="Noodles", address="1 Main", city=CITY, lat=39.75, lng=-104.99)
TACOS = Restaurant(id=uuid4(), name="Tacos", address="2 Main", city=CITY, lat=39.76, lng=-104.98)
NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
NOON_MS = 1_800_014_400_000


def make_order(status: str, restaurant: Restaurant = NOODLES, door: float = 39.7, **fields: object) -> Order:
    return Order(
        **{
            "id": uuid4(),
            "restaurant": restaurant,
            "driver": DRIVER,
            "status": status,
            "customer_name": "Grace",
            "customer_lat": door,
            "customer_lng": -105.0,
            "eta_minutes": 12,
            "version": 3,
            "created_at": NOON,
            "promised_at": NOON + timedelta(minutes=45),
        }
        | fields
    )


def stop(order: Order, kind: str, **fields: object) -> Stop:
    """The road to it begins at (0, 0) and ends at the stop itself."""
    made = Stop(id=uuid4(), driver=DRIVER, order=order, kind=kind, position=1, **fields)
    made.leg = [[0.0, 0.0], [made.point.lng, made.point.lat]]
    return made


def said(view: CustomerView, kind: type) -> object:
    """The one frame of this type, or None."""
    found = [frame for frame in view.frames if type(frame) is kind]
    assert len(found) <= 1
    return found[0] if found else None


def road(view: CustomerView) -> object:
    """The geometry of the route that is told, or None."""
    route = said(view, Route)
    assert (RouteHidden(v=view.v) in view.taken_back) == (route is None)
    return route and route.geometry


# ---------------------------------------------------------------------------- who sees what on a shared trip

# Ann and Bob eat noodles, Cyd tacos. `plan`: the stops still open (A↑: Ann's pickup, A↓: her door). For each
# customer: the stops that the route shown leads to ("" when the driver is hidden), and others' stops before theirs.
TRIP = [
    ("assigned assigned assigned", "A↑ B↑ B↓ C↑ A↓ C↓", ("", 2), ("", 0), ("", 3)),
    ("to_restaurant to_restaurant assigned", "A↑ B↑ B↓ C↑ A↓ C↓", ("A↑ B↑", 2), ("A↑ B↑ B↓", 0), ("", 3)),
    (
        "driver_at_restaurant driver_at_restaurant assigned",
        "A↑ B↑ B↓ C↑ A↓ C↓",
        ("A↑ B↑", 2),
        ("A↑ B↑ B↓", 0),
        ("", 3),
    ),
    ("picked_up driver_at_restaurant assigned", "B↑ B↓ C↑ A↓ C↓", ("", 3), ("B↑ B↓", 0), ("", 3)),
    ("picked_up picked_up assigned", "B↓ C↑ A↓ C↓", ("", 2), ("B↓", 0), ("", 2)),
    ("picked_up driver_nearby assigned", "B↓ C↑ A↓ C↓", ("", 2), ("B↓", 0), ("", 2)),
    ("picked_up delivered assigned", "C↑ A↓ C↓", ("", 1), ("", 0), ("", 1)),
    ("picked_up delivered to_restaurant", "C↑ A↓ C↓", ("", 1), ("", 0), ("C↑", 1)),
    ("picked_up delivered picked_up", "A↓ C↓", ("A↓", 0), ("", 0), ("", 1)),
    ("driver_nearby delivered picked_up", "A↓ C↓", ("A↓", 0), ("", 0), ("", 1)),
    ("delivered delivered picked_up", "C↓", ("", 0), ("", 0), ("C↓", 0)),
    ("delivered delivered cancelled", "", ("", 0), ("", 0), ("", 0)),
]


@pytest.mark.parametrize(
    ("statuses", "plan", "ann", "bob", "cyd"), TRIP, ids=[f"{s[0]}: {s[1]}" for s in TRIP]
)
def test_what_each_customer_of_a_trip_may_know(
    statuses: str, plan: str, ann: tuple[str, int], bob: tuple[str, int], cyd: tuple[str, int]
) -> None:
    restaurants, doors = (NOODLES, NOODLES, TACOS), (39.71, 39.72, 39.73)
    orders = {
        name: make_order(status, restaurant, door)
        for name, status, restaurant, door in zip("ABC", statuses.split(), restaurants, doors, strict=True)
    }
    stops = {name: stop(orders[name[0]], "pickup" if name[1] == "↑" else "dropoff") for name in plan.split()}
    for name, (way, before) in zip("ABC", (ann, bob, cyd), strict=True):
        view = customer_view(orders[name], list(stops.values()))
        assert view.driver_id == (str(DRIVER.pk) if way else None)
        assert (said(view, DriverHidden) is None) == bool(way)
        assert road(view) == geometry_through(stops[step] for step in way.split())
        if (eta := said(view, Eta)) is not None:
            assert eta.stops_before == before
        else:
            assert orders[name].status == "cancelled"
        unseen = [stops[step] for step in plan.split() if step[0] != name and step[1] == "↓"]
        told = "".join(map(encode, view.frames))
        assert not [other for other in unseen if str(other.point.lat) in told], "somebody else's door"


@pytest.mark.parametrize(
    ("status", "from_to_restaurant", "from_picked_up"),
    [
        ("assigned", False, False),
        ("to_restaurant", True, False),
        ("driver_at_restaurant", True, False),
        ("picked_up", True, True),
        ("driver_nearby", True, True),
        ("delivered", False, False),
        ("cancelled", False, False),
        ("failed", False, False),
    ],
)
def test_a_city_decides_from_when_on_the_driver_is_seen(
    status: str, from_to_restaurant: bool, from_picked_up: bool
) -> None:
    for show_from, seen in (("to_restaurant", from_to_restaurant), ("picked_up", from_picked_up)):
        restaurant = Restaurant(
            id=uuid4(), city=City(id=uuid4(), show_driver_from=show_from), lat=39.75, lng=-104.99
        )
        order = make_order(status, restaurant)
        view = customer_view(order, [stop(order, "dropoff")])
        assert (view.driver_id is not None) == seen


def test_without_a_city_the_driver_is_seen_on_the_way_to_the_restaurant() -> None:
    order = make_order("to_restaurant", Restaurant(id=uuid4(), lat=39.75, lng=-104.99))
    assert customer_view(order, [stop(order, "pickup")]).driver_id == str(DRIVER.pk)


def test_a_driver_without_open_stops_is_not_shown() -> None:
    assert customer_view(make_order("picked_up"), []).driver_id is None


def test_two_customers_behind_one_door_are_one_stop() -> None:
    first, second = make_order("picked_up", door=39.71), make_order("picked_up", door=39.71)
    stops = [stop(first, "dropoff"), stop(second, "dropoff")]
    for order in (first, second):
        view = customer_view(order, stops)
        assert view.driver_id == str(DRIVER.pk)
        assert said(view, Eta).stops_before == 0


def test_a_door_that_was_left_shows_no_driver_and_stands_in_nobodys_way() -> None:
    """Its driver is on the way to somebody else."""
    ann, bob = make_order("driver_nearby", door=39.71), make_order("picked_up", door=39.72)
    stops = [stop(ann, "dropoff", arrived_at=NOON, left_at=NOON), stop(bob, "dropoff")]
    view = customer_view(ann, stops)
    assert (view.driver_id, road(view)) == (None, None)
    assert said(view, DriverHidden) is not None
    assert said(view, CustomerStatus).message == "Your driver was at your door."
    view = customer_view(bob, stops)
    assert said(view, CustomerStatus).message == "Your food is on its way."
    assert (view.driver_id, said(view, Eta).stops_before) == (str(DRIVER.pk), 0)
    assert road(view) == geometry_through(stops[1:])
    assert str(stops[0].point.lat) not in "".join(map(encode, view.frames))


def test_a_road_begins_where_the_driver_is_well_away_from_other_doors() -> None:
    bob = make_order("picked_up", door=39.72)
    way = stop(bob, "dropoff")
    coordinates = list(way.leg)
    start, end = (from_lnglat(at) for at in (coordinates[0], coordinates[-1]))
    assert road(customer_view(bob, [way], [(bob.pk, start)])) == geometry_through([way])
    view = customer_view(bob, [way], [(uuid4(), start)])
    assert view.hidden_near == (start,)
    assert road(view) is None or road(view)["coordinates"][0] != coordinates[0]
    way.leg = [[start.lng, start.lat], *([start.lng, start.lat + k / 1000] for k in range(1, 6))]
    assert road(customer_view(bob, [way], [(uuid4(), start)]))["coordinates"] == way.leg[2:]
    assert road(customer_view(bob, [way], [(uuid4(), end), (uuid4(), start)])) is not None
    way.leg = way.leg[:3]
    assert road(customer_view(bob, [way], [(uuid4(), start)])) is None


def test_where_the_drivers_positions_are_to_be_found() -> None:
    order = make_order("picked_up")
    view = customer_view(order, [stop(order, "dropoff")])
    assert (view.v, view.driver_city_id) == (3, CITY.pk)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("picked_up", (12, 10, 15)),
        ("assigned", (12, 10, 15)),
        ("delivered", (0, None, None)),
        ("cancelled", None),
        ("failed", None),
        ("pending", None),
    ],
)
def test_an_eta_is_told_while_the_order_is_on_its_way(status: str, told: tuple | None) -> None:
    eta = said(customer_view(make_order(status, eta_low=10, eta_high=15), []), Eta)
    assert (eta and (eta.minutes, eta.low, eta.high)) == told
    assert eta is None or eta.v == 3


def test_nobody_waits_any_longer_for_a_driver_who_was_at_the_door() -> None:
    order = make_order("driver_nearby", eta_minutes=None)
    assert said(customer_view(order, [stop(order, "dropoff", arrived_at=NOON)]), Eta) is None
    view = customer_view(order, [stop(order, "dropoff", arrived_at=NOON, left_at=NOON)])
    assert said(view, Eta) == Eta(minutes=0, v=3)


@pytest.mark.parametrize(
    ("status", "taken_back"),
    [
        ("pending", [EtaUnknown(v=3)]),
        ("assigned", [EtaUnknown(v=3)]),
        ("picked_up", [EtaUnknown(v=3)]),
        ("delivered", []),
        # For pages that understand nothing but minutes.
        ("cancelled", [Eta(minutes=0, v=3), EtaUnknown(v=3)]),
        ("failed", [Eta(minutes=0, v=3), EtaUnknown(v=3)]),
    ],
)
def test_an_eta_that_is_none_any_longer_is_taken_back(status: str, taken_back: list) -> None:
    view = customer_view(make_order(status, eta_minutes=None), [])
    assert list(view.taken_back) == [*taken_back, RouteHidden(v=3)]


def test_what_is_null_where_it_is_unknown_and_not_left_out() -> None:
    """As docs/protocol.md has it."""
    nulls = {
        (kind.__name__, field.encode_name)
        for kind in (*get_args(ServerFrame), PlanStop, FleetPosition)
        for field in msgspec.structs.fields(kind)
        if field.required and type(None) in get_args(get_type_hints(kind)[field.name])
    }
    assert nulls == {
        ("PlanStop", "lat"),
        ("PlanStop", "lng"),
        ("OrderState", "lat"),
        ("OrderState", "lng"),
        ("OrderState", "cityId"),
        ("OrderState", "restaurantId"),
        ("DriverState", "cityId"),
        ("RestaurantState", "cityId"),
        ("GeofenceEvent", "driverId"),
        ("ConflictState", "cityId"),
        ("ConflictState", "restaurantId"),
        ("AlertState", "cityId"),
    }


def test_an_approximate_eta_says_so() -> None:
    assert said(customer_view(make_order("picked_up", problem=Problem.ROADS_AWAY), []), Eta).approximate


@pytest.mark.parametrize("status", [status.value for status in frames._MESSAGES])
def test_every_status_comes_with_a_sentence(status: str) -> None:
    told = said(customer_view(make_order(status), []), CustomerStatus)
    assert told.status == status
    assert told.message.endswith((".", "!"))


def test_while_the_restaurant_is_closed_nobody_says_that_a_driver_is_looked_for() -> None:
    order = make_order("pending", driver=None, problem=Problem.RESTAURANT_PAUSED)
    assert said(customer_view(order, []), CustomerStatus).message == (
        "We have your order. A driver is looked for as soon as deliveries go on."
    )
    order.problem_until = NOON + timedelta(hours=6)
    assert said(customer_view(order, []), CustomerStatus).message == (
        "We have your order. A driver is looked for on Friday, January 15 at 11:00 AM."
    )
    order.problem = Problem.NO_DRIVER
    assert "looking for a driver" in said(customer_view(order, []), CustomerStatus).message


# ------------------------------------------------------------------------------------------- roads, versions


def test_a_line_through_several_stops_names_no_point_twice() -> None:
    first, second = Stop(leg=[[1.0, 1.0], [2.0, 2.0]]), Stop(leg=[[2.0, 2.0], [3.0, 3.0]])
    assert geometry_through([first, second]) == {
        "type": "LineString",
        "coordinates": [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]],
    }


@pytest.mark.parametrize("legs", [[], [None], [[[1.0, 1.0]]], [None, []]])
def test_no_line_without_a_known_road(legs: list) -> None:
    assert geometry_through([Stop(leg=leg) for leg in legs]) is None


def test_the_same_said_in_a_newer_version_is_the_same() -> None:
    assert without_version(Eta(minutes=5, v=1)) == without_version(Eta(minutes=5, v=2))
    assert without_version(Eta(minutes=5, v=1)) != without_version(Eta(minutes=6, v=1))
    assert without_version(DriverHidden(v=1)) != without_version(RouteHidden(v=1))
    assert without_version(Eta(minutes=0, v=1)) != without_version(Eta(minutes=0, v=1), EtaUnknown(v=1))


# ------------------------------------------------------------------------------- the driver, the dispatcher


def told(frame: object) -> dict:
    """A frame as it arrives."""
    return msgspec.json.decode(encode(frame))


def test_a_plan_shows_the_stops_in_order_with_what_the_driver_needs() -> None:
    order = make_order("to_restaurant", ready_at=NOON, customer_address="5 Elm")
    pickup, dropoff = stop(order, "pickup", eta=NOON, arrived_at=NOON), stop(order, "dropoff")
    frame = told(frames.plan(DRIVER, [pickup, dropoff]))
    assert (frame["v"], frame["status"], frame["onShift"]) == (7, "delivering", True)
    assert frame["geometry"]["coordinates"] == [*pickup.leg, *dropoff.leg]
    assert frame["stops"] == [
        {
            "stopId": str(pickup.pk),
            "orderId": str(order.pk),
            "kind": "pickup",
            "lat": 39.75,
            "lng": -104.99,
            "name": "Noodles",
            "address": "1 Main",
            "orderStatus": "to_restaurant",
            "eta": NOON_MS,
            "arrivedAt": NOON_MS,
            "readyAt": NOON_MS,
        },
        {
            "stopId": str(dropoff.pk),
            "orderId": str(order.pk),
            "kind": "dropoff",
            "lat": 39.7,
            "lng": -105.0,
            "name": "Grace",
            "address": "5 Elm",
            "orderStatus": "to_restaurant",
        },
    ]


def test_a_driver_is_told_of_each_stop_what_is_needed_there() -> None:
    order = make_order(
        "to_restaurant",
        customer_address="5 Elm",
        customer_phone="+1 720",
        number="A-17",
        bags=2,
        items=[{"count": 2, "text": "Pad Thai"}],
        kitchen_note="no nuts",
        driver_note="ring twice",
        door_note="4th floor",
        tip="$3",
        cash_due="$12.50",
        age_check=21,
    )
    stops = [stop(order, "pickup"), stop(order, "dropoff")]
    bare = told(frames.plan(DRIVER, stops))["stops"]
    pickup, dropoff = (
        {name: value for name, value in one.items() if name not in other}
        for one, other in zip(told(frames.plan(DRIVER, stops, for_driver=True))["stops"], bare, strict=True)
    )
    called = {"number": "A-17", "bags": 2, "items": [{"count": 2, "text": "Pad Thai"}]}
    assert pickup == called
    assert dropoff == called | {
        "phone": "+1 720",
        "note": "ring twice",
        "doorNote": "4th floor",
        "tip": "$3",
        "cashDue": "$12.50",
        "ageCheck": 21,
    }


def test_the_driver_is_asked_about_a_door_that_was_left() -> None:
    ann = make_order("driver_nearby", door=39.71, customer_address="")
    bob = make_order("picked_up", door=39.72, customer_address="")
    left, ahead = stop(ann, "dropoff", arrived_at=NOON, left_at=NOON), stop(bob, "dropoff")
    frame = told(frames.plan(DRIVER, [left, ahead]))
    assert [one.get("leftAt") for one in frame["stops"]] == [NOON_MS, None]
    assert frame["geometry"]["coordinates"] == ahead.leg


def test_a_dispatcher_sees_a_driver() -> None:
    assert told(frames.driver_state(DRIVER)) == {
        "type": "driver",
        "driverId": str(DRIVER.pk),
        "v": 7,
        "name": "Ada",
        "phone": "+1 303",
        "cityId": str(CITY.pk),
        "status": "delivering",
        "onShift": True,
        "vehicle": "car",
    }


def test_a_dispatcher_sees_what_a_driver_goes_by_can_and_when_a_break_ends() -> None:
    driver = Driver(id=uuid4(), name="Ada", phone="", vehicle="bicycle", skills=["alcohol"], break_until=NOON)
    frame = told(frames.driver_state(driver))
    assert (frame["vehicle"], frame["skills"], frame["breakUntil"]) == ("bicycle", ["alcohol"], NOON_MS)
    assert told(frames.plan(driver, []))["breakUntil"] == NOON_MS


def test_what_an_order_needs_is_told_to_dispatchers_and_to_its_driver_at_each_stop() -> None:
    order = make_order("picked_up", needs=["alcohol"], customer_address="", customer_phone="")
    assert told(frames.order_state(order, timezone.now()))["needs"] == ["alcohol"]
    stops = [stop(order, kind) for kind in ("pickup", "dropoff")]
    assert [one["needs"] for one in told(frames.plan(DRIVER, stops, for_driver=True))["stops"]] == [
        ["alcohol"],
        ["alcohol"],
    ]
    assert not any("needs" in one for one in told(frames.plan(DRIVER, stops))["stops"])


def test_a_dispatcher_sees_an_order() -> None:
    order = make_order(
        "picked_up",
        customer_phone="+1 720",
        customer_address="5 Elm",
        eta_low=10,
        eta_high=15,
        problem=Problem.CUSTOMER_UNREACHABLE,
    )
    assert told(frames.order_state(order, timezone.now())) == {
        "type": "order",
        "orderId": str(order.pk),
        "v": 3,
        "status": "picked_up",
        "cityId": str(CITY.pk),
        "restaurantId": str(NOODLES.pk),
        "customerName": "Grace",
        "customerAddress": "5 Elm",
        "customerPhone": "+1 720",
        "lat": 39.7,
        "lng": -105.0,
        "createdAt": NOON_MS,
        "promisedAt": NOON_MS + 45 * 60_000,
        "driverId": str(DRIVER.pk),
        "etaMinutes": 12,
        "etaLow": 10,
        "etaHigh": 15,
        "problem": "customer_unreachable",
        "problemText": "No road leads to the customer; check the address.",
    }


def test_a_dispatcher_sees_what_no_button_told() -> None:
    order = make_order("driver_nearby", customer_address="", customer_phone="")
    now = timezone.now()
    pickup = stop(order, "pickup", arrived_at=NOON, left_at=NOON, done_at=now)
    dropoff = stop(order, "dropoff", arrived_at=NOON, left_at=NOON)
    frame = told(frames.order_state(order, timezone.now(), [dropoff, pickup]))
    assert frame["autoPickupAt"] == int(now.timestamp() * 1000)
    assert frame["leftDropoffAt"] == NOON_MS
    pickup.done_at = now - timedelta(seconds=601)
    assert "autoPickupAt" not in told(frames.order_state(order, timezone.now(), [pickup]))


def test_a_dispatcher_sees_a_restaurant_and_its_fence() -> None:
    frame = told(frames.restaurant_state(TACOS, NOON))
    assert not frame.keys() & {"pause", "extra"}
    assert (frame["name"], frame["lat"], frame["lng"], frame["geofenceRadius"]) == (
        "Tacos",
        39.76,
        -104.98,
        200,
    )
    assert UUID(frame["restaurantId"]) == TACOS.pk


def test_a_dispatcher_sees_what_is_switched_on_as_long_as_it_is() -> None:
    hour = timedelta(hours=1)
    place: dict[str, Any] = {
        "paused_since": NOON,
        "paused_until": NOON + hour,
        "pause_reason": "flood",
        "extra_minutes": 15,
        "extra_since": NOON,
        "extra_until": NOON + 2 * hour,
    }
    extra = {"minutes": 15, "since": NOON_MS, "until": NOON_MS + 7_200_000}
    pause = {"since": NOON_MS, "until": NOON_MS + 3_600_000, "reason": "flood"}
    city = City(id=uuid4(), **place)
    restaurant = Restaurant(id=uuid4(), address="", lat=0, lng=0, **place)
    for now, shown in (
        (NOON, {"pause": pause, "extra": extra}),
        (NOON + hour, {"extra": extra}),
        (NOON + 2 * hour, {}),
    ):
        assert told(frames.city_state(city, now)) == {"type": "city", "cityId": str(city.pk)} | shown
        frame = told(frames.restaurant_state(restaurant, now))
        assert {name: frame[name] for name in frame.keys() & {"pause", "extra"}} == shown
    city.paused_until = None
    assert told(frames.city_state(city, NOON))["pause"]["until"] is None


def test_a_dispatcher_reads_until_when_a_restaurant_is_closed() -> None:
    order = make_order(
        "pending", driver=None, problem=Problem.RESTAURANT_CLOSED, customer_address="", customer_phone=""
    )
    assert told(frames.order_state(order, NOON))["problemText"] == "The restaurant is closed."
    order.problem_until = NOON + timedelta(hours=6)
    frame = told(frames.order_state(order, NOON))
    assert (frame["problem"], frame["problemText"]) == (
        "restaurant_closed",
        "The restaurant is closed until 11:00 AM.",
    )


def test_a_dispatcher_sees_why_a_geofence_fired() -> None:
    order = make_order("driver_nearby")
    event = OrderEvent(
        order=order, driver=DRIVER, to_status="driver_nearby", happened_at=NOON, evidence={"rule": "slow"}
    )
    assert told(frames.geofence_event(event)) == {
        "type": "geofence",
        "orderId": str(order.pk),
        "driverId": str(DRIVER.pk),
        "status": "driver_nearby",
        "at": NOON_MS,
        "evidence": {"rule": "slow"},
    }
