"""The drivers' tracker apps, as this process knows them: a session of the pipeline each, from request to request."""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec

from dispatch.models import Driver
from tracking.clock import now_ms
from tracking.ingest.fix_filter import Track
from tracking.ingest.numbering import Numbering
from tracking.ingest.sampling import Sampling
from tracking.ingest.session import Session, last_fix
from tracking.ingest.verdicts import GOOD, REFUSED, Verdicts
from tracking.protocol import groups
from tracking.protocol.messages import Location
from tracking.sockets.process import Process

#: Apps wait for an answer for ten seconds and more.
STORED_WITHIN_S = 8.0
#: Of one driver; who sends what waited comes no faster than it is stored, about one a second.
REQUESTS_PER_S = 10
#: A tracker of which nothing is heard for so long is forgotten. The next fix begins where the driver's row says.
FORGOTTEN_AFTER_S = 3600.0


class NotStored(Exception):
    """PostgreSQL takes nothing at the moment: the app must keep what it sent."""


class Tracker:
    """Numbers the fixes itself: those formats have no numbers. What came before is told by its time."""

    def __init__(self, driver: Driver, verdicts: Verdicts) -> None:
        self._verdicts = verdicts
        self.session = Session(
            driver.pk,
            groups.city_key(driver.city_id),
            Numbering(self._stored),
            refuse=self._refused,
            overload=self._left_to_the_app,
            unplaced=driver.point is None,
            track=Track(one_by_one=True),
            sampling=Sampling(all_of_them=True),  # they come rarely
        )
        self.used_at = time.monotonic()
        self._requests_left = float(REQUESTS_PER_S)
        self._one_at_a_time = asyncio.Lock()
        self._plan_version = -1
        self._has_stops = False
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def may_ask(self) -> bool:
        """Counts a request, unless it is one too many."""
        before, self.used_at = self.used_at, time.monotonic()
        left = self._requests_left + (self.used_at - before) * REQUESTS_PER_S
        allowed = left >= 1
        self._requests_left = min(left, REQUESTS_PER_S) - allowed
        return allowed

    async def take(
        self, process: Process, driver: Driver, fixes: Sequence[Location], signs_of_life: int
    ) -> Counter[str]:
        """What became of them, by name; returns once that survives a crash. `driver`: the row as it is now. Raises
        NotStored.
        """
        async with self._one_at_a_time:
            await self._follow(process, driver)
            named = self._ingest(process, driver, fixes, signs_of_life)
            number = self.session.numbering.highest
        if number > self.session.numbering.acked:
            await self._until_stored(number)
        return named

    async def _follow(self, process: Process, driver: Driver) -> None:
        """The driver's stops, and how far others (the driver's app, another process) have brought the driver."""
        if self._plan_version < driver.version:
            view = await process.loaders.plan(driver.pk)
            if view is not None:
                self._plan_version, self._has_stops = view.plan.v, bool(view.plan.stops)
                await process.follow(self.session, view)
        newest, track = last_fix(driver), self.session.track
        if newest is not None and (track.last is None or track.last.ts < newest.ts):
            # A jump that was being confirmed is none: somebody has seen the driver elsewhere since.
            track.last, track.sure, track.jump = newest, None, None

    def _ingest(
        self, process: Process, driver: Driver, fixes: Sequence[Location], signs_of_life: int
    ) -> Counter[str]:
        named: Counter[str] = Counter()
        if not driver.on_shift and not self._has_stops:
            # The app goes on when work is over: where the driver is then is nobody's business.
            named["off_shift"] = len(fixes) + signs_of_life
            for _ in range(named["off_shift"]):
                self._verdicts.count("off_shift")
            return +named
        now = now_ms()
        for fix in fixes:
            numbered = msgspec.structs.replace(fix, seq=self.session.numbering.highest + 1)
            named[process.ingest(self.session, numbered, now) or GOOD] += 1
        for _ in range(signs_of_life):
            process.pipeline.heard(self.session)
            named["heard"] += 1
        return named

    async def _until_stored(self, number: int) -> None:
        if self.session.abandoned:
            raise NotStored
        waiting = number, asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(STORED_WITHIN_S):
                await waiting[1]
        except TimeoutError:
            raise NotStored from None
        finally:
            self._waiting.remove(waiting)

    def _stored(self, number: int) -> None:
        for waiting, stored in self._waiting:
            if waiting <= number and not stored.done():
                stored.set_result(None)

    def _refused(self, count: int, seq: int | None) -> None:
        for _ in range(count):  # the fixes themselves are counted with their commit
            self._verdicts.turn_away(self.session, REFUSED, now_ms())

    def _left_to_the_app(self) -> None:
        for _, stored in self._waiting:
            if not stored.done():
                stored.set_exception(NotStored())


class Trackers:
    """Those of one process."""

    def __init__(self, verdicts: Verdicts) -> None:
        self._verdicts = verdicts
        #: The one that was used last is the last.
        self._of_driver: OrderedDict[UUID, Tracker] = OrderedDict()

    def of(self, driver: Driver) -> Tracker:
        tracker = self._of_driver.get(driver.pk)
        if tracker is None or tracker.session.abandoned:
            tracker = self._of_driver[driver.pk] = Tracker(driver, self._verdicts)
        self._of_driver.move_to_end(driver.pk)
        forgotten = time.monotonic() - FORGOTTEN_AFTER_S
        while next(iter(self._of_driver.values())).used_at < forgotten and len(self._of_driver) > 1:
            self._of_driver.popitem(last=False)
        return tracker


_of_process: WeakKeyDictionary[Process, Trackers] = WeakKeyDictionary()


def trackers_of(process: Process) -> Trackers:
    if process not in _of_process:
        _of_process[process] = Trackers(process.verdicts)
    return _of_process[process]
