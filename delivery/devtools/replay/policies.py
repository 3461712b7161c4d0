"""Who decides: the nearest idle courier for each order in turn, or the planner."""

from collections.abc import Callable
from dataclasses import replace

from delivery.devtools.replay.simulator import Decision, Policy
from routing.planner import Driver, Order, Settings, Situation, Stop, plan


def nearest_idle(situation: Situation) -> Decision:
    """Each order, the oldest first, to the courier who has nothing to do and is nearest to its restaurant."""
    stops = {str(driver.id): driver.stops for driver in situation.drivers}
    taken = {stop.order for driver in situation.drivers for stop in driver.stops}
    for order in situation.orders:
        if order.id in taken:
            continue
        idle = [d for d in situation.drivers if not stops[str(d.id)] and _in_time(situation, d, order)]
        if idle:
            nearest = min(idle, key=lambda driver: (_way(situation, driver, order), str(driver.id)))
            stops[str(nearest.id)] = (Stop(order.id, "pickup"), Stop(order.id, "dropoff"))
    return Decision(stops, hold=False)


def _way(situation: Situation, driver: Driver, order: Order) -> float:
    assert driver.place is not None  # noqa: S101 (a simulated courier is always somewhere)
    assert order.restaurant is not None  # noqa: S101
    return situation.travel[driver.place][order.restaurant]


def _in_time(situation: Situation, driver: Driver, order: Order) -> bool:
    """Whether the courier can pick the food up before the shift ends."""
    there = max(situation.now, driver.free_at) + _way(situation, driver, order) + order.pickup_s
    return max(there, order.ready_at) <= driver.off_at and order.bags <= driver.capacity


def planner(settings: Settings) -> Policy:
    def decide(situation: Situation) -> Decision:
        trips = plan(situation, settings).trips
        return Decision({str(driver): trip.stops for driver, trip in trips.items()}, hold=True)

    return decide


def policies(settings: Settings) -> dict[str, Callable[[Situation], Decision]]:
    """By name, in the order of the table."""
    return {
        "greedy": nearest_idle,
        "planner": planner(replace(settings, most_on_board=1)),
        "bundling": planner(settings),
    }
