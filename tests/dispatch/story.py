"""Steps of an order's life for tests, and what is to be seen of it afterwards."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from dispatch import actions
from dispatch.models import Driver, Order, OrderEvent, Stop

DANA = actions.dispatcher("Dana")
#: When the first thing happens; a story's seconds count from here.
NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
EVIDENCE = {"rule": "slow", "distance_m": 80}


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def assign(order: Order, driver: Driver, **options: bool) -> None:
    actions.assign(order.pk, driver.pk, actor=DANA, **options)


def stops(order: Order, kind: str) -> list[UUID]:
    return list(Stop.objects.filter(order=order, kind=kind).values_list("pk", flat=True))


def set_out(driver: Driver, *orders: Order, seconds: float = 60) -> None:
    actions.set_out(driver.pk, _all(orders, "pickup"), happened_at=at(seconds), evidence=EVIDENCE)


def arrive(driver: Driver, kind: str, *orders: Order, seconds: float = 300) -> None:
    actions.arrive(driver.pk, _all(orders, kind), happened_at=at(seconds), evidence=EVIDENCE)


def leave(driver: Driver, kind: str, *orders: Order, seconds: float = 600) -> None:
    actions.leave(driver.pk, _all(orders, kind), happened_at=at(seconds), evidence=EVIDENCE)


def report(driver: Driver, order: Order, status: str) -> None:
    actions.report(driver.pk, order.pk, status)


def _all(orders: Sequence[Order], kind: str) -> list[UUID]:
    return [stop for order in orders for stop in stops(order, kind)]


def bring_to(order: Order, driver: Driver, status: str) -> None:
    """Takes a pending order along its usual way to this status."""
    way = {
        "assigned": lambda: assign(order, driver),
        "to_restaurant": lambda: set_out(driver, order),
        "driver_at_restaurant": lambda: arrive(driver, "pickup", order),
        "picked_up": lambda: report(driver, order, "picked_up"),
        "driver_nearby": lambda: arrive(driver, "dropoff", order, seconds=1200),
        "delivered": lambda: report(driver, order, "delivered"),
    }
    if status in ("cancelled", "failed"):
        bring_to(order, driver, "picked_up")
        if status == "failed":
            report(driver, order, "failed")
        else:
            actions.cancel(order.pk, actor=DANA, reason="spilled")
    elif status != "pending":
        for step, take in way.items():
            take()
            if step == status:
                break
    order.refresh_from_db()
    assert order.status == status


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
