"""How an order ends other than at its door: what becomes of its stops, and of food that is on board."""

from datetime import datetime

from dispatch.models import Driver, FailureReason, Order, Stop
from dispatch.models.failure_reasons import LeadsTo
from dispatch.orders.transitions import Actor, behind_all, take_step
from dispatch.signals import Changes
from dispatch.statuses import IN_THE_BAG, OrderStatus, StopKind


def fail(
    changes: Changes,
    order: Order,
    driver: Driver | None,
    actor: Actor,
    at: datetime,
    words: str,
    listed: FailureReason | None,
) -> None:
    """The order could not be picked up or handed over; what becomes of it, the reason of the list says."""
    leads_to = listed.leads_to if listed else LeadsTo.END
    on_board = order.status in IN_THE_BAG
    if leads_to == LeadsTo.PENDING and not on_board:
        take_step(
            changes, order, OrderStatus.PENDING, actor=actor, happened_at=at, reason=words, driver_id=None
        )
        order.stops.all().delete()
        return
    take_step(changes, order, OrderStatus.FAILED, actor=actor, happened_at=at, done_at=at, reason=words)
    end_stops(order, driver, goes_back=on_board and leads_to != LeadsTo.END)


def end_stops(order: Order, driver: Driver | None, *, goes_back: bool) -> None:
    """Nobody visits the open stops of an order that is over; food on board is brought back instead. Food that was not
    handed over yet stays with the driver who has it, and who is no longer at work.
    """
    if goes_back and driver is not None and not has_yet_to_take_over(order):
        add_return(order, driver, order.stops.get(kind=StopKind.DROPOFF).position)
    order.stops.filter(done_at=None).exclude(kind=StopKind.RETURN).delete()


def has_yet_to_take_over(order: Order) -> bool:
    """Whether the food is still with another driver than the one who is to bring it."""
    return order.status in IN_THE_BAG and order.stops.filter(kind=StopKind.TRANSFER, done_at=None).exists()


def add_return(order: Order, driver: Driver, position: int | None = None) -> None:
    """The driver has the food of an order that is over, and gets a stop for it at the restaurant: once, and behind
    all that lies ahead where nothing else is said.
    """
    if order.stops.filter(kind=StopKind.RETURN).exists():
        return
    if position is None:
        position = behind_all(driver)
    Stop.objects.create(driver=driver, order=order, kind=StopKind.RETURN, position=position)
