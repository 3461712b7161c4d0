"""Replays a day: couriers drive, wait and hand over at exact times; a policy decides at every tick.

The policy sees what is known by then: the orders placed so far with the time at which the kitchen says they will be
ready, and where every courier is. Between two ticks nobody decides anything, so each courier moves on alone.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Literal, NamedTuple

from delivery.devtools.replay.tables import Courier, Day, DayOrder
from delivery.devtools.replay.ways import Ways
from routing.planner import Instance, Shipment, Vehicle, Visit

type What = Literal["assigned", "withdrawn", "pickup", "dropoff"]


class DayEvent(NamedTuple):
    """`at` in seconds. `assigned`: the courier was told; `withdrawn`: the order was taken away again."""

    at: float
    what: What
    courier: str
    order: str


class LegUnderWay(NamedTuple):
    origin: int
    to: int
    departs: float
    arrives: float


@dataclass(frozen=True, slots=True)
class Instructions:
    """What each courier has to do from now on. `hold`: of an order a courier is notified only when it is time to set
    off for it, so that until then it may still go to somebody else.
    """

    visits: dict[str, tuple[Visit, ...]]
    hold: bool


type Policy = Callable[[Instance], Instructions]


@dataclass(slots=True)
class Worker:
    """A courier at work: on a leg, standing at a visit (`handed_at`: until then), or free from `free_at` on."""

    courier: Courier
    place: int
    free_at: float
    visits: tuple[Visit, ...] = ()
    leg: LegUnderWay | None = None
    arrived_at: float | None = None
    handed_at: float = 0.0
    notified: set[str] = field(default_factory=set)
    driving_s: float = 0.0
    standing_s: float = 0.0
    metres: float = 0.0

    @property
    def idle(self) -> bool:
        return not self.visits


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened. `workers` tell how long and how far each courier drove."""

    events: Sequence[DayEvent]
    workers: Sequence[Worker]


def _id(visit: Visit) -> str:
    """The order's, which is text in a day's tables."""
    return str(visit.shipment)


class Simulator:
    def __init__(self, day: Day, ways: Ways, *, tick_s: float, divert: bool) -> None:
        self.day, self.ways, self.tick_s, self.divert = day, ways, tick_s, divert
        self.orders = {order.id: order for order in day.orders}
        self.workers = [Worker(courier, courier.place, courier.on_at) for courier in day.couriers]
        self.events: list[DayEvent] = []
        self.hold = False

    def run(self, policy: Policy) -> Outcome:
        """Until every order is delivered, or nobody is left who could."""
        waiting = list(reversed(self.day.orders))
        open_orders: dict[str, DayOrder] = {}
        now = min(order.placed_at for order in self.day.orders)
        last_shift = max(courier.off_at for courier in self.day.couriers)
        delivered = 0
        while waiting or open_orders:
            for worker in self.workers:
                self._advance(worker, now)
            for event in self.events[delivered:]:
                if event.what == "dropoff":
                    del open_orders[event.order]
            delivered = len(self.events)
            while waiting and waiting[-1].placed_at <= now:
                order = waiting.pop()
                open_orders[order.id] = order
            if now >= last_shift and all(worker.idle for worker in self.workers):
                break
            self._decide(policy, now, open_orders.values())
            now += self.tick_s
        return Outcome(sorted(self.events, key=lambda event: event.at), self.workers)

    def _decide(self, policy: Policy, now: float, open_orders: Iterable[DayOrder]) -> None:
        """Asks the policy, unless there is nothing to decide: all food is on board."""
        on_duty = [w for w in self.workers if w.visits or w.courier.on_at <= now < w.courier.off_at]
        to_pick_up = {visit.shipment for w in on_duty for visit in w.visits if visit.kind == "pickup"}
        taken = {visit.shipment for w in on_duty for visit in w.visits}
        orders = list(open_orders)
        if not on_duty or not (to_pick_up or any(order.id not in taken for order in orders)):
            return
        before = self.ways.next
        vehicles = [self._vehicle(worker, now) for worker in on_duty]
        decision = policy(Instance(now, [self._shipment(order) for order in orders], vehicles, self.ways))
        self.hold = decision.hold
        for worker in on_duty:
            self._follow(worker, decision.visits[worker.courier.id], now)
        used = {worker.leg.origin for worker in self.workers if worker.leg} | {w.place for w in self.workers}
        self.ways.forget(set(range(before, self.ways.next)) - used)

    def _follow(self, worker: Worker, visits: tuple[Visit, ...], now: float) -> None:
        """The courier's new plan; whoever is turned away from a leg is somewhere on it now."""
        if worker.leg and (not visits or self._place(visits[0]) != worker.leg.to):
            assert self.divert, "a policy changed a leg under way"  # noqa: S101
            leg = worker.leg
            share = (now - leg.departs) / (leg.arrives - leg.departs)
            worker.driving_s += now - leg.departs
            worker.metres += share * self.ways.distance_m(leg.origin, leg.to)
            worker.place, worker.leg, worker.free_at = self.ways.on_leg(leg.origin, leg.to, share), None, now
        elif worker.leg is None and worker.arrived_at is None:
            worker.free_at = max(worker.free_at, now)  # nobody acts on a plan before it is made
        has = {visit.shipment for visit in visits}
        for order in sorted(worker.notified - has):
            self.events.append(DayEvent(now, "withdrawn", worker.courier.id, order))
        worker.notified &= has
        worker.visits = visits
        if not self.hold:
            self._notify(worker, map(_id, visits), now)

    def _notify(self, worker: Worker, orders: Iterable[str], at: float) -> None:
        for order in orders:
            if order not in worker.notified:
                worker.notified.add(order)
                self.events.append(DayEvent(at, "assigned", worker.courier.id, order))

    def _advance(self, worker: Worker, until: float) -> None:
        """Everything that happens to this courier by `until`."""
        while True:
            if worker.leg:
                if worker.leg.arrives > until:
                    return
                self._arrive(worker, worker.leg)
            elif worker.arrived_at is not None:
                if worker.handed_at > until:
                    return
                self._hand_over(worker)
            elif worker.visits and (departs := self._departs(worker)) <= until:
                self._depart(worker, departs)
            else:
                return

    def _departs(self, worker: Worker) -> float:
        """When the courier sets off: at once, or in time for the food when nothing is lost by waiting."""
        visit, earliest = worker.visits[0], worker.free_at
        order = self.orders[_id(visit)]
        if (
            not self.hold
            or visit.kind == "dropoff"
            or visit.shipment in worker.notified
            or self._on_board(worker)
        ):
            return earliest
        before = self._before(visit)
        return max(earliest, order.ready_at - before - self.ways[worker.place][order.restaurant])

    def _depart(self, worker: Worker, at: float) -> None:
        to, kind = self._place(worker.visits[0]), worker.visits[0].kind
        same_visit = takewhile(lambda visit: (self._place(visit), visit.kind) == (to, kind), worker.visits)
        self._notify(worker, map(_id, same_visit), at)
        worker.leg = LegUnderWay(worker.place, to, at, at + self.ways[worker.place][to])

    def _arrive(self, worker: Worker, leg: LegUnderWay) -> None:
        worker.driving_s += leg.arrives - leg.departs
        worker.metres += self.ways.distance_m(leg.origin, leg.to)
        worker.leg, worker.place, worker.arrived_at = None, leg.to, leg.arrives
        self._notify(worker, [_id(worker.visits[0])], leg.arrives)
        worker.handed_at = self._ready(worker.visits[0], leg.arrives + self._before(worker.visits[0]))

    def _hand_over(self, worker: Worker) -> None:
        visit, at = worker.visits[0], worker.handed_at
        self._notify(worker, [_id(visit)], at)
        what: What = "pickup" if visit.kind == "pickup" else "dropoff"
        self.events.append(DayEvent(at, what, worker.courier.id, _id(visit)))
        worker.visits = worker.visits[1:]
        if what == "dropoff":
            worker.notified.discard(visit.shipment)
        if (
            worker.visits
            and worker.visits[0].kind == visit.kind
            and self._place(worker.visits[0]) == worker.place
        ):
            worker.handed_at = self._ready(worker.visits[0], at)
            return
        after = self._service(visit) - self._before(visit)
        worker.standing_s += self._service(visit)
        worker.arrived_at, worker.free_at = None, at + after

    def _on_board(self, worker: Worker) -> bool:
        pickups = {visit.shipment for visit in worker.visits if visit.kind == "pickup"}
        return any(visit.shipment not in pickups for visit in worker.visits)

    def _place(self, visit: Visit) -> int:
        order = self.orders[_id(visit)]
        return order.restaurant if visit.kind == "pickup" else order.place

    def _service(self, visit: Visit) -> float:
        parameters = self.day.parameters
        return parameters.pickup_s if visit.kind == "pickup" else parameters.dropoff_s

    def _before(self, visit: Visit) -> float:
        return self._service(visit) * self.day.parameters.handover

    def _ready(self, visit: Visit, at: float) -> float:
        return max(at, self.orders[_id(visit)].ready_at) if visit.kind == "pickup" else at

    def _shipment(self, order: DayOrder) -> Shipment:
        parameters = self.day.parameters
        return Shipment(
            order.id,
            order.restaurant,
            order.place,
            order.placed_at,
            order.ready_at,
            order.promised_at,
            order.bags,
            pickup_s=parameters.pickup_s,
            dropoff_s=parameters.dropoff_s,
        )

    def _vehicle(self, worker: Worker, now: float) -> Vehicle:
        place, under_way = worker.place, worker.leg is not None
        if worker.leg:
            leg = worker.leg
            lasts = leg.arrives - leg.departs
            place = self.ways.on_leg(leg.origin, leg.to, (now - leg.departs) / lasts if lasts else 1.0)
        visits = tuple(
            Visit(s.shipment, s.kind, notified=s.shipment in worker.notified) for s in worker.visits
        )
        return Vehicle(
            worker.courier.id,
            place,
            visits,
            under_way,
            worker.arrived_at,
            worker.free_at,
            worker.courier.off_at,
            worker.courier.capacity,
        )
