"""How the fixes of this process were judged since the last report. Pure."""

from collections import Counter
from collections.abc import Mapping

from tracking.ingest.session import Session

GOOD = "good"
#: A fix that is given up for good.
REFUSED = "refused"


class Verdicts:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.troubled: set[Session] = set()

    def count(self, name: str) -> None:
        """A fix of which nothing is stored; the others are counted with their commit."""
        self.counts[name] += 1

    def stored(self, counts: Mapping[str, int]) -> None:
        """Verdict → how many fixes, of a batch that is committed."""
        self.counts.update(counts)

    def turn_away(self, session: Session, name: str, now: int) -> None:
        """At `now` (ms): the dispatchers hear why a driver's marker does not move."""
        session.rejected.count(name, now)
        self.troubled.add(session)

    def reject(self, session: Session, name: str, now: int) -> None:
        """Both: a fix was turned away, and nothing of it is stored."""
        self.count(name)
        self.turn_away(session, name, now)

    def take(self) -> tuple[Counter[str], set[Session]]:
        """Verdict → how many since the last time; the sessions of which something was turned away since then."""
        taken = self.counts, self.troubled
        self.counts, self.troubled = Counter(), set()
        return taken
