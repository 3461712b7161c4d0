"""How the fixes of this process were judged since the last report. Pure."""

from collections import Counter

from tracking.ingest.session import Session

GOOD = "good"


class Verdicts:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.troubled: set[Session] = set()

    def good(self) -> None:
        self.counts[GOOD] += 1

    def known(self) -> None:
        """A fix that came before, by its number: nobody is troubled by it."""
        self.counts["duplicate"] += 1

    def reject(self, session: Session, name: str, now: int) -> None:
        """A fix was turned away at `now` (ms): the dispatchers hear why a driver's marker does not move."""
        self.counts[name] += 1
        session.rejected.count(name, now)
        self.troubled.add(session)

    def take(self) -> tuple[Counter[str], set[Session]]:
        """Verdict → how many since the last time; the sessions of which something was turned away since then."""
        taken = self.counts, self.troubled
        self.counts, self.troubled = Counter(), set()
        return taken
