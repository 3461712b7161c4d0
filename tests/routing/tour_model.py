"""The model of docs/planning.md stated once more, and random tours to judge by it."""

from collections.abc import Iterator
from dataclasses import replace
from math import hypot, inf
from random import Random

from routing.planner import Break, Instance, Objective, Settings, Shipment, Vehicle, Visit

SETTINGS = Settings(handover=0.5, seed=3)
NOW = 1000.0


type Step = Visit | Break


def errand(seed: int, count: int, *, breaks: bool = False) -> tuple[Instance, Settings]:
    """A driver with `count` visits: pickups and dropoffs, kitchens that share a place, food that is not ready,
    promises that cannot all be kept, weights at random; some by a mode with travel times of its own, some on a break.
    `breaks`: one is planned.
    """
    random = Random(seed)
    spots = [(random.uniform(0, 4000), random.uniform(0, 4000)) for _ in range(2 * count + 1)]
    shipments, visits = [], []
    while len(visits) < count:
        k = len(shipments)
        kitchen = random.choice([1, 2, 3, 2 * k + 1])
        placed = NOW - random.uniform(0, 1500)
        shipments.append(
            Shipment(
                k,
                kitchen,
                2 * k + 2,
                placed,
                ready_at=placed + random.uniform(300, 1800),
                promised_at=placed + random.uniform(900, 2700),
                bags=random.randint(1, 2),
                pickup_s=random.choice([0.0, 120.0]),
                dropoff_s=random.choice([0.0, 90.0]),
            )
        )
        if count - len(visits) > 1 and random.random() < 0.75:
            visits.append(Visit(k, "pickup"))
        visits.append(Visit(k, "dropoff"))
    travel = [
        [
            hypot(ax - bx, ay - by) / 8 * random.uniform(1, 1.2) if (ax, ay) != (bx, by) else 0.0
            for bx, by in spots
        ]
        for ax, ay in spots
    ]
    vehicle = Vehicle("d", 0, tuple(visits), capacity=random.choice([4, 20]))
    weights = Objective(
        random.choice([0, 1]), random.choice([0, 3]), random.choice([0, 0.5]), 600, random.choice([0.2, 1])
    )
    chosen = replace(SETTINGS, objective=weights)
    if breaks:
        earliest = NOW + random.uniform(-100, 900)
        rest = Break(earliest, earliest + random.uniform(0, 900), random.uniform(300, 900))
        vehicle = replace(vehicle, breaks=(rest,))
    if random.random() < 0.3:
        vehicle = replace(vehicle, break_until=NOW + random.uniform(-300, 900))
    if random.random() < 0.5:
        return Instance(NOW, shipments, [vehicle], travel), chosen
    # By car all is as near as can be, and says nothing of a bicycle.
    by_car = [[1.0] * len(spots) for _ in spots]
    own = replace(vehicle, mode="bicycle")
    return Instance(NOW, shipments, [own], by_car, travel_by={"bicycle": travel}), chosen


def _begun(instance: Instance) -> float:
    """When the driver goes on: not during a break."""
    return max(NOW, instance.vehicles[0].break_until)


def times(
    instance: Instance, settings: Settings, visits: tuple[Step, ...]
) -> dict[Step, tuple[float, float]]:
    """When the food changes hands at each visit, and when the driver leaves it, in this order; when a break begins
    and ends.
    """
    shipments = {shipment.id: shipment for shipment in instance.shipments}
    travel, begun = instance.travel_of(instance.vehicles[0]), _begun(instance)
    found, left, handed, at, last = {}, begun, begun, instance.vehicles[0].place, None
    for visit in visits:
        if isinstance(visit, Break):
            begins = max(left, visit.earliest)
            left, last = begins + visit.duration_s, None
            found[visit] = begins, left
            continue
        shipment = shipments[visit.shipment]
        place = shipment.restaurant if visit.kind == "pickup" else shipment.customer
        service = shipment.pickup_s if visit.kind == "pickup" else shipment.dropoff_s
        if (place, visit.kind) != (at, last):
            handed = left + travel[at][place] + service * settings.handover
        if visit.kind == "pickup":
            handed = max(handed, shipment.ready_at)
        left, at, last = handed + service * (1 - settings.handover), place, visit.kind
        found[visit] = handed, left
    return found


def judged(
    instance: Instance, settings: Settings, visits: tuple[Step, ...], *, late_breaks: bool = False
) -> float:
    """What visiting `visits` in this order costs: the model of docs/planning.md, stated once more. Infinite where
    food is dropped off before it is picked up, the bags do not fit, or a break has food on board or begins too late.
    """
    shipments = {shipment.id: shipment for shipment in instance.shipments}
    vehicle, weigh = instance.vehicles[0], settings.objective
    bag = {visit.shipment for visit in without_breaks(visits)}
    bag -= {visit.shipment for visit in without_breaks(visits) if visit.kind == "pickup"}
    when = times(instance, settings, visits)
    cost, left, idle = 0.0, _begun(instance), 0.0
    for visit in visits:
        clock, leaves = when[visit]
        if isinstance(visit, Break):
            if bag or (clock > visit.latest and not late_breaks):
                return inf
            cost += 100 * max(0.0, clock - visit.latest)
            idle += leaves - left
        left = leaves
        if isinstance(visit, Break):
            continue
        shipment = shipments[visit.shipment]
        if visit.kind == "pickup":
            bag.add(visit.shipment)
            if sum(shipments[id_].bags for id_ in bag) > vehicle.capacity:
                return inf
        else:
            if visit.shipment not in bag:
                return inf
            bag.remove(visit.shipment)
            cost += weigh.door * (clock - shipment.placed_at) + weigh.late * max(
                0.0, clock - shipment.promised_at
            )
            cost += weigh.stale * max(0.0, clock - shipment.ready_at - weigh.fresh_s)
    waited, begun = 0.0, _begun(instance)
    if isinstance(visits[0], Visit) and visits[0].kind == "pickup":
        first = shipments[visits[0].shipment]
        way = instance.travel_of(vehicle)[vehicle.place][first.restaurant]
        waited = max(0.0, first.ready_at - (begun + way + first.pickup_s * settings.handover))
    return cost + weigh.work * (left - begun - waited - idle)


def without_breaks(steps: tuple[Step, ...]) -> tuple[Visit, ...]:
    return tuple(step for step in steps if isinstance(step, Visit))


def bundles_well(instance: Instance, settings: Settings, steps: tuple[Step, ...]) -> bool:
    """The rules of bundling, stated once more: never more than `most_on_board`, and each customer is served by the
    promised time and soon enough after the pickup, or no later than if each order were delivered before the next.
    """
    shipments = {shipment.id: shipment for shipment in instance.shipments}
    visits = without_breaks(steps)
    pickups = {visit.shipment: visit for visit in visits if visit.kind == "pickup"}
    doors = {visit.shipment: visit for visit in visits if visit.kind == "dropoff"}
    on_board = len(doors) - len(pickups)
    for visit in visits:
        on_board += 1 if visit.kind == "pickup" else -1
        if visit.kind == "pickup" and on_board > settings.most_on_board:
            return False
    singly: list[Step] = [door for id_, door in doors.items() if id_ not in pickups]
    for step in steps:
        if isinstance(step, Break):
            singly.append(step)
        elif step.kind == "pickup":
            singly += [step, doors[step.shipment]]
    bundled, alone = times(instance, settings, steps), times(instance, settings, tuple(singly))
    travel = instance.travel_of(instance.vehicles[0])
    for id_, door in doors.items():
        shipment, since, start = shipments[id_], _begun(instance), instance.vehicles[0].place
        if id_ in pickups:
            since, start = bundled[pickups[id_]][1], shipment.restaurant
        straight = since + travel[start][shipment.customer] + shipment.dropoff_s * settings.handover
        soon = min(shipment.promised_at, straight + settings.food_wait_s)
        if bundled[door][0] > max(soon, alone[door][0]) + 1e-6:
            return False
    return True


def visiting_orders(visits: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    """All in which no food is dropped off before it is picked up: the others are no tours."""
    if not visits:
        yield ()
    for visit in visits:
        if (
            isinstance(visit, Break)
            or visit.kind == "pickup"
            or Visit(visit.shipment, "pickup") not in visits
        ):
            for rest in visiting_orders(tuple(other for other in visits if other != visit)):
                yield (visit, *rest)
