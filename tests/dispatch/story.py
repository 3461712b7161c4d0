"""Steps of an order's life for tests, and what is to be seen of it afterwards."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from dispatch.models import Driver, Order, OrderEvent, Stop
from dispatch.orders import actions, buttons, geofence_actions
from dispatch.planning import visiting_order
from dispatch.planning.visiting_order import Wish
from dispatch.statuses import StopKind
from tests.dispatch.status_table import (
    ARRIVAL_MAY_GO_BACK_TO,
    AS_THE_DRIVER_SAYS,
    HANDED_ON,
    MAY_BECOME,
    MAY_GO_BACK_TO,
    WAS_SO_ALREADY,
)

DANA = actions.dispatcher("Dana")
#: When the first thing happens; a story's seconds count from here.
NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
#: An OSRM_URL where nobody answers.
NO_OSRM = "http://127.0.0.1:1"
EVIDENCE = {"rule": "slow", "distance_m": 80}


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def assign(order: Order, driver: Driver, **options: bool) -> None:
    actions.assign(order.pk, driver.pk, actor=DANA, **options)


def stops(order: Order, kind: str) -> list[UUID]:
    return list(Stop.objects.filter(order=order, kind=kind).values_list("pk", flat=True))


def set_out(driver: Driver, *orders: Order, seconds: float = 60) -> None:
    geofence_actions.set_out(driver.pk, _all(orders, "pickup"), happened_at=at(seconds), evidence=EVIDENCE)


def arrive(driver: Driver, kind: str, *orders: Order, seconds: float = 300) -> None:
    geofence_actions.arrive(driver.pk, _all(orders, kind), happened_at=at(seconds), evidence=EVIDENCE)


def pass_by(driver: Driver, kind: str, *orders: Order, seconds: float = 320) -> None:
    geofence_actions.pass_by(driver.pk, _all(orders, kind), happened_at=at(seconds), evidence=EVIDENCE)


def leave(driver: Driver, kind: str, *orders: Order, seconds: float = 600) -> None:
    geofence_actions.leave(driver.pk, _all(orders, kind), happened_at=at(seconds), evidence=EVIDENCE)


def report(driver: Driver, order: Order, status: str) -> None:
    buttons.report(driver.pk, order.pk, status)


def _all(orders: Sequence[Order], kind: str) -> list[UUID]:
    return [stop for order in orders for stop in stops(order, kind)]


def bring_to(order: Order, driver: Driver, status: str) -> None:
    """Takes a pending order to this status, by the shortest way."""
    if status != "pending":
        assign(order, driver)
    if status == "to_restaurant":
        set_out(driver, order)
    if status == "driver_at_restaurant":
        arrive(driver, "pickup", order)
    if status in ("picked_up", "driver_nearby", "delivered", "cancelled", "failed"):
        report(driver, order, "picked_up")
    if status == "driver_nearby":
        arrive(driver, "dropoff", order, seconds=1200)
    if status in ("delivered", "failed"):
        report(driver, order, status)
    if status == "cancelled":
        actions.cancel(order.pk, actor=DANA, reason="spilled")
    order.refresh_from_db()
    assert order.status == status


def arrange(driver: Driver, stop_ids: Sequence[UUID], *, pinned: Collection[UUID] = ()) -> None:
    """Puts a driver's stops in this order, as a dispatcher does."""
    stops = Stop.objects.in_bulk(stop_ids)
    wishes = [Wish(stops[pk].order_id, StopKind(stops[pk].kind), pk in pinned) for pk in stop_ids]
    visiting_order.rearrange(driver.pk, wishes)


def timeline(order: Order) -> list[str]:
    """The statuses that the order went through, in order, as its events tell."""
    events = list(OrderEvent.objects.filter(order=order).order_by("id"))
    assert [event.from_status for event in events[1:]] == [event.to_status for event in events[:-1]]
    return [event.to_status for event in events]


def last_event(order: Order) -> OrderEvent:
    return OrderEvent.objects.filter(order=order).latest("id")


def plan(driver: Driver) -> list[str]:
    """The open stops in visiting order: "pickup Ann", "dropoff Ann"."""
    return [f"{stop.kind} {stop.order.customer_name}" for stop in Stop.objects.plans_of([driver.pk])]


def status(thing: Order | Driver) -> str:
    thing.refresh_from_db()
    return thing.status


def allowed(event: OrderEvent) -> bool:
    """Whether the order could take this step; back out of the bag or into another one only by a dispatcher, away from
    the restaurant only by a geofence, from its end only by a driver who was late to say so, and each with a reason.
    """
    before = str(event.from_status)
    if event.to_status in MAY_BECOME[before]:
        return True
    backward = {
        OrderEvent.Actor.DISPATCHER.value: MAY_GO_BACK_TO,
        OrderEvent.Actor.GEOFENCE.value: ARRIVAL_MAY_GO_BACK_TO,
        OrderEvent.Actor.DRIVER.value: WAS_SO_ALREADY,
    }.get(event.actor, {})
    if event.actor in ("dispatcher", "driver") and event.to_status in HANDED_ON.get(before, set()):
        return event.reason == "Taken over." if event.actor == "driver" else event.reason != ""
    if event.actor == "dispatcher" and event.to_status in AS_THE_DRIVER_SAYS.get(before, set()):
        return event.reason.endswith("said without a network.")
    return event.reason != "" and event.to_status in backward.get(before, set())


def check_everything() -> None:
    """What must be true of all orders and drivers at any time."""
    for order in Order.objects.all():
        way = timeline(order)
        assert way[0] in ("pending", "scheduled")
        assert way[-1] == order.status
        assert all(allowed(event) for event in OrderEvent.objects.filter(order=order)[1:]), way
        open_stops = list(Stop.objects.filter(order=order, done_at=None).order_by("position"))
        kinds = [stop.kind for stop in open_stops]
        assert kinds == OPEN_STOPS.get(order.status, []) or (order.status, kinds) in (
            ("cancelled", ["return"]),
            ("failed", ["return"]),
            ("picked_up", ["transfer", "dropoff"]),
        )
        assert {stop.driver_id for stop in open_stops} <= {order.driver_id}
        assert order.eta_minutes is None or order.status in OPEN_STOPS
    for driver in Driver.objects.all():
        positions = [stop.position for stop in Stop.objects.plans_of([driver.pk])]
        assert len(set(positions)) == len(positions)
        expected = "offline"
        if driver.on_shift and driver.status != "offline":
            first = Stop.objects.plans_of([driver.pk]).first()
            expected = {"pickup": "to_restaurant"}.get(first.kind, "delivering") if first else "idle"
        assert driver.status == expected


OPEN_STOPS = {
    "assigned": ["pickup", "dropoff"],
    "to_restaurant": ["pickup", "dropoff"],
    "driver_at_restaurant": ["pickup", "dropoff"],
    "picked_up": ["dropoff"],
    "driver_nearby": ["dropoff"],
}
