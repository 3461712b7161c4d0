"""What a good plan is: the one place that says so.

    cost = Σ over orders  door · (delivered − placed)
                        + late · max(0, delivered − promised)
                        + stale · max(0, delivered − ready − fresh_s)
         + Σ over drivers work · (end of the last visit − setting off)

in seconds: a minute of click-to-door is worth 60. Every term grows with time, which the exact search relies on.
Ready-to-door needs no weight of its own: it differs from click-to-door by what no plan can change. `work` is the
price of a driver's minute: what the orders that have not been placed yet will ask for.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Objective:
    """Weights per second, none of them negative."""

    door: float = 1.0
    late: float = 3.0
    stale: float = 0.5
    fresh_s: float = 1200.0
    work: float = 0.5

    def of_door(self, delivered: float, placed: float, ready: float, promised: float) -> float:
        cost = self.door * (delivered - placed)
        if delivered > promised:
            cost += self.late * (delivered - promised)
        if delivered > ready + self.fresh_s:
            cost += self.stale * (delivered - ready - self.fresh_s)
        return cost


#: The driver's time alone, for the shortest way through visits without times.
WORK_ALONE = Objective(door=0.0, late=0.0, stale=0.0, work=1.0)
