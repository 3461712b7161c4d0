"""What can be done about an order that will be late: give it away, take something else away, or serve it first."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from routing.planner.assignment import propose, relieved
from routing.planner.model import Driver, Id, Situation, Trip
from routing.planner.settings import Settings
from routing.planner.trips import best_trip
from routing.problems import Problem

#: So many remedies are offered, and of each question so many of the best drivers looked at.
MOST, LOOKED_AT = 3, 4
#: A remedy brings the order at least so much sooner (seconds).
WORTH_S = 60.0


@dataclass(frozen=True, slots=True)
class Remedy:
    """`reassign`: the order goes to `driver`. `relieve`: another order, `moves`, goes to `driver`. `first`: its own
    driver serves it before anything else.

    `saved_s`: so much sooner it is at the door. `relief_s`: by so much all orders together are less late.
    """

    kind: Literal["reassign", "relieve", "first"]
    moves: Id
    driver: Id
    saved_s: float
    relief_s: float


def remedies(order: Id, situation: Situation, settings: Settings | None = None) -> list[Remedy]:
    """At most three, the best first: each makes the order sooner, all orders together less late, and no bag
    fuller than its driver can carry.

    None for an order that no driver has: `propose` says what there is.
    """
    settings = settings or Settings()
    holder = next((d for d in situation.drivers if any(stop.order == order for stop in d.stops)), None)
    if holder is None:
        return []
    case = _Case(order, situation, holder, settings)
    found = [remedy for remedy in case.all() if remedy.saved_s >= WORTH_S and remedy.relief_s > 0]
    return sorted(found, key=lambda remedy: -remedy.relief_s)[:MOST]


class _Case:
    """A late order, its driver, and what comes of doing nothing."""

    def __init__(self, order: Id, situation: Situation, holder: Driver, settings: Settings) -> None:
        self.order, self.situation, self.holder, self.settings = order, situation, holder, settings
        self._promised = {one.id: one.promised_at for one in situation.orders}
        self._capacity = {driver.id: driver.capacity for driver in situation.drivers}
        self._now = best_trip(situation, holder.id, settings)

    def all(self) -> Iterator[Remedy]:
        if self._now.delivered(self.order) is None:
            return  # nobody can say when: it is not a question of minutes
        yield from self._moved("reassign", self.order)
        for stop in self.holder.stops:
            if stop.kind == "pickup" and stop.order != self.order:
                yield from self._moved("relieve", stop.order)
        yield from self._first()

    def _moved(self, kind: Literal["reassign", "relieve"], moves: Id) -> Iterator[Remedy]:
        """`moves` goes to each of the drivers who are best for it."""
        others = [p for p in propose(moves, self.situation, self.settings) if p.driver != self.holder.id]
        if any(p.problem in (Problem.IN_ANOTHER_BAG, Problem.LEG_KEPT) for p in others):
            return
        rest = self._trip(relieved(self.holder, moves))
        for proposal in others[:LOOKED_AT]:
            if proposal.problem is not None or proposal.trip is None:
                continue
            before = best_trip(self.situation, proposal.driver, self.settings)
            if self._fits(proposal.driver, before, proposal.trip):
                yield self._remedy(kind, moves, proposal.driver, [self._now, before], [rest, proposal.trip])

    def _first(self) -> Iterator[Remedy]:
        # Where the driver stands, what is to be done there comes before anything else.
        here = self.holder.stops[:1] if self.holder.arrived_at is not None else ()
        ahead = self.holder.stops[len(here) :]
        head = (*here, *(replace(stop, pinned=True) for stop in ahead if stop.order == self.order))
        rest = [stop for stop in ahead if stop.order != self.order]
        if head and [stop.order for stop in head] != [s.order for s in self.holder.stops[: len(head)]]:
            changed = self._trip(replace(self.holder, stops=(*head, *rest), under_way=False))
            if self._fits(self.holder.id, self._now, changed):
                yield self._remedy("first", self.order, self.holder.id, [self._now], [changed])

    def _fits(self, driver: Id, before: Trip, after: Trip) -> bool:
        """Whether no more is on board at any time than the driver can carry, or does so already."""
        return after.fullest <= max(self._capacity[driver], before.fullest)

    def _trip(self, driver: Driver) -> Trip:
        return best_trip(self.situation.with_driver(driver), driver.id, self.settings)

    def _remedy(
        self,
        kind: Literal["reassign", "relieve", "first"],
        moves: Id,
        driver: Id,
        before: Sequence[Trip],
        after: Sequence[Trip],
    ) -> Remedy:
        was = self._now.delivered(self.order)
        will = next((at for trip in after if (at := trip.delivered(self.order)) is not None), None)
        saved = was - will if was is not None and will is not None else 0.0
        return Remedy(kind, moves, driver, saved, self._late(before) - self._late(after))

    def _late(self, trips: Iterable[Trip]) -> float:
        """How late all orders of these trips are together (seconds)."""
        return sum(
            max(0.0, visit.handed_at - self._promised[visit.stop.order])
            for trip in trips
            for visit in trip.visits
            if visit.stop.kind == "dropoff" and visit.handed_at is not None
        )
