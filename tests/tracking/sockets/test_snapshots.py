"""Snapshot + frames = a fresh snapshot, whatever happens in between, and also when Redis loses messages."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from pytest_django import Settings

from dispatch.errors import DispatchError
from dispatch.models import City, Driver, Order, Restaurant, Stop
from dispatch.orders import actions, breaks, buttons, geofence_actions, switches
from dispatch.planning import plan_store
from dispatch.statuses import FINAL
from routing.geo import destination
from routing.problems import Problem
from tests.conftest import DENVER
from tests.dispatch import story
from tests.dispatch.story import DANA
from tests.tracking.sockets.clients import Socket, customer_socket, dispatcher_socket, driver_socket
from tracking.protocol.messages import FleetPosition
from tracking.sockets import broadcast, reconciliation
from tracking.sockets.fleet_snapshots import DispatcherSnapshot, FleetSnapshots
from tracking.sockets.outbox import MAX_EVENTS
from tracking.sockets.process import this_process

pytestmark = pytest.mark.usefixtures("live_loop")


def fold_dispatcher(frames: list[dict[str, Any]]) -> dict[Any, Any]:
    """What a dashboard knows after these frames."""
    state: dict[Any, Any] = {}
    for frame in frames:
        match frame["type"]:
            case "order" if frame["status"] in FINAL:
                state.pop(("order", frame["orderId"]), None)
            case "order" | "driver" | "restaurant" as kind:
                state[kind, frame[f"{kind}Id"]] = frame
            case "city" if frame.keys() <= {"type", "cityId"}:
                state.pop(("city", frame["cityId"]), None)
            case "city":
                state["city", frame["cityId"]] = frame
            case "plan":
                state["plan", frame["driverId"]] = frame
            case "driver_pos":
                state |= {("position", p["driverId"]): p for p in frame["drivers"]}
        if frame["type"] in ("driver", "plan"):
            of = frame["driverId"]
            ended = not state.get(("driver", of), {}).get("onShift", True)
            if ended and not state.get(("plan", of), {}).get("stops"):
                for kind in ("driver", "plan", "position"):
                    state.pop((kind, of), None)
    # One may come before its driver, or after the driver has left.
    unknown = [key for key in state if key[0] == "position" and ("driver", key[1]) not in state]
    return {key: state[key] for key in state.keys() - unknown}


TAKES_BACK = {"eta_unknown": "eta", "route_hidden": "route", "driver_hidden": "driver_pos"}


def fold_customer(frames: list[dict[str, Any]]) -> dict[str, Any]:
    """What a tracking page knows; the version only orders, it is not shown."""
    state: dict[str, Any] = {}
    for frame in frames:
        if frame["type"] in ("status", "eta", "route", "driver_pos"):
            state[frame["type"]] = {name: value for name, value in frame.items() if name != "v"}
        elif frame["type"] in TAKES_BACK:
            state.pop(TAKES_BACK[frame["type"]], None)
    return state


async def fresh(socket: Socket, fold: Callable[[list], dict]) -> dict:
    async with socket:
        await socket.frame("ready")
        return fold(socket.frames)


class Day:
    """Random things that happen to a few orders and drivers; refused ones included."""

    def __init__(self, seed: int, orders: list[Order], drivers: list[Driver]) -> None:
        self.random = random.Random(seed)
        self.orders, self.drivers = orders, drivers

    def step(self) -> None:
        chosen = self.random
        order, driver = chosen.choice(self.orders), chosen.choice(self.drivers)
        now = timezone.now()
        stops = list(Stop.objects.plans_of([driver.pk]))
        happenings: list[Callable[[], Any]] = [
            lambda: actions.assign(order.pk, driver.pk, actor=actions.SYSTEM),
            lambda: actions.assign(order.pk, driver.pk, actor=actions.SYSTEM),
            lambda: actions.unassign(order.pk, actor=actions.SYSTEM),
            lambda: geofence_actions.set_out(
                driver.pk, [s.pk for s in stops[:1]], happened_at=now, evidence={}
            ),
            lambda: geofence_actions.arrive(
                driver.pk, [s.pk for s in stops[:1]], happened_at=now, evidence={}
            ),
            lambda: buttons.report(
                driver.pk, order.pk, chosen.choice(["picked_up", "picked_up", "delivered"])
            ),
            lambda: geofence_actions.leave(
                driver.pk, [s.pk for s in stops[:1]], happened_at=now, evidence={}
            ),
            lambda: actions.undo_pickup(order.pk, actor=DANA),
            lambda: (
                actions.close_for_driver(order.pk, "failed", actor=DANA, reason="test")
                if chosen.random() < 0.3
                else None
            ),
            lambda: actions.set_shift(driver.pk, chosen.random() < 0.8),
            lambda: (breaks.begin if chosen.random() < 0.5 else breaks.end)(driver.pk),
            lambda: actions.cancel(order.pk, actor=DANA, reason="test") if chosen.random() < 0.1 else None,
            lambda: self.plan(driver, stops),
            lambda: switches.pause(order.restaurant_id, until=None),
            lambda: switches.resume(order.restaurant_id),
            lambda: switches.pause(order.restaurant.city_id, until=now + timedelta(hours=1)),
            lambda: switches.resume(order.restaurant.city_id),
        ]
        with suppress(DispatchError):
            chosen.choice(happenings)()

    def plan(self, driver: Driver, stops: list[Stop]) -> None:
        soon = timezone.now() + timedelta(minutes=self.random.randint(1, 40))
        line = [[-104.99, 39.74], [-104.98, 39.75]]
        problem = Problem.DRIVER_SILENT if self.random.random() < 0.3 else None
        planned = [
            plan_store.PlannedStop(stop.pk, soon, (9, 13), line=line, problem=problem) for stop in stops
        ]
        plan_store.store(plan_store.Plan(driver.pk, plan_store.Ahead.of(stops), planned))


async def test_what_no_button_told_is_in_frames_and_snapshots(
    new_order: Callable[..., Order], driver: Driver
) -> None:
    picked, left = [await sync_to_async(new_order)() for _ in range(2)]
    async with await dispatcher_socket() as dispatcher, await driver_socket(driver) as app:
        await dispatcher.frame("ready")
        await app.frame("ready")
        await sync_to_async(story.bring_to)(left, driver, "driver_nearby")
        await sync_to_async(story.leave)(driver, "dropoff", left, seconds=1500)
        await sync_to_async(story.bring_to)(picked, driver, "driver_at_restaurant")
        await sync_to_async(story.leave)(driver, "pickup", picked)

        def shown(frames: list[dict[str, Any]]) -> set[tuple[str, str]]:
            orders = [state for (kind, _), state in fold_dispatcher(frames).items() if kind == "order"]
            names = ("autoPickupAt", "leftDropoffAt")
            return {(order["orderId"], name) for order in orders for name in names if name in order}

        def asked(frames: list[dict[str, Any]]) -> list[str]:
            plans = [frame for frame in frames if frame["type"] == "plan"]
            return [stop["orderId"] for stop in plans[-1]["stops"] if "leftAt" in stop]

        wanted = {(str(picked.pk), "autoPickupAt"), (str(left.pk), "leftDropoffAt")}
        await dispatcher.until(lambda: shown(dispatcher.frames) == wanted)
        await app.until(lambda: asked(app.frames) == [str(left.pk)])
        assert await fresh(await dispatcher_socket(), shown) == wanted
        await sync_to_async(actions.undo_pickup)(picked.pk, actor=DANA)
        await sync_to_async(story.arrive)(driver, "dropoff", left, seconds=1600)
        await dispatcher.until(lambda: shown(dispatcher.frames) == set())
        await app.until(lambda: asked(app.frames) == [])
        assert await fresh(await dispatcher_socket(), shown) == set()


@pytest.mark.parametrize("seed", range(6))
async def test_snapshot_and_frames_make_a_fresh_snapshot(
    seed: int, new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    orders = [await sync_to_async(new_order)(customer_lat=39.75 + n / 1000) for n in range(4)]
    drivers = [await sync_to_async(new_driver)() for _ in range(2)]
    day = Day(seed, orders, drivers)
    for _ in range(5):
        await sync_to_async(day.step)()
    async with await dispatcher_socket() as dispatcher, customer_socket(orders[0].tracking_token) as customer:
        await dispatcher.frame("ready")
        await customer.frame("ready")
        for _ in range(40):
            await sync_to_async(day.step)()
        wanted = await fresh(await dispatcher_socket(), fold_dispatcher)
        await dispatcher.until(lambda: fold_dispatcher(dispatcher.frames) == wanted)
        seen = await fresh(customer_socket(orders[0].tracking_token), fold_customer)
        await customer.until(lambda: fold_customer(customer.frames) == seen)


@pytest.mark.parametrize("seed", range(3))
def test_what_dispatchers_share_is_what_each_would_read(
    seed: int, new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    day = Day(seed, [new_order() for _ in range(4)], [new_driver() for _ in range(2)])
    shared = FleetSnapshots()
    for _ in range(30):
        day.step()
        assert shared.load([None]) == FleetSnapshots().load([None])


def shown_by(shared: FleetSnapshots) -> dict[str | None, str]:
    return {key: frame for key, _, frame in shared.load([None])[None].items}


def test_only_what_has_changed_is_worked_out_again(new_order: Callable[..., Order], driver: Driver) -> None:
    changed, other = new_order(), new_order()
    shared = FleetSnapshots()
    before = shown_by(shared)
    Order.objects.filter(pk=changed.pk).update(customer_name="Changed in psql")
    after = shown_by(shared)
    assert "Changed in psql" in after[f"order:{changed.pk}"]
    for key in (f"order:{other.pk}", f"driver:{driver.pk}", f"plan:{driver.pk}"):
        assert after[key] is before[key]


@pytest.mark.parametrize(
    ("change", "shows"),
    [
        (lambda order: Restaurant.objects.update(name="Renamed"), ["restaurant", "plan"]),
        (lambda order: City.objects.update(assignment="auto"), ["order"]),
        (lambda order: Order.objects.filter(pk=order.pk).update(customer_name="Eve"), ["order", "plan"]),
        (lambda order: Order.objects.filter(pk=order.pk).delete(), ["order", "plan"]),
    ],
    ids=["restaurant", "city", "order in a plan", "order deleted"],
)
def test_what_has_no_version_of_its_own_is_shared_as_it_is_now(
    change: Callable[[Order], object],
    shows: list[str],
    order: Order,
    driver: Driver,
    new_order: Callable[..., Order],
) -> None:
    actions.assign(order.pk, driver.pk, actor=DANA)
    Order.objects.filter(pk=new_order().pk).update(problem=Problem.NO_DRIVER)
    shared = FleetSnapshots()
    before = shown_by(shared)
    change(order)
    after = shown_by(shared)
    assert after == shown_by(FleetSnapshots())
    for kind in shows:
        keys = {key for key in before.keys() | after.keys() if key is not None and key.startswith(kind)}
        assert any(before.get(key) != after.get(key) for key in keys)


def test_that_a_pickup_can_be_undone_ends_by_itself(order: Order, driver: Driver, settings: Settings) -> None:
    story.bring_to(order, driver, "driver_at_restaurant")
    story.leave(driver, "pickup", order)
    shared = FleetSnapshots()
    assert "autoPickupAt" in shown_by(shared)[f"order:{order.pk}"]
    settings.UNDO_PICKUP_S = -1
    assert "autoPickupAt" not in shown_by(shared)[f"order:{order.pk}"]


async def test_drivers_off_shift_are_shown_as_long_as_they_have_stops(
    new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    on, off, carrying = [await sync_to_async(new_driver)() for _ in range(3)]
    order = await sync_to_async(new_order)()
    await sync_to_async(actions.assign)(order.pk, carrying.pk, actor=DANA)
    places = {one.pk: FleetPosition(str(one.pk), 39.75, -104.99, 1) for one in (on, off, carrying)}
    await this_process().positions.store({str(on.city_id): places})
    async with await dispatcher_socket() as dispatcher:
        await dispatcher.frame("ready")
        for one in (off, carrying):
            await sync_to_async(actions.set_shift)(one.pk, False)
        for one in (off, carrying):
            await dispatcher.frame("driver", driverId=str(one.pk), onShift=False)
        at_work = {(kind, str(one.pk)) for kind in ("driver", "plan", "position") for one in (on, carrying)}
        assert {key for key in fold_dispatcher(dispatcher.frames) if key[1] != str(order.pk)} >= at_work
        assert str(off.pk) not in {key[1] for key in fold_dispatcher(dispatcher.frames)}
        async with await dispatcher_socket() as later:
            await later.frame("ready")
            # Reconciliation may tell of what changed lately; who has left is not shown for that.
            assert str(off.pk) not in {key[1] for key in fold_dispatcher(later.frames)}
            assert fold_dispatcher(later.frames) == fold_dispatcher(dispatcher.frames)


async def test_the_position_in_a_snapshot_is_the_one_in_the_frames(driver: Driver, order: Order) -> None:
    async with await dispatcher_socket() as dispatcher, await driver_socket(driver) as app:
        await dispatcher.frame("ready")
        for seq in range(3):
            at = destination(DENVER, 270, 700 - seq)
            await app.send({"type": "location", "lat": at.lat, "lng": at.lng, "seq": seq, "speed": 3.5})
        await app.frame("ack", seq=2)
        wanted = await fresh(await dispatcher_socket(), fold_dispatcher)
        assert ("position", str(driver.pk)) in wanted
        await dispatcher.until(lambda: fold_dispatcher(dispatcher.frames) == wanted)


async def test_what_the_channel_layer_lost_is_healed(
    driver: Driver, order: Order, restaurant: Restaurant
) -> None:
    async with (
        await dispatcher_socket() as dispatcher,
        customer_socket(order.tracking_token) as customer,
        await driver_socket(driver) as app,
    ):
        for socket in (dispatcher, customer, app):
            await socket.frame("ready")
        # As from psql, or as a transaction whose announcement got lost: the rows change, nobody is told.
        await Order.objects.filter(pk=order.pk).aupdate(status="assigned", driver=driver)
        await order.arefresh_from_db()
        await driver.arefresh_from_db()
        since = await reconciliation.reconcile(this_process().subscriptions, None)
        await customer.frame("status", status="assigned", v=order.version)
        await dispatcher.frame("order", status="assigned", v=order.version)
        await dispatcher.frame("driver", status="to_restaurant", v=driver.version)
        assert len((await app.frame("plan", v=driver.version))["stops"]) == 2
        heard = [len(socket.frames) for socket in (dispatcher, customer, app)]
        await reconciliation.reconcile(this_process().subscriptions, since)
        assert heard == [len(socket.frames) for socket in (dispatcher, customer, app)]


async def test_news_of_more_things_than_a_socket_may_have_events_waiting(city: City) -> None:
    """A round of ETAs for a thousand orders is one message."""
    things = [(f"order:{n}", 1, f'{{"type": "order", "orderId": "{n}"}}') for n in range(2 * MAX_EVENTS)]
    async with await dispatcher_socket() as dispatcher:
        await dispatcher.frame("ready")
        await broadcast.send_async([broadcast.to_city(str(city.pk), things)])
        await dispatcher.frame("order", orderId=str(len(things) - 1))
        assert dispatcher.types().count("order") == len(things)


async def test_who_waits_for_the_snapshot_is_not_healed(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = this_process()
    load, asked, go_on = process.loaders.dispatcher, asyncio.Event(), asyncio.Event()

    async def load_slowly(key: None) -> DispatcherSnapshot | None:
        asked.set()
        await go_on.wait()
        return await load(key)

    monkeypatch.setattr(process.loaders, "dispatcher", load_slowly)
    async with await dispatcher_socket() as dispatcher:
        await asked.wait()
        await reconciliation.reconcile(process.subscriptions, None)
        go_on.set()
        await dispatcher.frame("ready")
        # The snapshot, of which restaurants come first, and nothing before it.
        assert dispatcher.types()[:3] == ["hello", "restaurant", "order"]
        since = await reconciliation.reconcile(process.subscriptions, None)
        await Order.objects.filter(pk=order.pk).aupdate(customer_name="Changed in psql")
        await reconciliation.reconcile(process.subscriptions, since)
        await dispatcher.frame("order", customerName="Changed in psql")


async def test_a_socket_that_ended_leaves_nothing_behind(driver: Driver, order: Order) -> None:
    async with (
        await dispatcher_socket() as a,
        customer_socket(order.tracking_token) as b,
        await driver_socket(driver) as c,
    ):
        for socket in (a, b, c):
            await socket.frame("ready")
        assert this_process().subscriptions
        assert len(this_process().sockets) == 3
    assert not this_process().subscriptions
    assert not this_process().sockets
