"""Several processes at the same order at the same moment: one wins, and nobody waits for ever."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest
from django.db import connection, connections, transaction

from dispatch.errors import Conflict, DispatchError, WrongStatus
from dispatch.models import Driver, Order, Stop
from dispatch.orders import actions, buttons, geofence_actions
from tests.dispatch import story
from tests.dispatch.story import DANA, EVIDENCE, at, bring_to, plan, status, stops, timeline
from tests.locks import wait_for_a_waiter

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unheard")]
PATIENCE_S = 20.0
ROUNDS = 3


def at_once(*calls: Callable[[], object]) -> list[BaseException | None]:
    """Runs each in a thread with a connection of its own, all beginning together; what each of them raised."""
    barrier = threading.Barrier(len(calls))
    raised: list[BaseException | None] = [None] * len(calls)

    def run(n: int) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(PATIENCE_S)
            calls[n]()
        except Exception as error:  # noqa: BLE001 (judged by the test)
            raised[n] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[n], daemon=True) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "somebody still waits for somebody"
    return raised


def names(raised: list[BaseException | None]) -> list[str]:
    return sorted(type(error).__name__ if error else "won" for error in raised)


# ------------------------------------------------------------------------------------- who waits for nobody


@pytest.mark.parametrize(
    "act",
    [
        lambda order, driver: actions.assign(order.pk, driver.pk, actor=DANA),
        lambda order, driver: Order.objects.filter(pk=order.pk).update(status="assigned", driver=driver),
    ],
    ids=["an action", "SQL"],
)
def test_who_names_drivers_and_orders_keeps_nobody_waiting(
    order: Order, new_driver: Callable[..., Driver], act: Callable[[Order, Driver], object]
) -> None:
    """Alerts of many are written in one transaction, in no order: to wait for each other is a deadlock."""
    drivers = [new_driver() for _ in range(2)]
    bring_to(order, drivers[0], "assigned")
    named, done = threading.Event(), threading.Event()

    def name_them() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT FROM drivers FOR KEY SHARE")
            cursor.execute("SELECT FROM orders FOR KEY SHARE")
            named.set()
            assert done.wait(PATIENCE_S)

    def act_meanwhile() -> None:
        assert named.wait(PATIENCE_S)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = 500")
            act(order, drivers[1])
        finally:
            done.set()

    assert at_once(name_them, act_meanwhile) == [None, None]
    assert Order.objects.get().driver == drivers[1]
    story.check_everything()


# ------------------------------------------------------------------------------------------- one step, twice


def close(order: Order, step: str) -> None:
    actions.close_for_driver(order.pk, step, actor=DANA, reason="the driver called")


def bring(order: Order, driver: Driver, before: str) -> None:
    if before == "picked_up by geofence":
        bring_to(order, driver, "driver_at_restaurant")
        story.leave(driver, "pickup", order)
        before = "picked_up"
    else:
        bring_to(order, driver, before)
    assert status(order) == before


STEPS: list[tuple[str, Callable[[Order, Driver], object]]] = [
    ("pending", lambda order, driver: story.assign(order, driver)),
    ("pending", lambda order, driver: actions.cancel(order.pk, actor=DANA)),
    ("assigned", lambda order, driver: actions.unassign(order.pk, actor=DANA)),
    ("assigned", lambda order, driver: story.report(driver, order, "picked_up")),
    ("driver_at_restaurant", lambda order, driver: actions.cancel(order.pk, actor=DANA)),
    ("picked_up", lambda order, driver: story.report(driver, order, "delivered")),
    ("driver_nearby", lambda order, driver: close(order, "failed")),
    ("picked_up by geofence", lambda order, driver: actions.undo_pickup(order.pk, actor=DANA)),
]


def test_of_three_who_take_the_same_step_one_wins(
    new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    for before, step in STEPS:
        order, driver = new_order(), new_driver()
        bring(order, driver, before)
        events = len(timeline(order))
        raised = at_once(*[lambda order=order, driver=driver, step=step: step(order, driver)] * 3)
        assert names(raised) == ["WrongStatus", "WrongStatus", "won"]
        assert len(timeline(order)) == events + 1
    story.check_everything()


# ------------------------------------------------------------------------------------- different steps at once


def test_cancelled_and_arrived_at_once_is_cancelled(
    new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    for _ in range(ROUNDS):
        order, driver = new_order(), new_driver()
        story.assign(order, driver)
        ids = stops(order, "pickup")
        raised = at_once(
            lambda pk=order.pk: actions.cancel(pk, actor=DANA),
            lambda pk=driver.pk, ids=ids: geofence_actions.arrive(
                pk, ids, happened_at=at(0), evidence=EVIDENCE
            ),
        )
        assert raised == [None, None]
        assert status(order) == "cancelled"
        assert timeline(order).count("driver_at_restaurant") <= 1
        assert (plan(driver), status(driver)) == ([], "idle")
    story.check_everything()


def test_picked_up_and_taken_away_at_once_is_one_of_the_two(
    new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    for _ in range(ROUNDS):
        order, driver = new_order(), new_driver()
        story.assign(order, driver)
        raised = at_once(
            lambda pk=order.pk: actions.unassign(pk, actor=DANA),
            lambda pk=order.pk, driver=driver: buttons.report(driver.pk, pk, "picked_up"),
        )
        assert (raised[0] is None) != (raised[1] is None)
        assert status(order) == ("pending" if raised[0] is None else "picked_up")
    story.check_everything()


def test_a_pickup_undone_while_the_driver_presses_a_button_is_one_of_the_two(
    new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    for _ in range(ROUNDS):
        for button in ("picked_up", "delivered"):
            order, driver = new_order(), new_driver()
            bring(order, driver, "picked_up by geofence")
            raised = at_once(
                lambda pk=order.pk: actions.undo_pickup(pk, actor=DANA),
                lambda pk=order.pk, driver=driver, button=button: buttons.report(driver.pk, pk, button),
            )
            assert {type(error) for error in raised} <= {type(None), WrongStatus}
            way = timeline(order)[3:]
            if button == "delivered":
                # Delivered in any case: there is nothing to undo any more, or what was undone is inferred.
                assert raised[1] is None
                undone = ["driver_at_restaurant", "picked_up"] if raised[0] is None else []
                assert way == ["picked_up", *undone, "delivered"]
            else:
                # Undone in any case; pressed after that, the button picks the order up, by hand.
                assert raised[0] is None
                again = ["picked_up"] if raised[1] is None else []
                assert way == ["picked_up", "driver_at_restaurant", *again]
    story.check_everything()


def test_a_pickup_undone_while_the_driver_comes_near_the_customer(
    new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    for _ in range(ROUNDS):
        order, driver = new_order(), new_driver()
        bring(order, driver, "picked_up by geofence")
        ids = stops(order, "dropoff")
        raised = at_once(
            lambda pk=order.pk: actions.undo_pickup(pk, actor=DANA),
            lambda pk=driver.pk, ids=ids: geofence_actions.arrive(
                pk, ids, happened_at=at(900), evidence=EVIDENCE
            ),
        )
        assert raised == [None, None]
        assert status(order) == "driver_at_restaurant"
        assert not Stop.objects.filter(order=order, arrived_at__isnull=False).exists()
    story.check_everything()


def test_closed_by_driver_and_dispatcher_at_once_is_one_of_the_two(
    new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    for _ in range(ROUNDS):
        order, driver = new_order(), new_driver()
        bring(order, driver, "driver_nearby")
        raised = at_once(
            lambda order=order: close(order, "failed"),
            lambda order=order, driver=driver: story.report(driver, order, "delivered"),
        )
        assert names(raised) == ["WrongStatus", "won"]
        assert status(order) == ("failed" if raised[0] is None else "delivered")
    story.check_everything()


def test_one_order_proposed_to_two_drivers_at_once_goes_to_one(
    new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    for _ in range(ROUNDS):
        order, drivers = new_order(), [new_driver(), new_driver()]
        raised = at_once(
            *[lambda o=order, d=driver: story.assign(o, d, only_pending=True) for driver in drivers]
        )
        assert sorted(error is None for error in raised) == [False, True]
        assert all(isinstance(error, WrongStatus | Conflict) for error in raised if error)
        winner, loser = drivers if raised[0] is None else drivers[::-1]
        order.refresh_from_db()
        assert order.driver_id == winner.pk
        assert (len(plan(winner)), plan(loser)) == (2, [])
        assert (status(winner), status(loser)) == ("to_restaurant", "idle")


def test_one_order_given_to_two_drivers_at_once_has_one_in_the_end(
    new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    for _ in range(ROUNDS):
        order, drivers = new_order(), [new_driver(), new_driver()]
        raised = at_once(*[lambda o=order, d=driver: story.assign(o, d) for driver in drivers])
        assert {type(error) for error in raised} <= {type(None), Conflict}
        order.refresh_from_db()
        assert {stop.driver_id for stop in Stop.objects.filter(order=order)} == {order.driver_id}
        assert timeline(order) == ["pending", *["assigned"] * raised.count(None)]
    story.check_everything()


def test_an_action_takes_no_lock_ahead_of_one_that_it_still_waits_for(
    order: Order, new_driver: Callable[..., Driver]
) -> None:
    """Drivers are locked in id order, whichever way an order goes: two actions never wait for each other."""
    drivers = sorted((new_driver(), new_driver()), key=lambda driver: driver.pk)
    for n in range(6):
        moving = threading.Thread(target=lambda to=drivers[n % 2]: at_once(lambda: story.assign(order, to)))
        with transaction.atomic():
            Driver.objects.select_for_update().get(pk=drivers[0].pk)
            moving.start()
            if n:  # the very first assignment concerns one driver only
                wait_for_a_waiter()
                Driver.objects.select_for_update(nowait=True).get(pk=drivers[1].pk)
        moving.join(PATIENCE_S)
    assert timeline(order) == ["pending", *["assigned"] * 6]


BUSY: list[Callable[[Order, Driver, list[Order]], object]] = [
    lambda order, driver, _: story.assign(order, driver),
    lambda order, driver, _: story.assign(order, driver),
    lambda order, driver, _: actions.unassign(order.pk, actor=DANA),
    lambda order, driver, orders: story.set_out(driver, *orders),
    lambda order, driver, orders: story.arrive(driver, "pickup", *orders),
    lambda order, driver, orders: story.leave(driver, "pickup", *orders),
    lambda order, driver, orders: story.arrive(driver, "dropoff", *orders),
    lambda order, driver, orders: story.leave(driver, "dropoff", *orders, seconds=900),
    lambda order, driver, _: story.report(driver, order, "picked_up"),
    lambda order, driver, _: actions.undo_pickup(order.pk, actor=DANA),
    lambda order, driver, _: actions.set_shift(driver.pk, on=False),
    lambda order, driver, _: actions.set_shift(driver.pk, on=True),
    lambda order, driver, _: actions.change_restaurant(order.restaurant),
    lambda order, driver, _: geofence_actions.mark_silent_drivers(),
]


def test_two_hundred_actions_at_once_end_in_order(
    new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    drivers, orders = [new_driver() for _ in range(3)], [new_order() for _ in range(6)]

    def work(seed: int) -> None:
        rng = Random(seed)
        for _ in range(50):
            with suppress(DispatchError):
                rng.choice(BUSY)(rng.choice(orders), rng.choice(drivers), orders)

    raised = at_once(*[lambda seed=seed: work(seed) for seed in range(4)])
    assert raised == [None] * 4
    story.check_everything()


# ----------------------------------------------------------------------------------------- two real processes

PROCESS = """
import django, json, sys, time
django.setup()
from datetime import UTC, datetime
from uuid import UUID
from dispatch.orders import actions, buttons, geofence_actions
from dispatch.errors import DispatchError
from django.db import connection
connection.ensure_connection()
print("ready", flush=True)
for line in sys.stdin:
    do = json.loads(line)
    order, driver, stop, now = UUID(do["order"]), UUID(do["driver"]), UUID(do["stop"]), datetime.now(UTC)
    steps = {
        "arrive": lambda: geofence_actions.arrive(driver, [stop], happened_at=now, evidence={}),
        "report": lambda: buttons.report(driver, order, "picked_up"),
        "cancel": lambda: actions.cancel(order, actor=actions.dispatcher("Dana"), reason="rain"),
    }
    while time.time() < do["at"]:
        pass
    try:
        steps[do["step"]]()
        print("won", flush=True)
    except DispatchError as refused:
        print(type(refused).__name__, flush=True)
"""


@pytest.fixture
def processes(db: None) -> Iterator[list[subprocess.Popen[str]]]:
    """Two that have this test's database open, and do what they are told, a line of JSON at a time."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS],
            cwd=Path(__file__).parents[3],
            env=os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "delivery.settings"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        assert [process.stdout.readline() for process in running] == ["ready\n"] * 2
        yield running
    finally:
        for process in running:
            process.stdin.close()
        for process in running:
            process.wait(PATIENCE_S)
            process.stdout.close()


def test_two_processes_that_fire_the_same_transition_make_one_event(
    processes: list[subprocess.Popen[str]], new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    for _ in range(ROUNDS):
        order, driver = new_order(), new_driver()
        story.assign(order, driver)
        about = {"order": str(order.pk), "driver": str(driver.pk), "stop": str(stops(order, "pickup")[0])}
        for step, outcomes in (
            ("arrive", ["won", "won"]),
            ("report", ["WrongStatus", "won"]),
            ("cancel", ["WrongStatus", "won"]),
        ):
            line = json.dumps(about | {"step": step, "at": time.time() + 0.02})
            for process in processes:
                process.stdin.write(line + "\n")
                process.stdin.flush()
            assert sorted(process.stdout.readline().strip() for process in processes) == outcomes
        assert timeline(order) == ["pending", "assigned", "driver_at_restaurant", "picked_up", "cancelled"]
