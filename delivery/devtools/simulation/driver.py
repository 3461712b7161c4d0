"""A simulated driver: drives, waits, presses buttons or forgets to. All it knows comes from its plan."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from uuid import UUID

from delivery.devtools.simulation.app import App
from delivery.devtools.simulation.gps import Gps
from delivery.devtools.simulation.mishaps import (
    BICYCLE,
    CLOCKS_S,
    LATE_S,
    NETWORK_S,
    NO_MISHAPS,
    NO_NETWORK_S,
    OFF_SHIFT_S,
    SHIFT_S,
    Mishaps,
    Seconds,
    befalls,
    how_long,
)
from delivery.devtools.simulation.roads import Roads
from delivery.devtools.simulation.trajectory import Motion, Trajectory
from routing.geo import Point, distance_m
from tracking.protocol.messages import Location, PlanStop

#: Between two orders it parks so far from some restaurant (metres).
HAUNT_M = (250.0, 600.0)
#: So near (metres) two places are the same.
MET_M = 40.0
#: Seconds until a button that showed no effect is pressed again.
AGAIN_S = 10.0
#: A plan without a question is looked at again after so long, or when it changes.
LOOK_S = 60.0


@dataclass(frozen=True)
class Habits:
    """`interval_s`: between two fixes; `forgets`: the share of pickups and dropoffs whose button is forgotten.

    `counter_s`: at the counter at least, however long the food has been ready; `door_s`: at the customer's door;
    `parked_s`: between two orders, until it looks for a better place to wait; `answer_s`: until it answers the
    question whether it delivered. `mishaps`: what goes otherwise.
    """

    interval_s: float = 5.0
    forgets: float = 0.05
    counter_s: Seconds = (25.0, 45.0)
    door_s: Seconds = (20.0, 60.0)
    parked_s: Seconds = (30.0, 150.0)
    answer_s: Seconds = (15.0, 40.0)
    mishaps: Mishaps = NO_MISHAPS


class SimulatedDriver:
    """`haunts`: the restaurants near which it waits for orders."""

    def __init__(
        self, app: App, roads: Roads, start: Point, haunts: Sequence[Point], habits: Habits, rng: Random
    ) -> None:
        self.app = app
        self._roads = roads
        self._haunts = haunts
        self._habits = habits
        self._rng = rng
        self._gps = Gps(rng)
        self._parked = Motion(start, 0.0, 0.0)
        self._trajectory: Trajectory | None = None
        self._since = time.monotonic()  # of the present drive, or of standing here
        self._place: Point | None = None  # the stop at which it stands
        self._forgotten: set[UUID] = set()  # stops that are done, but for their button
        mishaps = habits.mishaps
        self._clock_s = rng.choice(CLOCKS_S) if rng.random() < mishaps.wrong_clock else 0.0
        self._slower = BICYCLE if rng.random() < mishaps.bicycle else 1.0
        self._loses_network = rng.random() < mishaps.no_network
        self._leaves = rng.random() < mishaps.leaves

    async def run(self) -> None:
        """Works until somebody else's app signs in as this driver."""
        async with asyncio.TaskGroup() as tasks:
            works = [self._report, self._work, self._answer]
            if self._loses_network:
                works.append(self._lose_network)
            if self._leaves:
                works.append(self._end_shifts)
            working = [tasks.create_task(work()) for work in works]
            # Nobody opens two hundred sockets in the same instant.
            await asyncio.sleep(self._rng.uniform(0, min(3.0, self._habits.interval_s)))
            await self.app.run()
            for task in working:
                task.cancel()

    def motion(self) -> Motion:
        return self._trajectory.at(time.monotonic() - self._since) if self._trajectory else self._parked

    # ------------------------------------------------------------------------------------------- the phone

    async def _report(self) -> None:
        interval = self._habits.interval_s
        due = time.monotonic() + self._rng.uniform(0, interval)
        while True:
            await asyncio.sleep(due - time.monotonic())
            due = max(due + interval, time.monotonic())
            self.app.record(Location(**self._gps.read(self.motion(), interval)._asdict(), ts=self._now_ms()))

    async def _lose_network(self) -> None:
        """Drives through a tunnel now and then."""
        while True:
            await asyncio.sleep(self._rng.uniform(*NETWORK_S))
            await self.app.lose_network(self._rng.uniform(*NO_NETWORK_S))

    def _now_ms(self) -> int:
        """By the phone's clock."""
        return time.time_ns() // 1_000_000 + round(self._clock_s * 1000)

    # -------------------------------------------------------------------------------------------- the work

    async def _end_shifts(self) -> None:
        """Ends the shift whatever is on hand; what nobody takes over is brought all the same. With food on board
        there is no next one: whoever takes it over comes to where it is.
        """
        while True:
            await asyncio.sleep(self._rng.uniform(*SHIFT_S))
            has_food = self._has_food()
            self.app.work(False)
            if has_food:
                return
            await asyncio.sleep(self._rng.uniform(*OFF_SHIFT_S))
            self.app.work(True)

    async def _work(self) -> None:
        while True:
            stop = self._next_stop()
            if stop is None:
                await self._wait_for_orders()
            elif self._place is None or not _is_same(self._place, _place_of(stop)):
                await self._drive_to(_place_of(stop), partial(self._is_next, stop))
            elif stop.kind in ("pickup", "transfer"):
                await self._pick_up(stop)
            else:
                await self._hand_over(stop)

    async def _wait_for_orders(self) -> None:
        self._stand(None)
        waited = await self._wait(
            self._rng.uniform(*self._habits.parked_s), lambda: self._next_stop() is None
        )
        if waited and self.app.works:
            spot = await self._roads.spot(self._rng.choice(self._haunts), HAUNT_M)
            await self._drive_to(spot.point, lambda: self._next_stop() is None)
            for stop in self._stops():
                if stop.kind == "dropoff" and stop.stop_id in self._forgotten:
                    await self._press(stop, "delivered")  # parked, it looks at its list

    async def _pick_up(self, stop: PlanStop) -> None:
        """Waits for the food, then presses the button, or drives off without."""
        mishaps = self._habits.mishaps
        least = Random(stop.stop_id.int).uniform(*self._habits.counter_s) - (time.monotonic() - self._since)
        closed = stop.kind == "pickup" and befalls(mishaps.closed, "closed", stop.stop_id)
        food = 0.0
        if stop.ready_at is not None and not closed:
            late_s = how_long(LATE_S, "late", stop.order_id)
            late = befalls(mishaps.late_kitchen, "late", stop.order_id)
            food = stop.ready_at / 1000 + (late_s if late else 0.0) - time.time()
        if not await self._wait(max(least, food), partial(self._is_next, stop)):
            return
        if closed:
            await self._press(stop, "failed", "closed")
            return
        if self._rng.random() < self._habits.forgets:
            self._forgotten.add(stop.stop_id)
        else:
            await self._press(stop, "picked_up")

    async def _hand_over(self, stop: PlanStop) -> None:
        least = Random(stop.stop_id.int).uniform(*self._habits.door_s) - (time.monotonic() - self._since)
        if not await self._wait(least, partial(self._is_next, stop)):
            return
        for other in self._stops():
            if other.order_id == stop.order_id and other.kind in ("pickup", "transfer"):
                await self._press(other, "picked_up")  # remembered at the very last moment
        if stop.kind == "dropoff" and befalls(self._habits.mishaps.nobody_home, "nobody home", stop.stop_id):
            await self._press(stop, "failed", "nobody_home")
        elif self._rng.random() < self._habits.forgets:
            self._forgotten.add(stop.stop_id)
        else:
            await self._press(stop, "returned" if stop.kind == "return" else "delivered")

    async def _answer(self) -> None:
        """Asked about a door that it left, it presses the button that it forgot."""
        while True:
            asked = self._question()
            if asked is None:
                await self._wait(LOOK_S, lambda: self._question() is None)
            elif await self._wait(self._rng.uniform(*self._habits.answer_s), partial(self._lists, asked)):
                await self._press(asked, "delivered")

    def _question(self) -> PlanStop | None:
        for stop in self._stops():
            if stop.left_at is not None and stop.stop_id in self._forgotten:
                return stop
        return None

    async def _press(self, stop: PlanStop, status: str, reason: str | None = None) -> None:
        """Presses a button until the plan shows that it worked; without a network it goes on to the next stop."""
        pressed_at = self._now_ms()
        while self._lists(stop):
            self.app.press(stop.order_id, status, pressed_at, reason)
            if not self.app.has_network:
                self._forgotten.add(stop.stop_id)
                return
            await self._wait(AGAIN_S, partial(self._lists, stop))

    # -------------------------------------------------------------------------------------------- the plan

    def _stops(self) -> Sequence[PlanStop]:
        return [stop for stop in self.app.plan.stops if stop.lat is not None] if self.app.plan else []

    def _next_stop(self) -> PlanStop | None:
        for stop in self._stops():
            if stop.stop_id not in self._forgotten:
                return stop
        return None

    def _has_food(self) -> bool:
        stops = self._stops()
        to_fetch = {stop.order_id for stop in stops if stop.kind in ("pickup", "transfer")}
        return any(stop.kind == "dropoff" and stop.order_id not in to_fetch for stop in stops)

    def _is_next(self, stop: PlanStop) -> bool:
        following = self._next_stop()
        return (
            following is not None
            and following.stop_id == stop.stop_id
            and _is_same(_place_of(following), _place_of(stop))
        )

    def _lists(self, stop: PlanStop) -> bool:
        return any(other.stop_id == stop.stop_id for other in self._stops())

    async def _wait(self, seconds: float, wanted: Callable[[], bool]) -> bool:
        """Waits as long as `wanted`; False where it ended before the time was over."""
        deadline = time.monotonic() + seconds
        while wanted():
            left = deadline - time.monotonic()
            if left <= 0:
                return True
            self.app.changed.clear()
            try:
                async with asyncio.timeout(left):
                    await self.app.changed.wait()
            except TimeoutError:
                return wanted()
        return False

    # ----------------------------------------------------------------------------------------- the driving

    async def _drive_to(self, place: Point, wanted: Callable[[], bool]) -> None:
        """Drives there while it is `wanted`; what comes instead starts from where the driver is by then."""
        road = await self._roads.route(self.motion().point, place)
        if not wanted():
            return
        now = self.motion()
        seconds = [leg_s * self._slower for leg_s in road.seconds]
        self._trajectory = Trajectory(road.line, seconds, self._rng, speed=now.speed)
        self._since = time.monotonic()
        self._place = None
        if await self._wait(self._trajectory.duration, wanted):
            self._stand(place)

    def _stand(self, place: Point | None) -> None:
        self._parked = self.motion()._replace(speed=0.0)
        self._trajectory = None
        self._place = place
        self._since = time.monotonic()


def _is_same(a: Point, b: Point) -> bool:
    """Who waits to be met is where a GPS says, which is somewhere else each time."""
    return distance_m(a, b) <= MET_M


def _place_of(stop: PlanStop) -> Point:
    assert stop.lat is not None  # noqa: S101 (stops without a position are left out of the plan)
    assert stop.lng is not None  # noqa: S101
    return Point(stop.lat, stop.lng)
