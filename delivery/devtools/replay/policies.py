"""Who decides: the nearest idle courier for each order in turn, or the planner."""

from collections.abc import Callable
from dataclasses import replace

from delivery.devtools.replay.simulator import Instructions, Policy
from routing.planner import Instance, Settings, Shipment, Vehicle, Visit, solve


def nearest_idle(instance: Instance) -> Instructions:
    """Each order, the oldest first, to the courier who has nothing to do and is nearest to its restaurant."""
    visits = {str(vehicle.id): vehicle.visits for vehicle in instance.vehicles}
    taken = {visit.shipment for vehicle in instance.vehicles for visit in vehicle.visits}
    for shipment in instance.shipments:
        if shipment.id in taken:
            continue
        idle = [d for d in instance.vehicles if not visits[str(d.id)] and _in_time(instance, d, shipment)]
        if idle:
            nearest = min(idle, key=lambda vehicle: (_way(instance, vehicle, shipment), str(vehicle.id)))
            visits[str(nearest.id)] = (Visit(shipment.id, "pickup"), Visit(shipment.id, "dropoff"))
    return Instructions(visits, hold=False)


def _way(instance: Instance, vehicle: Vehicle, shipment: Shipment) -> float:
    assert vehicle.place is not None  # noqa: S101 (a simulated courier is always somewhere)
    assert shipment.restaurant is not None  # noqa: S101
    return instance.travel[vehicle.place][shipment.restaurant]


def _in_time(instance: Instance, vehicle: Vehicle, shipment: Shipment) -> bool:
    """Whether the courier can pick the food up before the shift ends."""
    there = max(instance.now, vehicle.free_at) + _way(instance, vehicle, shipment) + shipment.pickup_s
    return max(there, shipment.ready_at) <= vehicle.off_at and shipment.bags <= vehicle.capacity


def planner(settings: Settings) -> Policy:
    def decide(instance: Instance) -> Instructions:
        tours = solve(instance, settings).tours
        return Instructions({str(vehicle): tour.visits for vehicle, tour in tours.items()}, hold=True)

    return decide


def policies(settings: Settings) -> dict[str, Callable[[Instance], Instructions]]:
    """By name, in the order of the table."""
    return {
        "greedy": nearest_idle,
        "planner": planner(replace(settings, most_on_board=1)),
        "bundling": planner(settings),
    }
