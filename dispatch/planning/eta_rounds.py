"""A round of ETAs, in parts that workers share: drivers of one city, PART_DRIVERS at most.

The worker that has the round asks others for help and works through the parts itself. It is done when all of them
are, whoever did them: a worker alone does the whole round, the part of one that was killed is taken over when its
lease ends, and the lease `refresh_etas` says when all ETAs were new, not when somebody was asked for them.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched, groupby
from uuid import UUID

from dispatch.clock import database_now
from dispatch.leases import done_since, lease
from dispatch.models import Driver
from dispatch.planning import replanning

logger = logging.getLogger(__name__)

#: A part of so many drivers takes about a second.
PART_DRIVERS = 200
#: So often (seconds) it is looked whether the others are done with theirs.
LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class Part:
    """`job`: the name of its lease. `begun`: when its round did, by the database's clock."""

    job: str
    drivers: Sequence[UUID]
    begun: datetime

    def refresh(self) -> None:
        """Does this part, unless somebody does it or has done it since the round began."""
        with lease(self.job, unless_done_since=self.begun) as held:
            if held:
                replanning.refresh_etas(self.drivers)


def run(ask_for_help: Callable[[Sequence[Part]], None]) -> None:
    """New ETAs for every driver with stops. `ask_for_help` asks other workers for these parts, in this order; nobody
    need come.
    """
    left = parts()
    # The others begin at the end, where this one comes last.
    ask_for_help(left[:0:-1])
    while left:
        for part in left:
            part.refresh()
        done = done_since([part.job for part in left], left[0].begun)
        left = [part for part in left if part.job not in done]
        if left:
            time.sleep(LOOK_EVERY_S)


def parts() -> list[Part]:
    """Those of a round that begins now."""
    begun = database_now()
    busy = (
        Driver.objects.filter(stops__done_at=None, stops__isnull=False).order_by("city_id", "pk").distinct()
    )
    by_city = groupby(busy.values_list("city_id", "pk"), key=lambda driver: driver[0])
    return [
        Part(f"refresh_etas:{city_id}:{n}", [pk for _, pk in some], begun)
        for city_id, drivers in by_city
        for n, some in enumerate(batched(drivers, PART_DRIVERS))
    ]
