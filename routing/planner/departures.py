"""When a driver has to hear of an order: until then it may still go to somebody else."""

from routing.planner.model import Id, Instance, Tour


def departures(tour: Tour, instance: Instance) -> dict[Id, float]:
    """By order that is yet to be picked up, when the driver sets off for its restaurant: with nothing on board no
    sooner than the food asks for.
    """
    shipments = {shipment.id: shipment for shipment in instance.shipments}
    on_board = {visit.shipment for visit in tour.visits} - {
        s.shipment for s in tour.visits if s.kind == "pickup"
    }
    times: dict[Id, float] = {}
    leaves, at, free = tour.leave_at, None, None
    for scheduled in tour.schedule:
        shipment = shipments[scheduled.visit.shipment]
        if scheduled.arrives_at is None or leaves is None:
            break  # from here on nobody can say when
        if scheduled.visit.kind == "dropoff":
            on_board.discard(shipment.id)
            at = None
        else:
            if at != shipment.restaurant:
                if free is not None:
                    ended = [rest.ends_at for rest in tour.breaks if rest.ends_at <= scheduled.arrives_at]
                    free = max([free, *ended])
                wait = shipment.ready_at - scheduled.arrives_at - shipment.pickup_s
                leaves = leaves if free is None else free if on_board else free + max(0.0, wait)
            times[shipment.id] = leaves
            on_board.add(shipment.id)
            at = shipment.restaurant
        free = scheduled.leaves_at
    return times
