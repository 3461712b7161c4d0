"""The simulation on the real parts: rows, dispatcher, customers, and the whole of it against a live server."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
import uvicorn
from channels.db import database_sync_to_async
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from delivery.asgi import application
from delivery.devtools.simulation import customers, dispatcher, fleet, platform
from delivery.devtools.simulation.driver import Habits
from delivery.devtools.simulation.evening import open_among, verdict
from delivery.devtools.simulation.outages import Database, Outages
from delivery.devtools.simulation.run import NoRestaurants, Options, TakenOver, simulate
from dispatch import api_keys
from dispatch.errors import InConflict
from dispatch.models import ApiKey, City, Conflict, Driver, Order, OrderEvent, Restaurant, Stop
from dispatch.orders import actions, buttons
from routing.geo import distance_m

PATIENCE_S = 15.0


# ------------------------------------------------------------------------------------------------- the rows


def test_drivers_are_hired_once_and_get_new_tokens(city, restaurant):
    first = fleet.recruit({city.pk: 3}, Random(1))
    second = fleet.recruit({city.pk: 3}, Random(1))
    assert Driver.objects.filter(simulated=True, city=city).count() == 3
    assert {each.driver for each in first} == {each.driver for each in second}
    assert {each.token for each in first}.isdisjoint(each.token for each in second)
    digests = {Driver.digest(each.token) for each in second}
    assert digests == set(Driver.objects.values_list("token_digest", flat=True))


def test_those_with_orders_stay_and_the_ones_too_many_go_home(city, new_order):
    hired = [each.driver for each in fleet.recruit({city.pk: 3}, Random(1))]
    for driver in hired:
        actions.set_shift(driver, True)
    kept, dropped = new_order(), new_order()
    actions.assign(kept.pk, hired[2], actor=actions.SYSTEM)
    assert [each.driver for each in fleet.recruit({city.pk: 1}, Random(1))] == [hired[2]]
    assert set(Driver.objects.filter(on_shift=True).values_list("pk", flat=True)) == {hired[2]}

    actions.assign(dropped.pk, hired[2], actor=actions.SYSTEM)
    buttons.report(hired[2], dropped.pk, "picked_up")
    elsewhere = City.objects.create(name="Elsewhere", lat=39.7, lng=-104.9)
    fleet.recruit({elsewhere.pk: 1}, Random(1))
    assert set(Order.objects.values_list("status", flat=True)) == {"cancelled"}


def test_people_are_not_hired(city, driver):
    fleet.recruit({city.pk: 1}, Random(1))
    driver.refresh_from_db()
    assert (driver.simulated, driver.token_digest, driver.on_shift) == (False, None, True)


# ------------------------------------------------------------------------------------------- the dispatcher


def test_the_dispatcher_sees_what_it_may_give_out_and_to_whom(new_driver, new_order, restaurant, city):
    waiting = new_order()
    new_order(customer_lat=None, customer_lng=None)
    simulated, other = new_driver(simulated=True), new_driver()
    new_driver(simulated=True, on_shift=False, status="offline")
    new_driver(simulated=True, current_lat=None, current_lng=None)
    given = new_order()
    actions.assign(given.pk, simulated.pk, actor=actions.SYSTEM)

    (found,) = dispatcher.waiting_orders()
    assert (found.order, found.restaurant, found.city) == (waiting.pk, restaurant.pk, city.pk)
    (candidate,) = dispatcher.candidates()
    assert candidate == dispatcher.Candidate(simulated.pk, city.pk, simulated.point, 1, {restaurant.pk})
    assert candidate.driver != other.pk

    buttons.report(simulated.pk, given.pk, "picked_up")
    (candidate,) = dispatcher.candidates()
    assert (candidate.load, candidate.pickups) == (1, set())


def test_the_dispatcher_leaves_an_order_that_a_person_gave_away(new_driver, order):
    person, simulated = new_driver(), new_driver(simulated=True)
    actions.assign(order.pk, person.pk, actor=actions.dispatcher("dana"))
    dispatcher._assign(order.pk, simulated.pk)
    order.refresh_from_db()
    assert order.driver == person
    assert OrderEvent.objects.count() == 2


def test_what_drivers_have_who_end_their_shift_is_handed_on(new_driver, new_order):
    gone, other = new_driver(simulated=True), new_driver(simulated=True)
    order = new_order()
    actions.assign(order.pk, gone.pk, actor=actions.SYSTEM)
    assert dispatcher.stranded() == []
    actions.set_shift(gone.pk, on=False)
    assert dispatcher.stranded() == [gone.pk]
    dispatcher._hand_on(gone.pk)
    order.refresh_from_db()
    assert order.driver == other
    actions.set_shift(other.pk, on=False)
    new_driver()  # a person, who is left alone
    dispatcher._hand_on(other.pk)
    order.refresh_from_db()
    assert order.driver == other


@pytest.mark.parametrize(("meanwhile", "outcome"), [("assigned", "driver"), ("picked_up", "stands")])
def test_drivers_are_believed_where_that_is_still_possible(new_driver, order, meanwhile, outcome):
    says, other = new_driver(simulated=True), new_driver(simulated=True)
    for driver in (says, other):
        actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    long_ago = timezone.now() - timedelta(minutes=5)
    with pytest.raises(InConflict):
        buttons.report(says.pk, order.pk, "picked_up", happened_at=long_ago)
    if meanwhile == "picked_up":
        buttons.report(other.pk, order.pk, "picked_up")
    (conflict,) = dispatcher.unsettled()
    dispatcher._settle(conflict)
    assert Conflict.objects.get().outcome == outcome
    assert dispatcher.unsettled() == []


# --------------------------------------------------------------------------------------------- how it ended


def test_an_evening_in_which_all_is_well(new_order, driver):
    orders = [new_order() for _ in range(3)]
    ids = [order.pk for order in orders]
    assert open_among(ids) == 3
    for order in orders[:2]:
        actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
        buttons.report(driver.pk, order.pk, "delivered")
    actions.cancel(orders[2].pk, actor=actions.PLATFORM)
    assert open_among(ids) == 0
    found = verdict(ids)
    assert (found.wrong, found.named, found.conflicts) == ([], [], 0)
    assert found.statuses == {"delivered": 2, "cancelled": 1}
    assert str(found).startswith("3 orders: 2 delivered, 1 cancelled.\n10 steps: ")


def test_an_evening_in_which_something_is_wrong(new_order, driver):
    unplaced = new_order(customer_lat=None, customer_lng=None)
    hanging, gap, silent, leftover = (new_order() for _ in range(4))
    for order in (gap, leftover):
        actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
        buttons.report(driver.pk, order.pk, "delivered")
    gap.events.filter(to_status="assigned").delete()
    silent.events.all().delete()
    Stop.objects.filter(order=leftover, kind="dropoff").update(done_at=None)
    lost = uuid4()
    found = verdict([lost, *(order.pk for order in (unplaced, hanging, gap, silent, leftover))])
    assert found.named == [
        f"order {unplaced.pk} is pending: The delivery address has no coordinates; set them in the admin."
    ]
    assert sorted(found.wrong) == sorted(
        [
            f"order {lost} is lost.",
            f"order {hanging.pk} is pending and says nothing of why.",
            f"order {gap.pk} has a timeline with a gap.",
            f"order {silent.pk} is pending, of which its timeline knows nothing.",
            f"order {silent.pk} is pending and says nothing of why.",
            f"order {leftover.pk} is over, and a driver has 1 stops of it.",
        ]
    )


# ----------------------------------------------------------------------------------- the whole, on real parts


@asynccontextmanager
async def server(port: int) -> AsyncIterator[None]:
    """A web process of Doorstep, in this one."""
    web = uvicorn.Server(
        uvicorn.Config(
            application, host="127.0.0.1", port=port, ws="websockets-sansio", lifespan="off", log_config=None
        )
    )
    task = asyncio.create_task(web.serve())
    try:
        await eventually(lambda: web.started)
        yield
    finally:
        web.should_exit = True
        await task


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def eventually(condition: Callable[[], Any]) -> Any:
    """Polls a condition, of the database's say, until it holds."""
    look = database_sync_to_async(condition)
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await look()):  # noqa: ASYNC110 (rows tell nobody that they changed)
            await asyncio.sleep(0.05)
    return found


@asynccontextmanager
async def simulation(port: int, **options: Any) -> AsyncIterator[asyncio.Task[list[UUID]]]:
    chosen = {"drivers": 3, "orders_per_hour": 60.0, "habits": Habits(interval_s=0.2), "seed": 1} | options
    task = asyncio.create_task(simulate(Options(url=f"ws://127.0.0.1:{port}/ws?role=driver", **chosen)))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def on_the_road() -> int:
    return (
        Driver.objects.filter(simulated=True, on_shift=True, current_lat__isnull=False)
        .exclude(status="offline")
        .count()
    )


async def test_drivers_come_online_orders_are_placed_and_given_out(live_loop, restaurant):
    port = free_port()
    async with server(port), simulation(port):
        await eventually(lambda: on_the_road() == 3)
        await eventually(lambda: Order.objects.count() >= 2)
        orders = await database_sync_to_async(lambda: list(Order.objects.all()))()
        # They come as any platform's do.
        first = await database_sync_to_async(lambda: list(OrderEvent.objects.filter(from_status=None)))()
        assert all(event.actor_name.startswith(platform.NAME) for event in first)
        for order in orders:
            assert order.source == platform.NAME
            low, high = customers.demand.DOOR_M
            assert low - 60 <= distance_m(restaurant.point, order.customer_point) <= high + 60
            assert order.customer_address.split(" ", 1)[1]
            assert order.ready_at > timezone.now()
        long_ago = timezone.now() - timedelta(minutes=1)
        await database_sync_to_async(Order.objects.update)(created_at=long_ago)  # patience is over
        await eventually(
            lambda: not Order.objects.filter(status="pending", created_at__lte=long_ago).exists()
        )
        assert await eventually(lambda: OrderEvent.objects.filter(actor_name="Simulated dispatcher").exists())


async def test_an_evening_ends_when_its_orders_are_over(live_loop, restaurant):
    port = free_port()
    options = {"orders": 2, "orders_per_hour": 36_000.0, "dispatcher": False}
    async with server(port), simulation(port, **options) as running:
        await eventually(lambda: Order.objects.count() >= 2)
        await database_sync_to_async(cancel_all)()
        async with asyncio.timeout(PATIENCE_S):
            placed = await running
    found = await database_sync_to_async(verdict)(placed)
    assert found.statuses == {"cancelled": len(placed)}
    assert not found.wrong
    assert not await database_sync_to_async(ApiKey.objects.exists)()


async def test_customers_wait_for_an_api_that_is_away(live_loop, restaurant):
    port = free_port()
    async with simulation(port, dispatcher=False):
        await eventually(ApiKey.objects.exists)
        async with server(port):
            await eventually(lambda: Order.objects.count() >= 2)


def test_keys_of_runs_that_were_killed_are_cleared_away(db):
    platform._new_key()
    person, _ = api_keys.issue("Shop", ["orders:read"], cities=None)
    ApiKey.objects.update(created_at=timezone.now() - timedelta(days=2))
    new, _ = platform._new_key()
    assert set(ApiKey.objects.all()) == {person, new}


async def test_a_customer_who_thinks_better_cancels(live_loop, new_order, driver):
    port = free_port()
    early, late = [await database_sync_to_async(new_order)() for _ in range(2)]

    def pick_up() -> None:
        actions.assign(late.pk, driver.pk, actor=actions.SYSTEM)
        buttons.report(driver.pk, late.pk, "picked_up")

    await database_sync_to_async(pick_up)()
    outages, rng = Outages(), Random(1)
    database = Database(outages, rng)
    async with server(port), platform.platform(f"ws://127.0.0.1:{port}/ws", database, outages, rng) as shop:
        assert await shop.cancel(early.pk)
        assert not await shop.cancel(late.pk)
        with pytest.raises(platform.Refused, match="not_found"):
            await shop.cancel(uuid4())
        with pytest.raises(platform.Refused, match="customer_name"):
            await shop.place({"restaurant_id": str(uuid4())})


def cancel_all() -> None:
    for order in Order.objects.all():
        actions.cancel(order.pk, actor=actions.SYSTEM)


async def test_the_simulation_outlives_its_server(live_loop, restaurant):
    port = free_port()
    async with simulation(port, orders_per_hour=0.0, dispatcher=False):
        async with server(port):
            await eventually(lambda: on_the_road() == 3)
        came_back = timezone.now()
        async with server(port):
            await eventually(lambda: Driver.objects.filter(fix_at__gt=came_back).count() == 3)


async def test_a_second_simulation_takes_the_drivers_over(live_loop, restaurant):
    port = free_port()
    async with server(port), simulation(port, orders_per_hour=0.0) as first:
        await eventually(lambda: on_the_road() == 3)
        async with simulation(port, orders_per_hour=0.0) as second:
            with pytest.raises(TakenOver):
                async with asyncio.timeout(PATIENCE_S):
                    await first
            assert not second.done()


async def test_without_a_restaurant_on_the_map_there_is_nothing_to_do(live_loop, restaurant):
    def move_to_paris() -> None:
        Restaurant.objects.update(lat=48.85, lng=2.35)

    await database_sync_to_async(move_to_paris)()
    with pytest.raises(NoRestaurants):
        await simulate(Options(url="ws://127.0.0.1:1/", drivers=1, orders_per_hour=1.0))


async def test_a_database_that_was_away_is_asked_again(live_loop, caplog):
    caplog.set_level("INFO")
    database = Database(Outages(), Random(1))
    lost = iter([True, True, False])

    def count() -> int:
        if next(lost):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return Driver.objects.count()

    assert await database(count) == 0
    said = [record.getMessage() for record in caplog.records if record.name == "delivery.devtools.simulation"]
    assert len(said) == 2
    assert said[0].startswith("PostgreSQL is away, trying again until it is back: ")
    assert said[1] == "PostgreSQL is back."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--drivers", "0", "--orders-per-hour", "1"], "--drivers must be 1 or more"),
        (["--drivers", "1", "--orders-per-hour", "-1"], "--orders-per-hour must be 0 or more"),
        (["--drivers", "1", "--orders-per-hour", "1", "--interval", "0"], "--interval must be more than 0"),
        (["--drivers", "1", "--orders-per-hour", "1", "--forgets", "2"], "--forgets is a share"),
        (["--drivers", "1", "--orders-per-hour", "1", "--orders", "0"], "--orders must be 1 or more"),
        (["--drivers", "1", "--orders-per-hour", "0", "--orders", "9"], "--orders-per-hour more than 0"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(CommandError, match=message):
        call_command("simulate", *options)
