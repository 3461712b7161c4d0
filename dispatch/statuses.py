"""The one transition table: what an order and a driver can be, and what may follow what.

Geofences, ETAs, broadcasts and pages all ask here whether an order is active; nobody else lists statuses. The labels
are what dispatchers read, in the admin and on the dashboard.
"""

from django.db import models


class OrderStatus(models.TextChoices):
    #: Wanted later: nobody looks for a driver yet.
    SCHEDULED = "scheduled", "Later"
    PENDING = "pending", "Unassigned"
    ASSIGNED = "assigned", "Assigned"
    TO_RESTAURANT = "to_restaurant", "To restaurant"
    DRIVER_AT_RESTAURANT = "driver_at_restaurant", "At restaurant"
    PICKED_UP = "picked_up", "Picked up"
    DRIVER_NEARBY = "driver_nearby", "Nearby"
    DELIVERED = "delivered", "Delivered"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Not handed over"


class DriverStatus(models.TextChoices):
    OFFLINE = "offline", "Offline"
    IDLE = "idle", "Idle"
    TO_RESTAURANT = "to_restaurant", "To restaurant"
    DELIVERING = "delivering", "Delivering"


class StopKind(models.TextChoices):
    PICKUP = "pickup", "Pickup"
    DROPOFF = "dropoff", "Dropoff"
    #: Food that nobody gets any more is brought back to its restaurant.
    RETURN = "return", "Return"
    #: Food that another driver has is taken over from that driver.
    TRANSFER = "transfer", "Transfer"


S = OrderStatus

#: No driver has it yet.
UNASSIGNED = frozenset({S.SCHEDULED, S.PENDING})
#: A driver has the order and its pickup is still ahead.
BEFORE_PICKUP = frozenset({S.ASSIGNED, S.TO_RESTAURANT, S.DRIVER_AT_RESTAURANT})
#: The food is with the driver.
IN_THE_BAG = frozenset({S.PICKED_UP, S.DRIVER_NEARBY})
#: A driver is working on it: it has stops, an ETA, geofences and a live page.
ACTIVE = BEFORE_PICKUP | IN_THE_BAG
#: Nothing follows.
FINAL = frozenset({S.DELIVERED, S.CANCELLED, S.FAILED})

#: to → from. Steps may be skipped forward; the way back is only unassigning and reassigning before the pickup,
#: ARRIVAL_UNDONE, and PICKUP_UNDONE and HANDED_ON after it; DELIVERED_AFTER_ALL and AS_THE_DRIVER_SAYS are what was
#: so already.
TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    S.SCHEDULED: frozenset(),
    S.PENDING: frozenset({S.SCHEDULED}) | BEFORE_PICKUP,
    S.ASSIGNED: frozenset({S.PENDING}) | BEFORE_PICKUP,
    S.TO_RESTAURANT: frozenset({S.ASSIGNED}),
    S.DRIVER_AT_RESTAURANT: frozenset({S.ASSIGNED, S.TO_RESTAURANT}),
    S.PICKED_UP: BEFORE_PICKUP,
    S.DRIVER_NEARBY: frozenset({S.PICKED_UP}),
    S.DELIVERED: IN_THE_BAG,
    S.CANCELLED: frozenset({S.SCHEDULED, S.PENDING}) | ACTIVE,
    S.FAILED: ACTIVE,
}

#: to → from, the only way back out of the bag: a dispatcher undoes a pickup that a geofence took for granted, and
#: the order is again what it was before.
PICKUP_UNDONE: dict[OrderStatus, frozenset[OrderStatus]] = dict.fromkeys(BEFORE_PICKUP, IN_THE_BAG)

#: to → from: an arrival turns out to have been none.
ARRIVAL_UNDONE: dict[OrderStatus, frozenset[OrderStatus]] = {
    S.TO_RESTAURANT: frozenset({S.DRIVER_AT_RESTAURANT}),
}

#: to → from: the driver had delivered it before it was cancelled, and could not say so in time.
DELIVERED_AFTER_ALL: dict[OrderStatus, frozenset[OrderStatus]] = {S.DELIVERED: frozenset({S.CANCELLED})}

#: to → from: a dispatcher believes what a driver said late, whatever people did meanwhile.
AS_THE_DRIVER_SAYS: dict[OrderStatus, frozenset[OrderStatus]] = {
    S.PICKED_UP: BEFORE_PICKUP | {S.PENDING},
    S.DELIVERED: ACTIVE | {S.PENDING, S.CANCELLED, S.FAILED},
    S.FAILED: BEFORE_PICKUP | {S.PENDING, S.DELIVERED},
}

#: to → from: the food is on the road with one driver, and another one is to bring it.
HANDED_ON: dict[OrderStatus, frozenset[OrderStatus]] = {S.PICKED_UP: IN_THE_BAG}

#: What a driver's own buttons may ask for.
DRIVER_BUTTONS = frozenset({S.PICKED_UP, S.DELIVERED, S.FAILED})
#: How the handover ended; a dispatcher can tell for a driver who does not.
HANDED_OVER_OR_NOT = frozenset({S.DELIVERED, S.FAILED})
#: A stop of this kind is over once its order has taken one of these steps.
CLOSED_BY = {
    StopKind.PICKUP: frozenset({S.PICKED_UP}),
    StopKind.TRANSFER: frozenset({S.PICKED_UP, S.DELIVERED}),
    StopKind.DROPOFF: HANDED_OVER_OR_NOT,
}
#: Behind a stop of such a kind the food is on board.
FETCHES = frozenset({StopKind.PICKUP, StopKind.TRANSFER})


def driver_status(*, on_duty: bool, next_stop: StopKind | None) -> DriverStatus:
    """A driver's status follows from the stops: `on_duty` is on shift and heard of lately."""
    if not on_duty:
        return DriverStatus.OFFLINE
    if next_stop is None:
        return DriverStatus.IDLE
    return DriverStatus.TO_RESTAURANT if next_stop == StopKind.PICKUP else DriverStatus.DELIVERING
