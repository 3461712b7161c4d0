"""Checks what a replay says happened against the day's tables, knowing nothing of how it was decided."""

from collections import defaultdict
from collections.abc import Iterator

from delivery.devtools.replay.simulator import DayEvent, Outcome
from delivery.devtools.replay.tables import Courier, Day, DayOrder
from delivery.devtools.replay.ways import Ways

# Sums of many seconds in floating point.
SLACK_S = 1e-6


def faults(day: Day, ways: Ways, outcome: Outcome) -> list[str]:
    """Every rule that was broken, in words; empty where the replay is sound."""
    return [*_orders(day, outcome), *_couriers(day, ways, outcome)]


def _orders(day: Day, outcome: Outcome) -> Iterator[str]:
    """No order doubled, handed over before it was placed, ready, assigned or picked up, or to two couriers."""
    by_order: dict[str, list[DayEvent]] = defaultdict(list)
    for event in outcome.events:
        by_order[event.order].append(event)
    orders = {order.id: order for order in day.orders}
    for unknown in by_order.keys() - orders.keys():
        yield f"{unknown}: nobody ordered it"
    for id_, order in orders.items():
        events = by_order[id_]
        pickups = [event for event in events if event.what == "pickup"]
        dropoffs = [event for event in events if event.what == "dropoff"]
        if len(pickups) > 1 or len(dropoffs) > 1:
            yield f"{id_}: picked up {len(pickups)} times, delivered {len(dropoffs)} times"
        elif len(pickups) != len(dropoffs):
            yield f"{id_}: picked up but not delivered, or the other way round"
        elif pickups:
            yield from _order(order, events, pickups[0], dropoffs[0])
        if any(event.at < order.placed_at - SLACK_S for event in events):
            yield f"{id_}: something happened before it was placed"


def _order(order: DayOrder, events: list[DayEvent], pickup: DayEvent, dropoff: DayEvent) -> Iterator[str]:
    if pickup.at < order.ready_at - SLACK_S:
        yield f"{order.id}: picked up before it was ready"
    if dropoff.at < pickup.at or dropoff.courier != pickup.courier:
        yield f"{order.id}: delivered before the pickup, or by another courier"
    has: str | None = None
    for event in events:
        if event.what == "assigned":
            if has is not None:
                yield f"{order.id}: assigned to {event.courier} while {has} has it"
            has = event.courier
        elif event.what == "withdrawn":
            if has != event.courier or event.at > pickup.at:
                yield f"{order.id}: withdrawn from {event.courier}, who does not have it or has picked it up"
            has = None
    if has != pickup.courier:
        yield f"{order.id}: picked up by {pickup.courier}, who was not told"


def _couriers(day: Day, ways: Ways, outcome: Outcome) -> Iterator[str]:
    by_courier: dict[str, list[DayEvent]] = defaultdict(list)
    for event in outcome.events:
        if event.what in ("pickup", "dropoff"):
            by_courier[event.courier].append(event)
    couriers = {courier.id: courier for courier in day.couriers}
    for unknown in by_courier.keys() - couriers.keys():
        yield f"{unknown}: no such courier"
    orders = {order.id: order for order in day.orders}
    for id_, courier in couriers.items():
        yield from _courier(day, ways, courier, orders, by_courier[id_])


def _courier(
    day: Day, ways: Ways, courier: Courier, orders: dict[str, DayOrder], events: list[DayEvent]
) -> Iterator[str]:
    """On duty, not overloaded, and nowhere sooner than the roads allow (a leg may start on the way elsewhere only
    later than from the stop before, so the bound holds for who was diverted too).
    """
    service, share = day.parameters, day.parameters.handover
    place, free, kind, bags = courier.place, courier.on_at, "", 0
    for event in events:
        order = orders[event.order]
        picks = event.what == "pickup"
        to = order.restaurant if picks else order.place
        lasts = service.pickup_s if picks else service.dropoff_s
        if picks and event.at > courier.off_at + SLACK_S:
            yield f"{courier.id}: picked up {order.id} after the end of the shift"
        bags += order.bags if picks else -order.bags
        if bags > courier.capacity:
            yield f"{courier.id}: {bags} bags at {event.at:.0f} s, {courier.capacity} fit"
        same_visit = (place, kind) == (to, event.what)
        if not same_visit and event.at < free + ways[place][to] + lasts * share - SLACK_S:
            yield f"{courier.id}: at {order.id}'s {event.what} sooner than the way there takes"
        place, kind, free = to, event.what, event.at + lasts * (1 - share)
