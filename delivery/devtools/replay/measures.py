"""How a policy did, in the terms of the trade."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import mean, quantiles

from delivery.devtools.replay.simulator import Outcome
from delivery.devtools.replay.tables import Day

#: Whoever is served no later than this (seconds) after the promised time is not late.
LATE_S = 0.5


@dataclass(frozen=True, slots=True)
class Measures:
    """Minutes, kilometres, shares. Means and percentiles are of orders delivered; `late` also counts the others.

    `at_once`: the most orders that were placed and not delivered at one moment.
    """

    delivered: int
    orders: int
    click_to_door: float
    click_to_door_p90: float
    ready_to_pickup: float
    ready_to_door: float
    lateness: float
    late: float
    km: float
    orders_per_hour: float
    utilisation: float
    at_once: int


TITLES = {
    "orders delivered": "{0.delivered}/{0.orders}",
    "click-to-door mean, min": "{0.click_to_door:.1f}",
    "click-to-door p90, min": "{0.click_to_door_p90:.1f}",
    "ready-to-pickup mean, min": "{0.ready_to_pickup:.1f}",
    "ready-to-door mean, min": "{0.ready_to_door:.1f}",
    "lateness mean, min": "{0.lateness:.2f}",
    "late": "{0.late:.1%}",
    "km": "{0.km:.1f}",
    "orders per courier hour": "{0.orders_per_hour:.2f}",
    "courier utilisation": "{0.utilisation:.0%}",
    "orders at once, at most": "{0.at_once}",
}


def measure(day: Day, outcome: Outcome) -> Measures:
    """`lateness` is that past the promised time, 0 for who is served before; utilisation counts driving and the
    service times, not waiting for food.
    """
    orders = {order.id: order for order in day.orders}
    picked = {event.order: event.at for event in outcome.events if event.what == "pickup"}
    doors = {event.order: event.at for event in outcome.events if event.what == "dropoff"}
    clicks = [doors[id_] - orders[id_].placed_at for id_ in doors]
    late = [max(0.0, doors[id_] - orders[id_].promised_at) for id_ in doors]
    hours = sum(courier.off_at - courier.on_at for courier in day.couriers) / 3600
    busy = sum(worker.driving_s + worker.standing_s for worker in outcome.workers) / 3600
    return Measures(
        delivered=len(doors),
        orders=len(orders),
        click_to_door=_mean_min(clicks),
        click_to_door_p90=quantiles(clicks, n=10)[-1] / 60 if len(clicks) > 1 else _mean_min(clicks),
        ready_to_pickup=_mean_min([picked[id_] - orders[id_].ready_at for id_ in doors]),
        ready_to_door=_mean_min([doors[id_] - orders[id_].ready_at for id_ in doors]),
        lateness=_mean_min(late),
        late=(sum(seconds > LATE_S for seconds in late) + len(orders) - len(doors)) / len(orders),
        km=sum(worker.metres for worker in outcome.workers) / 1000,
        orders_per_hour=len(doors) / hours,
        utilisation=busy / hours,
        at_once=_most_at_once([order.placed_at for order in day.orders], list(doors.values())),
    )


def _most_at_once(begin: Iterable[float], end: Iterable[float]) -> int:
    changes = sorted([*((at, 1) for at in begin), *((at, -1) for at in end)])
    return max(accumulate(change for _, change in changes))


def _mean_min(seconds: Sequence[float]) -> float:
    return mean(seconds) / 60 if seconds else 0.0


def table(measures: Mapping[str, Measures]) -> str:
    """The policies side by side."""
    rows = [["", *measures]]
    rows += [[title, *(text.format(one) for one in measures.values())] for title, text in TITLES.items()]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join(
        "  ".join([title.ljust(widths[0]), *map(str.rjust, values, widths[1:])]) for title, *values in rows
    )
