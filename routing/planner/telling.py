"""When a driver has to hear of an order: until then it may still go to somebody else."""

from routing.planner.model import Id, Situation, Trip


def sets_off(trip: Trip, situation: Situation) -> dict[Id, float]:
    """By order that is yet to be picked up, when the driver sets off for its restaurant: with nothing on board no
    sooner than the food asks for.
    """
    orders = {order.id: order for order in situation.orders}
    on_board = {stop.order for stop in trip.stops} - {s.order for s in trip.stops if s.kind == "pickup"}
    times: dict[Id, float] = {}
    leaves, at, free = trip.leave_at, None, None
    for visit in trip.visits:
        order = orders[visit.stop.order]
        if visit.arrives_at is None or leaves is None:
            break  # from here on nobody can say when
        if visit.stop.kind == "dropoff":
            on_board.discard(order.id)
            at = None
        else:
            if at != order.restaurant:
                wait = order.ready_at - visit.arrives_at - order.pickup_s
                leaves = leaves if free is None else free if on_board else free + max(0.0, wait)
            times[order.id] = leaves
            on_board.add(order.id)
            at = order.restaurant
        free = visit.leaves_at
    return times
