"""How an evening ended: that each of its orders is over, or says what is wrong with it, and that nothing got lost."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import batched, pairwise
from uuid import UUID

from dispatch.models import Conflict, Order, OrderEvent, Stop
from dispatch.problems import SENTENCES
from dispatch.statuses import FINAL, StopKind

#: Rows that are read at once.
_AT_ONCE = 500


@dataclass(frozen=True)
class Verdict:
    """`statuses`: how many orders ended how. `steps`: how many steps of theirs who took. `named`: orders that are not
    over, and say why. `wrong`: what must not be, a sentence each.
    """

    statuses: Counter[str]
    steps: Counter[str]
    conflicts: int
    named: Sequence[str]
    wrong: Sequence[str]

    def __str__(self) -> str:
        ended = ", ".join(f"{count} {status}" for status, count in self.statuses.most_common())
        by = ", ".join(f"{count} by {actor}" for actor, count in self.steps.most_common())
        lines = [
            f"{self.statuses.total()} orders: {ended}.",
            f"{self.steps.total()} steps: {by}; {self.conflicts} conflicts.",
            *self.named,
            *(f"WRONG: {sentence}" for sentence in self.wrong),
        ]
        return "\n".join(lines)


def open_among(order_ids: Iterable[UUID]) -> int:
    """How many of these orders are not over yet."""
    return sum(
        Order.objects.filter(pk__in=some).exclude(status__in=FINAL).count()
        for some in batched(order_ids, _AT_ONCE)
    )


def verdict(order_ids: Sequence[UUID]) -> Verdict:
    """Of orders that were placed, by what the database has of them."""
    statuses: Counter[str] = Counter()
    steps: Counter[str] = Counter()
    named: list[str] = []
    wrong: list[str] = []
    conflicts = 0
    for some in batched(order_ids, _AT_ONCE):
        rows = Order.objects.filter(pk__in=some).select_related("restaurant__city", "driver")
        orders = rows.in_bulk()
        wrong += [f"order {pk} is lost." for pk in some if pk not in orders]
        timelines: dict[UUID, list[OrderEvent]] = {pk: [] for pk in orders}
        for event in OrderEvent.objects.filter(order__in=orders).order_by("id"):
            timelines[event.order_id].append(event)
        open_stops = Stop.objects.filter(order__in=orders, done_at=None).exclude(kind=StopKind.RETURN)
        to_visit = Counter(open_stops.values_list("order_id", flat=True))
        of_these = Conflict.objects.filter(order__in=orders)
        conflicts += of_these.count()
        in_conflict = set(of_these.filter(outcome=None).values_list("order_id", flat=True))
        for order in orders.values():
            statuses[order.status] += 1
            steps.update(event.get_actor_display() for event in timelines[order.pk])
            wrong += _contradictions(order, timelines[order.pk], to_visit[order.pk])
            if order.status not in FINAL:
                if order.trouble is not None:
                    named.append(f"order {order.pk} is {order.status}: {SENTENCES[order.trouble]}")
                elif order.pk not in in_conflict:
                    wrong.append(f"order {order.pk} is {order.status} and says nothing of why.")
    return Verdict(statuses, steps, conflicts, named, wrong)


def _contradictions(order: Order, timeline: Sequence[OrderEvent], to_visit: int) -> list[str]:
    found = []
    if not timeline or timeline[-1].to_status != order.status:
        found.append(f"order {order.pk} is {order.status}, of which its timeline knows nothing.")
    if any(before.to_status != after.from_status for before, after in pairwise(timeline)):
        found.append(f"order {order.pk} has a timeline with a gap.")
    if order.status in FINAL and to_visit:
        found.append(f"order {order.pk} is over, and a driver has {to_visit} stops of it.")
    return found
