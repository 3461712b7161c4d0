"""The visiting order that a dispatcher wants of a driver's stops, where it is another one than the planner's."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from dispatch.errors import Invalid, WrongStatus
from dispatch.models import Driver, Stop, left_and_ahead, number, to_fetch
from dispatch.orders.transitions import lock_drivers, lock_order, plans_changed
from dispatch.signals import Changes, announced
from dispatch.statuses import ACTIVE, StopKind


@dataclass(frozen=True)
class Wish:
    """One stop of the visiting order that a dispatcher wants; `pinned`: it stays at its place.

    Named by what is done there: stops that come back with their order are other ones.
    """

    order: UUID
    kind: StopKind
    pinned: bool


def rearrange(driver_id: UUID, wishes: Sequence[Wish]) -> None:
    """A dispatcher's visiting order of a driver's stops, and which of them are pinned: those and no others.

    Raises Invalid where these are not just the stops that lie ahead, or a dropoff comes before its pickup.
    """
    with announced() as changes:
        driver = lock_drivers([driver_id])[driver_id]
        left, ahead = left_and_ahead(Stop.objects.plans_of([driver_id]))
        by_name = {(stop.order_id, stop.kind): stop for stop in ahead}
        names = [(wish.order, wish.kind) for wish in wishes]
        if len(names) != len(by_name) or set(names) != by_name.keys():
            raise Invalid("The driver’s stops have changed meanwhile. Look at them again.")
        stops = [by_name[name] for name in names]
        not_on_board = to_fetch(stops)
        for stop, wish in zip(stops, wishes, strict=True):
            if stop.kind == StopKind.DROPOFF and stop.order_id in not_on_board:
                raise Invalid(
                    f"{stop.order.customer_name or 'An order'} would be dropped off before the pickup."
                )
            not_on_board.discard(stop.order_id)
            stop.pinned = wish.pinned
        _arrange(changes, driver, left, stops)


def serve_first(order_id: UUID) -> None:
    """The order's own driver does what it takes before anything else; the stops stay there until they are unpinned.

    Where the driver stands already, what is to be done there comes before.
    """
    with announced() as changes:
        order, drivers = lock_order(order_id)
        if order.status not in ACTIVE:
            raise WrongStatus("No driver is on the way with this order.")
        (driver,) = drivers.values()
        left, ahead = left_and_ahead(Stop.objects.plans_of([driver.pk]))
        here = [stop for stop in ahead[:1] if stop.arrived_at is not None]
        own = [stop for stop in ahead[len(here) :] if stop.order_id == order.pk]
        rest = [stop for stop in ahead[len(here) :] if stop.order_id != order.pk]
        for stop in own:
            stop.pinned = True
        _arrange(changes, driver, left, [*here, *own, *rest])


def unpin(order_id: UUID) -> None:
    """The order's stops are put in order with all others again."""
    with announced() as changes:
        order, drivers = lock_order(order_id)
        if Stop.objects.filter(order=order, done_at=None, pinned=True).update(pinned=False):
            plans_changed(changes, drivers.values(), reassigned=True)


def _arrange(changes: Changes, driver: Driver, left: Sequence[Stop], stops: Sequence[Stop]) -> None:
    """Stores these stops of a locked driver, in this order and pinned as they are."""
    number(left, stops)
    Stop.objects.bulk_update(stops, ["position", "pinned"])
    plans_changed(changes, [driver], reassigned=True)
