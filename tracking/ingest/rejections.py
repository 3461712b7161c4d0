"""What the filter turned away: counted for the operator, and by driver for the dispatchers. Pure."""

from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from tracking.protocol.messages import FixTrouble


@dataclass(slots=True)
class Rejected:
    """Of one session: how many fixes by name, since when, and the last name and when (ms)."""

    by_name: Counter[str] = field(default_factory=Counter)
    since: int = 0
    last: tuple[str, int] = "", 0

    def count(self, name: str, now: int) -> None:
        self.by_name[name] += 1
        self.since = self.since or now
        self.last = name, now

    def trouble(self, driver_id: UUID) -> FixTrouble:
        """What a dispatcher should know of it."""
        name, at = self.last
        return FixTrouble(driver_id, at, self.since, name, dict(self.by_name))
