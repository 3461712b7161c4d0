"""What can be done about an order that will be late: give it away, take something else away, or serve it first."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from routing.planner.assignment import propose, relieved
from routing.planner.model import Id, Instance, Tour, Vehicle
from routing.planner.settings import Settings
from routing.planner.tours import best_tour
from routing.problems import Problem

#: So many remedies are offered, and of each question so many of the best drivers looked at.
MOST, LOOKED_AT = 3, 4
#: A remedy brings the order at least so much sooner (seconds).
WORTH_S = 60.0


@dataclass(frozen=True, slots=True)
class Remedy:
    """`reassign`: the order goes to `vehicle`. `relieve`: another order, `moves`, goes to `vehicle`. `first`: its own
    driver serves it before anything else.

    `saved_s`: so much sooner it is at the door. `relief_s`: by so much all orders together are less late.
    """

    kind: Literal["reassign", "relieve", "first"]
    moves: Id
    vehicle: Id
    saved_s: float
    relief_s: float


def remedies(shipment: Id, instance: Instance, settings: Settings | None = None) -> list[Remedy]:
    """At most three, the best first: each makes the order sooner, all orders together less late, and no bag
    fuller than its driver can carry.

    None for an order that no driver has: `propose` says what there is.
    """
    settings = settings or Settings()
    holder = next(
        (d for d in instance.vehicles if any(visit.shipment == shipment for visit in d.visits)), None
    )
    if holder is None:
        return []
    case = _Case(shipment, instance, holder, settings)
    found = [remedy for remedy in case.all() if remedy.saved_s >= WORTH_S and remedy.relief_s > 0]
    return sorted(found, key=lambda remedy: -remedy.relief_s)[:MOST]


class _Case:
    """A late order, its driver, and what comes of doing nothing."""

    def __init__(self, shipment: Id, instance: Instance, holder: Vehicle, settings: Settings) -> None:
        self.shipment, self.instance, self.holder, self.settings = shipment, instance, holder, settings
        self._promised = {one.id: one.promised_at for one in instance.shipments}
        self._capacity = {vehicle.id: vehicle.capacity for vehicle in instance.vehicles}
        self._now = best_tour(instance, holder.id, settings)

    def all(self) -> Iterator[Remedy]:
        if self._now.delivered(self.shipment) is None:
            return  # nobody can say when: it is not a question of minutes
        yield from self._moved("reassign", self.shipment)
        for visit in self.holder.visits:
            if visit.kind == "pickup" and visit.shipment != self.shipment:
                yield from self._moved("relieve", visit.shipment)
        yield from self._first()

    def _moved(self, kind: Literal["reassign", "relieve"], moves: Id) -> Iterator[Remedy]:
        """`moves` goes to each of the drivers who are best for it."""
        others = [p for p in propose(moves, self.instance, self.settings) if p.vehicle != self.holder.id]
        if any(p.problem in (Problem.IN_ANOTHER_BAG, Problem.LEG_KEPT) for p in others):
            return
        rest = self._tour(relieved(self.holder, moves))
        for proposal in others[:LOOKED_AT]:
            if proposal.problem is not None or proposal.tour is None:
                continue
            before = best_tour(self.instance, proposal.vehicle, self.settings)
            if self._fits(proposal.vehicle, before, proposal.tour):
                yield self._remedy(kind, moves, proposal.vehicle, [self._now, before], [rest, proposal.tour])

    def _first(self) -> Iterator[Remedy]:
        # Where the driver stands, what is to be done there comes before anything else.
        here = self.holder.visits[:1] if self.holder.arrived_at is not None else ()
        ahead = self.holder.visits[len(here) :]
        head = (*here, *(replace(visit, pinned=True) for visit in ahead if visit.shipment == self.shipment))
        rest = [visit for visit in ahead if visit.shipment != self.shipment]
        if head and [visit.shipment for visit in head] != [
            s.shipment for s in self.holder.visits[: len(head)]
        ]:
            changed = self._tour(replace(self.holder, visits=(*head, *rest), under_way=False))
            if self._fits(self.holder.id, self._now, changed):
                yield self._remedy("first", self.shipment, self.holder.id, [self._now], [changed])

    def _fits(self, vehicle: Id, before: Tour, after: Tour) -> bool:
        """Whether no more is on board at any time than the driver can carry, or does so already."""
        return after.fullest <= max(self._capacity[vehicle], before.fullest)

    def _tour(self, vehicle: Vehicle) -> Tour:
        return best_tour(self.instance.with_vehicle(vehicle), vehicle.id, self.settings)

    def _remedy(
        self,
        kind: Literal["reassign", "relieve", "first"],
        moves: Id,
        vehicle: Id,
        before: Sequence[Tour],
        after: Sequence[Tour],
    ) -> Remedy:
        was = self._now.delivered(self.shipment)
        will = next((at for tour in after if (at := tour.delivered(self.shipment)) is not None), None)
        saved = was - will if was is not None and will is not None else 0.0
        return Remedy(kind, moves, vehicle, saved, self._late(before) - self._late(after))

    def _late(self, tours: Iterable[Tour]) -> float:
        """How late all orders of these tours are together (seconds)."""
        return sum(
            max(0.0, scheduled.handed_at - self._promised[scheduled.visit.shipment])
            for tour in tours
            for scheduled in tour.schedule
            if scheduled.visit.kind == "dropoff" and scheduled.handed_at is not None
        )
