"""The simulated week judged: how wrong raw OSRM is, and how wrong what its first days teach."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from statistics import median

from routing.eta import (
    Drive,
    Dwell,
    Estimate,
    KitchenEstimate,
    Miss,
    Pickup,
    learn_ranges,
)
from tests.routing.eta_week import LATE_KITCHEN, Run, week
from tests.routing.lessons import handovers, kitchens, speed_factors

PICKUP_S, DROPOFF_S = 120.0, 90.0
UNLEARNED = KitchenEstimate(Estimate(PICKUP_S, 0), Estimate(0.0, 0))


@dataclass(frozen=True)
class Model:
    """Raw OSRM with the default service times, as long as nothing is learned."""

    factors: Mapping[tuple[Hashable, int], Estimate] = field(default_factory=dict)
    kitchens: Mapping[Hashable, KitchenEstimate] = field(default_factory=dict)
    doors: Mapping[Hashable, Estimate] = field(default_factory=dict)

    @classmethod
    def learned(cls, runs: list[Run]) -> "Model":
        return cls(
            speed_factors(
                Drive(run.city, run.hour, routed_s, took_s)
                for run in runs
                for routed_s, took_s in zip(run.routed_s, run.took_s, strict=True)
            ),
            kitchens(
                (Pickup(run.restaurant, run.arrived_at[0], run.left_at[0], run.ready_at) for run in runs),
                PICKUP_S,
            ),
            handovers(
                (
                    Dwell(run.city, left - arrived)
                    for run in runs
                    for arrived, left in zip(run.arrived_at[1:], run.left_at[1:], strict=True)
                ),
                DROPOFF_S,
            ),
        )

    def horizons(self, run: Run, stop: int) -> list[float]:
        """Seconds to each dropoff from `stop` on, foretold when the driver sets out for it."""
        factor = self.factors.get((run.city, run.hour), Estimate(1.0, 0)).value
        door_s = self.doors.get(run.city, Estimate(DROPOFF_S, 0)).value
        kitchen = self.kitchens.get(run.restaurant, UNLEARNED)
        start = clock = _set_out(run, stop)
        horizons = []
        for number in range(stop, len(run.routed_s)):
            clock += run.routed_s[number] * factor
            if number == 0:
                clock = max(clock + kitchen.handover.value, run.ready_at + kitchen.late.value)
            else:
                horizons.append(clock - start)
                clock += door_s
        return horizons


def _set_out(run: Run, stop: int) -> float:
    return run.left_at[stop - 1] if stop else run.began_at


def misses(model: Model, runs: Iterable[Run]) -> Iterator[Miss]:
    """What each driver's customers are told on setting out, and again on leaving a stop."""
    for run in runs:
        for stop in range(len(run.routed_s)):
            doors = run.arrived_at[max(stop, 1) :]
            for horizon_s, door_at in zip(model.horizons(run, stop), doors, strict=True):
                yield Miss(run.city, horizon_s, door_at - _set_out(run, stop) - horizon_s)


@dataclass(frozen=True)
class Verdict:
    """Of what customers were told in the last three days. `raw_s`, `learned_s`: the median size of the error.

    `kept`: the share of arrivals within the 80 % range. `late_s`: how late the late kitchen was learned to be.
    """

    raw_s: float
    learned_s: float
    kept: float
    late_s: float


def judged(seed: int) -> Verdict:
    """Three days teach the factors, the fourth how far they are off, the other three are the test."""
    days = list(week(seed))
    model = Model.learned(list(chain(*days[:3])))
    ranges = learn_ranges(misses(model, days[3]))
    later = list(chain(*days[4:]))
    told = list(misses(model, later))
    kept = 0
    for miss in told:
        low, high = ranges.minutes(miss.city, miss.horizon_s)
        kept += low <= max(1.0, (miss.horizon_s + miss.error_s) / 60) <= high
    return Verdict(
        raw_s=median(abs(miss.error_s) for miss in misses(Model(), later)),
        learned_s=median(abs(miss.error_s) for miss in told),
        kept=kept / len(told),
        late_s=model.kitchens[LATE_KITCHEN].late.value,
    )
