"""A driver's socket or tracker app, as the pipeline knows it: who it is, and what it remembers from fix to fix."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from dispatch.models import Driver
from tracking.ingest.fix_filter import Fix, Track
from tracking.ingest.next_stops import NextStops
from tracking.ingest.numbering import Numbering
from tracking.ingest.rejections import Rejected
from tracking.ingest.sampling import Sampling
from tracking.protocol.frames import milliseconds


@dataclass(slots=True, eq=False)
class Session:
    driver_id: UUID
    city: str
    numbering: Numbering
    #: The run of the app whose numbering goes on over reconnects; None: this socket's own.
    name: str | None = None
    #: Told how many fixes PostgreSQL refuses for good, and the seq of the last of them, before any ack passes it.
    refuse: Callable[[int, int | None], None] = lambda count, seq: None
    #: Called when its fixes can't be kept any longer: the app must keep them.
    overload: Callable[[], None] = lambda: None
    #: Some were dropped: nothing more of it is acknowledged.
    abandoned: bool = False
    #: The domain took the driver for silent: the next fix says otherwise.
    offline: bool = False
    #: The domain had no position of the driver: stops may wait for the first fix.
    unplaced: bool = False
    #: The app may go back to fixes that an earlier socket took, and that the fences must see again.
    goes_back: bool = False
    #: What the phone last said of itself: its battery (per cent), and whether the app is in the background.
    battery: int | None = None
    background: bool = False
    track: Track = field(default_factory=Track)
    next_stops: NextStops = field(default_factory=NextStops)
    sampling: Sampling = field(default_factory=Sampling)
    rejected: Rejected = field(default_factory=Rejected)
    #: Writes to the domain that fixes asked for, in order (tracking/ingest/domain_writer.py), each with the seq of
    #: its fix, which is not acknowledged before the write is done; None where no ack has to wait.
    writes: deque[tuple[int | None, Callable[[], object]]] = field(default_factory=deque)
    #: The driver's id as it stands on the wire.
    key: str = field(init=False)

    def __post_init__(self) -> None:
        self.key = str(self.driver_id)

    def go_on(self, safe_seq: int) -> None:
        """The app comes back, and numbers on from what is safe of its earlier socket's fixes."""
        self.numbering.go_on(safe_seq)
        self.goes_back = True

    def abandon(self) -> None:
        """Fixes of it were dropped. The app has no ack for them and must keep them."""
        if not self.abandoned:
            self.abandoned = True
            self.overload()

    def safe_seq(self, seq: int) -> int:
        """The part of what is considered up to `seq` whose writes to the domain are done as well."""
        if self.abandoned:
            return min(seq, self.numbering.acked)
        held = min((waiting for waiting, _ in self.writes if waiting is not None), default=None)
        return seq if held is None else min(seq, held - 1)


def last_fix(driver: Driver) -> Fix | None:
    """Where the fix filter goes on: a fix that is older than this one is history."""
    if driver.current_lat is None or driver.current_lng is None or driver.fix_at is None:
        return None
    return Fix(driver.current_lat, driver.current_lng, milliseconds(driver.fix_at) or 0)
