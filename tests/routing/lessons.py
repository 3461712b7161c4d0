"""What a handful of trips teaches, in one call."""

from collections.abc import Hashable, Iterable

from routing.eta import Doors, Drive, Dwell, Estimate, KitchenEstimate, Kitchens, Pickup, Streets


def speed_factors[City: Hashable](drives: Iterable[Drive[City]]) -> dict[tuple[City, int], Estimate]:
    streets = Streets[City]()
    for drive in drives:
        streets.add(drive)
    return streets.factors()


def handovers[City: Hashable](dwells: Iterable[Dwell[City]], prior_s: float) -> dict[City, Estimate]:
    doors = Doors[City]()
    for dwell in dwells:
        doors.add(dwell)
    return doors.handovers(prior_s)


def kitchens[Restaurant: Hashable](
    pickups: Iterable[Pickup[Restaurant]], prior_s: float
) -> dict[Restaurant, KitchenEstimate]:
    visited = Kitchens[Restaurant]()
    for pickup in pickups:
        visited.add(pickup)
    return visited.estimates(prior_s)
