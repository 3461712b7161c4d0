"""What a simulated driver does with the plan it is shown. The stops lie where it stands, or a short drive away."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace as replace_habits
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from delivery.devtools.simulation.app import App
from delivery.devtools.simulation.driver import Habits, SimulatedDriver
from delivery.devtools.simulation.gps import STANDING_MPS
from delivery.devtools.simulation.mishaps import CLOCKS_S, Mishaps
from delivery.devtools.simulation.outages import Outages
from delivery.devtools.simulation.roads import Roads
from delivery.devtools.simulation.trajectory import Trajectory
from routing.geo import Point, destination, distance_m
from routing.osrm import osrm_from_settings
from tracking.protocol.messages import Location, Plan, PlanStop

pytestmark = pytest.mark.usefixtures("servers")

PATIENCE_S = 15.0
HERE = Point(39.7495, -104.9865)
DOWNTOWN = Point(39.7455, -104.9948)
DRIVER = uuid4()
QUICK = Habits(interval_s=0.05, forgets=0.0, counter_s=(0.1, 0.1), door_s=(0.1, 0.1), parked_s=(60.0, 60.0))


class Phone(App):
    """An app without a network: the test shows it plans, and sees what the driver does."""

    def __init__(self) -> None:
        super().__init__("", "", None, outages=Outages(), rng=Random(1))
        self.pressed: list[tuple[UUID, str, float]] = []
        self.reasons: list[str] = []
        self.shifts: list[bool] = []
        self.fixes: list[Location] = []
        self.news = asyncio.Condition()

    async def run(self) -> None:
        await asyncio.Event().wait()

    def record(self, fix: Location) -> None:
        self.fixes.append(fix)

    def press(self, order_id: UUID, status: str, ts: int, reason: str | None = None) -> bool:
        self.pressed.append((order_id, status, time.monotonic()))
        if reason:
            self.reasons.append(reason)
        self._something_to_send.set()
        return True

    def work(self, on: bool) -> None:
        super().work(on)
        self.shifts.append(on)

    def show(self, *stops: PlanStop) -> None:
        version = self.plan.v + 1 if self.plan else 1
        self.plan = Plan(driver_id=DRIVER, v=version, status="", on_shift=True, stops=list(stops))
        self.changed.set()

    async def next_press(self) -> tuple[UUID, str]:
        """Waits until one button more was pressed than when this was called last."""
        async with asyncio.timeout(PATIENCE_S):
            await self._something_to_send.wait()
        self._something_to_send.clear()
        return self.pressed[-1][:2]


def stop(order: UUID, kind: str, place: Point = HERE, **fields: Any) -> PlanStop:
    return PlanStop(
        stop_id=uuid4(), order_id=order, kind=kind, lat=place.lat, lng=place.lng, name="", address="",
        order_status="", **fields,
    )  # fmt: skip


@asynccontextmanager
async def driving(habits: Habits = QUICK) -> AsyncIterator[tuple[SimulatedDriver, Phone]]:
    phone = Phone()
    rng = Random(1)
    driver = SimulatedDriver(phone, Roads(Outages(), rng), HERE, [HERE], habits, rng)
    task = asyncio.create_task(driver.run())
    try:
        yield driver, phone
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_it_picks_up_and_hands_over_in_the_plans_order():
    order = uuid4()
    pickup, dropoff = stop(order, "pickup"), stop(order, "dropoff")
    async with driving() as (_, phone):
        phone.show(pickup, dropoff)
        assert await phone.next_press() == (order, "picked_up")
        phone.show(dropoff)
        assert await phone.next_press() == (order, "delivered")
        phone.show()
    assert len(phone.pressed) == 2


async def test_it_waits_for_the_food():
    order = uuid4()
    ready_at = time.time_ns() // 1_000_000 + 600
    async with driving() as (_, phone):
        began = time.monotonic()
        phone.show(stop(order, "pickup", ready_at=ready_at), stop(order, "dropoff"))
        await phone.next_press()
        assert phone.pressed[0][2] - began > 0.5


async def test_it_leaves_an_order_that_is_taken_away():
    taken, left = uuid4(), uuid4()
    later = time.time_ns() // 1_000_000 + 60_000
    async with driving() as (_, phone):
        phone.show(stop(taken, "pickup", ready_at=later), stop(taken, "dropoff"))
        phone.show(stop(left, "pickup"), stop(left, "dropoff"))
        assert await phone.next_press() == (left, "picked_up")
    assert [order for order, *_ in phone.pressed] == [left]


FORGETFUL = Habits(
    interval_s=0.05, forgets=1.0, counter_s=(0, 0), door_s=(0.1, 0.1), parked_s=(60, 60), answer_s=(0.1, 0.1)
)


async def test_a_forgotten_pickup_is_remembered_at_the_door():
    order = uuid4()
    async with driving(FORGETFUL) as (_, phone):
        phone.show(stop(order, "pickup"), stop(order, "dropoff"))
        assert await phone.next_press() == (order, "picked_up")


async def test_asked_about_a_door_that_it_left_it_presses_the_button_that_it_forgot():
    order, other = uuid4(), uuid4()
    dropoff = stop(order, "dropoff")
    async with driving(FORGETFUL) as (driver, phone):
        phone.show(dropoff, stop(other, "dropoff", DOWNTOWN))
        await until(lambda: dropoff.stop_id in driver._forgotten)
        await until(lambda: driver.motion().speed > 3)  # it went on, and said nothing
        assert not phone.pressed
        phone.show(replace(dropoff, left_at=1), stop(other, "dropoff", DOWNTOWN))
        assert await phone.next_press() == (order, "delivered")
        phone.show()


async def test_a_door_that_it_did_not_forget_needs_no_answer():
    """It was asked while it was about to press, say; or stands there again."""
    order = uuid4()
    async with driving(replace_habits(FORGETFUL, forgets=0.0)) as (_, phone):
        phone.show(stop(order, "dropoff", left_at=1))
        assert await phone.next_press() == (order, "delivered")
        phone.show()
    assert len(phone.pressed) == 1


async def test_where_nobody_asks_it_remembers_once_it_is_parked(monkeypatch):
    monkeypatch.setattr("delivery.devtools.simulation.driver.HAUNT_M", (0.0, 0.0))  # parked where it stands
    order = uuid4()
    async with driving(replace_habits(FORGETFUL, parked_s=(0.1, 0.1))) as (_, phone):
        dropoff = stop(order, "dropoff")
        phone.show(dropoff)
        assert await phone.next_press() == (order, "delivered")
        phone.show()


async def test_an_undone_pickup_is_driven_to_again():
    """The pickup is another stop now: what was forgotten of the old one does not count."""
    order = uuid4()
    first, again = stop(order, "pickup"), stop(order, "pickup")
    async with driving(FORGETFUL) as (driver, phone):
        phone.show(first, stop(order, "dropoff", DOWNTOWN))
        await until(lambda: first.stop_id in driver._forgotten and driver.motion().speed > 3)
        phone.show(again, stop(order, "dropoff", DOWNTOWN))
        await until(lambda: driver._trajectory and distance_m(driver._trajectory.at(1e9).point, HERE) < 60)


async def test_a_forgotten_button_that_the_geofence_made_up_for_is_not_pressed():
    order = uuid4()
    pickup, dropoff = stop(order, "pickup"), stop(order, "dropoff")
    async with driving(replace_habits(FORGETFUL, door_s=(0.5, 0.5))) as (driver, phone):
        phone.show(pickup, dropoff)
        await until(lambda: pickup.stop_id in driver._forgotten)
        phone.show(dropoff)
        await until(lambda: dropoff.stop_id in driver._forgotten)
    assert not phone.pressed


async def test_before_a_closed_restaurant_it_says_so():
    order = uuid4()
    async with driving(replace_habits(QUICK, mishaps=Mishaps(closed=1.0))) as (_, phone):
        phone.show(stop(order, "pickup"), stop(order, "dropoff"))
        assert await phone.next_press() == (order, "failed")
        assert phone.reasons == ["closed"]
        phone.show()


async def test_where_nobody_is_home_it_brings_the_food_back():
    order = uuid4()
    async with driving(replace_habits(QUICK, mishaps=Mishaps(nobody_home=1.0))) as (_, phone):
        phone.show(stop(order, "dropoff"))
        assert await phone.next_press() == (order, "failed")
        assert phone.reasons == ["nobody_home"]
        phone.show(stop(order, "return"))
        assert await phone.next_press() == (order, "returned")
        phone.show()


async def test_without_a_network_it_goes_on_to_the_next_stop():
    order, other = uuid4(), uuid4()
    async with driving() as (driver, phone):
        phone._network.clear()
        phone.show(stop(order, "dropoff"), stop(other, "dropoff", DOWNTOWN))
        assert await phone.next_press() == (order, "delivered")
        await until(lambda: driver.motion().speed > 3)


async def test_food_that_another_driver_has_is_picked_up_from_there():
    """Whose phone is somewhere else each time that the plan is told."""
    order = uuid4()
    transfer, dropoff = stop(order, "transfer"), stop(order, "dropoff")
    slow = replace_habits(QUICK, mishaps=Mishaps(closed=1.0), counter_s=(0.5, 0.5))
    async with driving(slow) as (driver, phone):
        phone.show(transfer, dropoff)
        await until(lambda: driver._place is not None)
        began = driver._since
        for metres in (5, 12):
            phone.show(replace(transfer, lat=destination(HERE, 0, metres).lat), dropoff)
        assert await phone.next_press() == (order, "picked_up")
        assert driver._since == began
        phone.show()


@pytest.mark.parametrize(("kinds", "works"), [(["dropoff"], False), (["pickup", "dropoff"], True)])
async def test_who_ends_the_shift_with_food_on_board_begins_no_other_one(monkeypatch, kinds, works):
    monkeypatch.setattr("delivery.devtools.simulation.driver.SHIFT_S", (0.1, 0.1))
    monkeypatch.setattr("delivery.devtools.simulation.driver.OFF_SHIFT_S", (0.1, 0.1))
    order = uuid4()
    slow = replace_habits(QUICK, mishaps=Mishaps(leaves=1.0), counter_s=(60.0, 60.0), door_s=(60.0, 60.0))
    async with driving(slow) as (_, phone):
        phone.show(*(stop(order, kind) for kind in kinds))
        await until(lambda: phone.shifts)
        fixes = len(phone.fixes)
        await until(lambda: len(phone.shifts) > 1 if works else len(phone.fixes) > fixes + 20)
        assert phone.shifts[:2] == ([False, True] if works else [False])


async def test_a_phone_whose_clock_is_wrong_says_so_in_all_it_sends():
    order = uuid4()
    async with driving(replace_habits(QUICK, mishaps=Mishaps(wrong_clock=1.0))) as (driver, phone):
        phone.show(stop(order, "dropoff"))
        await phone.next_press()
        off = driver._clock_s
        assert off in CLOCKS_S
        await until(lambda: phone.fixes)
        assert abs(phone.fixes[-1].ts / 1000 - time.time() - off) < 30
        phone.show()


@pytest.fixture
def around_the_corner() -> Point:
    """A place on the road from HERE, some 12 m on."""
    line = osrm_from_settings().route([HERE, DOWNTOWN], geometry=True).line
    trajectory = Trajectory(line, [1.0] * (len(line) - 1), Random(1))
    return next(at for t in range(1000) if distance_m(line[0], at := trajectory.at(t / 5).point) > 12)


async def test_it_drives_there_on_the_road_and_tells_the_truth_about_it(around_the_corner):
    order = uuid4()
    async with driving() as (driver, phone):
        phone.show(stop(order, "dropoff", around_the_corner))
        assert await phone.next_press() == (order, "delivered")
        assert distance_m(driver.motion().point, around_the_corner) < 5
        phone.show()
    moments = [fix.ts for fix in phone.fixes]
    assert moments == sorted(moments)
    speeds = [fix.speed for fix in phone.fixes]
    assert max(speeds[0], speeds[-1]) < STANDING_MPS  # as it sets off, or comes to a halt, at the latest
    assert 3 < max(speeds) < 15
    assert all(distance_m(HERE, Point(fix.lat, fix.lng)) < 150 for fix in phone.fixes)


async def test_an_idle_driver_finds_another_place_to_wait_and_drops_it_for_an_order():
    restless = Habits(interval_s=0.05, forgets=0.0, counter_s=(0, 0), parked_s=(0.1, 0.1))
    async with driving(restless) as (driver, phone):
        await until(lambda: driver.motion().speed > 3)
        under_way = driver.motion()
        phone.show(stop(uuid4(), "pickup", DOWNTOWN))
        await until(
            lambda: driver._trajectory and distance_m(driver._trajectory.at(1e9).point, DOWNTOWN) < 30
        )
        assert distance_m(driver.motion().point, under_way.point) < 60  # it turned; it did not jump


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 (a driver tells nobody how far it got)
            await asyncio.sleep(0.01)
