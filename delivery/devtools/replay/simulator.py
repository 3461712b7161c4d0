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
from routing.planner import Driver, Order, Situation, Stop

type What = Literal["assigned", "withdrawn", "pickup", "dropoff"]


class Event(NamedTuple):
    """`at` in seconds. `assigned`: the courier was told; `withdrawn`: the order was taken away again."""

    at: float
    what: What
    courier: str
    order: str


class Leg(NamedTuple):
    origin: int
    to: int
    departs: float
    arrives: float


@dataclass(frozen=True, slots=True)
class Decision:
    """What each courier has to do from now on. `hold`: an order is told only when it is time to set off for it, so
    that until then it may still go to somebody else.
    """

    stops: dict[str, tuple[Stop, ...]]
    hold: bool


type Policy = Callable[[Situation], Decision]


@dataclass(slots=True)
class Worker:
    """A courier at work: on a leg, standing at a stop (`handed_at`: until then), or free from `free_at` on."""

    courier: Courier
    place: int
    free_at: float
    stops: tuple[Stop, ...] = ()
    leg: Leg | None = None
    arrived_at: float | None = None
    handed_at: float = 0.0
    told: set[str] = field(default_factory=set)
    driving_s: float = 0.0
    standing_s: float = 0.0
    metres: float = 0.0

    @property
    def idle(self) -> bool:
        return not self.stops


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened. `workers` tell how long and how far each courier drove."""

    events: Sequence[Event]
    workers: Sequence[Worker]


def _id(stop: Stop) -> str:
    """The order's, which is text in a day's tables."""
    return str(stop.order)


class Simulator:
    def __init__(self, day: Day, ways: Ways, *, tick_s: float, divert: bool) -> None:
        self.day, self.ways, self.tick_s, self.divert = day, ways, tick_s, divert
        self.orders = {order.id: order for order in day.orders}
        self.workers = [Worker(courier, courier.place, courier.on_at) for courier in day.couriers]
        self.events: list[Event] = []
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
        on_duty = [w for w in self.workers if w.stops or w.courier.on_at <= now < w.courier.off_at]
        to_pick_up = {stop.order for w in on_duty for stop in w.stops if stop.kind == "pickup"}
        taken = {stop.order for w in on_duty for stop in w.stops}
        orders = list(open_orders)
        if not on_duty or not (to_pick_up or any(order.id not in taken for order in orders)):
            return
        before = self.ways.next
        drivers = [self._driver(worker, now) for worker in on_duty]
        decision = policy(Situation(now, [self._order(order) for order in orders], drivers, self.ways))
        self.hold = decision.hold
        for worker in on_duty:
            self._follow(worker, decision.stops[worker.courier.id], now)
        used = {worker.leg.origin for worker in self.workers if worker.leg} | {w.place for w in self.workers}
        self.ways.forget(set(range(before, self.ways.next)) - used)

    def _follow(self, worker: Worker, stops: tuple[Stop, ...], now: float) -> None:
        """The courier's new plan; whoever is turned away from a leg is somewhere on it now."""
        if worker.leg and (not stops or self._place(stops[0]) != worker.leg.to):
            assert self.divert, "a policy changed a leg under way"  # noqa: S101
            leg = worker.leg
            share = (now - leg.departs) / (leg.arrives - leg.departs)
            worker.driving_s += now - leg.departs
            worker.metres += share * self.ways.distance_m(leg.origin, leg.to)
            worker.place, worker.leg, worker.free_at = self.ways.on_leg(leg.origin, leg.to, share), None, now
        elif worker.leg is None and worker.arrived_at is None:
            worker.free_at = max(worker.free_at, now)  # nobody acts on a plan before it is made
        has = {stop.order for stop in stops}
        for order in sorted(worker.told - has):
            self.events.append(Event(now, "withdrawn", worker.courier.id, order))
        worker.told &= has
        worker.stops = stops
        if not self.hold:
            self._tell(worker, map(_id, stops), now)

    def _tell(self, worker: Worker, orders: Iterable[str], at: float) -> None:
        for order in orders:
            if order not in worker.told:
                worker.told.add(order)
                self.events.append(Event(at, "assigned", worker.courier.id, order))

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
            elif worker.stops and (departs := self._departs(worker)) <= until:
                self._depart(worker, departs)
            else:
                return

    def _departs(self, worker: Worker) -> float:
        """When the courier sets off: at once, or in time for the food when nothing is lost by waiting."""
        stop, earliest = worker.stops[0], worker.free_at
        order = self.orders[_id(stop)]
        if not self.hold or stop.kind == "dropoff" or stop.order in worker.told or self._on_board(worker):
            return earliest
        before = self._before(stop)
        return max(earliest, order.ready_at - before - self.ways[worker.place][order.restaurant])

    def _depart(self, worker: Worker, at: float) -> None:
        to, kind = self._place(worker.stops[0]), worker.stops[0].kind
        same_visit = takewhile(lambda stop: (self._place(stop), stop.kind) == (to, kind), worker.stops)
        self._tell(worker, map(_id, same_visit), at)
        worker.leg = Leg(worker.place, to, at, at + self.ways[worker.place][to])

    def _arrive(self, worker: Worker, leg: Leg) -> None:
        worker.driving_s += leg.arrives - leg.departs
        worker.metres += self.ways.distance_m(leg.origin, leg.to)
        worker.leg, worker.place, worker.arrived_at = None, leg.to, leg.arrives
        self._tell(worker, [_id(worker.stops[0])], leg.arrives)
        worker.handed_at = self._ready(worker.stops[0], leg.arrives + self._before(worker.stops[0]))

    def _hand_over(self, worker: Worker) -> None:
        stop, at = worker.stops[0], worker.handed_at
        self._tell(worker, [_id(stop)], at)
        what: What = "pickup" if stop.kind == "pickup" else "dropoff"
        self.events.append(Event(at, what, worker.courier.id, _id(stop)))
        worker.stops = worker.stops[1:]
        if what == "dropoff":
            worker.told.discard(stop.order)
        if (
            worker.stops
            and worker.stops[0].kind == stop.kind
            and self._place(worker.stops[0]) == worker.place
        ):
            worker.handed_at = self._ready(worker.stops[0], at)
            return
        after = self._service(stop) - self._before(stop)
        worker.standing_s += self._service(stop)
        worker.arrived_at, worker.free_at = None, at + after

    def _on_board(self, worker: Worker) -> bool:
        pickups = {stop.order for stop in worker.stops if stop.kind == "pickup"}
        return any(stop.order not in pickups for stop in worker.stops)

    def _place(self, stop: Stop) -> int:
        order = self.orders[_id(stop)]
        return order.restaurant if stop.kind == "pickup" else order.place

    def _service(self, stop: Stop) -> float:
        parameters = self.day.parameters
        return parameters.pickup_s if stop.kind == "pickup" else parameters.dropoff_s

    def _before(self, stop: Stop) -> float:
        return self._service(stop) * self.day.parameters.handover

    def _ready(self, stop: Stop, at: float) -> float:
        return max(at, self.orders[_id(stop)].ready_at) if stop.kind == "pickup" else at

    def _order(self, order: DayOrder) -> Order:
        parameters = self.day.parameters
        return Order(
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

    def _driver(self, worker: Worker, now: float) -> Driver:
        place, under_way = worker.place, worker.leg is not None
        if worker.leg:
            leg = worker.leg
            lasts = leg.arrives - leg.departs
            place = self.ways.on_leg(leg.origin, leg.to, (now - leg.departs) / lasts if lasts else 1.0)
        stops = tuple(Stop(s.order, s.kind, told=s.order in worker.told) for s in worker.stops)
        return Driver(
            worker.courier.id,
            place,
            stops,
            under_way,
            worker.arrived_at,
            worker.free_at,
            worker.courier.off_at,
            worker.courier.capacity,
        )
