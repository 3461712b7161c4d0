"""From a change to a message that was taken: once each, in order, whoever changed it, nothing of what was undone."""

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from dispatch import tasks
from dispatch.errors import Conflict
from dispatch.models import Driver, Order, OutboxEntry, OutboxEvent, OutboxReceiver
from dispatch.orders import actions, buttons
from dispatch.outbox import backoff, claims, entries, registry
from dispatch.outbox.delivery import Senders, senders
from dispatch.outbox.fan_out import BATCH, fan_out
from dispatch.outbox.registry import Answer, Pointless, Refused, TryLater
from tests.dispatch.outbox.conftest import Gateway, entry
from tests.dispatch.story import assign
from tests.waiting import wait_until

type Work = Callable[[], None]

STEPS = ["order.created", "order.assigned", "order.picked_up", "order.delivered"]


def deliver(order: Order, driver: Driver) -> None:
    assign(order, driver)
    buttons.report(driver.pk, order.pk, "picked_up")
    buttons.report(driver.pk, order.pk, "delivered")


def test_each_step_is_told_once_and_in_order(
    gateway: Gateway, work: Work, new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    orders = [new_order() for _ in range(5)]
    for order in orders:
        deliver(order, new_driver())
    work()
    for order in orders:
        assert [one.event for one in gateway.got if one.order_id == order.pk] == STEPS
    assert len({one.message_id for one in gateway.got}) == len(gateway.got) == len(orders) * len(STEPS)
    assert not OutboxEvent.objects.exists()
    assert set(OutboxEntry.objects.values_list("state", "answer", "answer_code")) == {("sent", "taken", 200)}
    work()
    assert len(gateway.got) == len(orders) * len(STEPS)


def test_a_change_by_plain_sql_is_told_too(
    gateway: Gateway, work: Work, order: Order, driver: Driver
) -> None:
    assign(order, driver)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders SET status = 'delivered' WHERE id = %s", [order.pk])
    work()
    assert gateway.events() == ["order.created", "order.assigned", "order.delivered"]


def test_of_orders_that_come_finished_nobody_is_told(gateway: Gateway, work: Work, order: Order) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders (restaurant_id, status) VALUES (%s, 'cancelled')", [order.restaurant_id]
        )
    work()
    assert gateway.events() == ["order.created"]


def test_what_is_rolled_back_leaves_nothing(
    gateway: Gateway, work: Work, order: Order, driver: Driver
) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        assign(order, driver)
        assert OutboxEvent.objects.filter(kind="order.assigned").exists()
        raise RuntimeError
    work()
    assert gateway.events() == ["order.created"]


@pytest.mark.parametrize("by", ["action", "sql"])
def test_shifts_are_events(gateway: Gateway, new_driver: Callable[..., Driver], by: str) -> None:
    driver = new_driver(on_shift=False, status="offline")
    for on in (True, False):
        if by == "action":
            actions.set_shift(driver.pk, on)
        else:
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE drivers SET on_shift = %s, status = 'offline' WHERE id = %s", [on, driver.pk]
                )
    # Who is at work by their status is on shift.
    with connection.cursor() as cursor:
        cursor.execute("UPDATE drivers SET status = 'idle' WHERE id = %s", [driver.pk])
    told = OutboxEvent.objects.filter(kind="driver.shift", driver=driver)
    assert [event.data["on_shift"] for event in told] == [True, False, True]


def test_a_consumer_that_fails_keeps_nobody_else_from_being_told(
    gateway: Gateway, work: Work, order: Order, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(event: OutboxEvent) -> list[OutboxEntry]:
        raise RuntimeError("broken")

    registry.register_consumer("a broken one", broken, wants=lambda _: True)
    work()
    assert gateway.events() == ["order.created"]
    [record] = [one for one in caplog.records if "a broken one" in one.getMessage()]
    assert record.levelname == "ERROR"
    caplog.clear()


def test_more_than_one_batch(gateway: Gateway, order: Order) -> None:
    OutboxEvent.objects.bulk_create(
        OutboxEvent(kind="order.noted", order=order, data={"n": n}) for n in range(2 * BATCH)
    )
    assert fan_out() == BATCH
    tasks.send_outbox()
    assert OutboxEntry.objects.count() == 2 * BATCH + 1


def test_two_at_once_make_each_entry_once(gateway: Gateway, order: Order) -> None:
    OutboxEvent.objects.bulk_create(OutboxEvent(kind="order.noted", order=order) for _ in range(2 * BATCH))
    together = Barrier(2, timeout=30)

    def run() -> None:
        together.wait()
        while fan_out():
            pass
        connection.close()

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while fan_out():
        pass
    assert OutboxEntry.objects.count() == 2 * BATCH + 1


# ------------------------------------------------------------------------------------------------- sending


def test_two_workers_never_have_one_entry(gateway: Gateway) -> None:
    for _ in range(40):
        entry(lane=str(uuid4()))
    together = Barrier(8, timeout=30)
    claimed: list[int] = []

    def run() -> None:
        together.wait()
        while (one := claims.claim("first")) is not None:
            claimed.append(one.pk)
            claims.sent(one, Answer())
        connection.close()

    threads = [Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while (one := claims.claim("first")) is not None:
        claimed.append(one.pk)
        claims.sent(one, Answer())
    assert len(claimed) == len(set(claimed)) == 40


def test_a_receiver_gets_a_few_at_a_time_and_an_order_one(gateway: Gateway, db: None) -> None:
    lane = str(uuid4())
    first, second = entry(lane=lane), entry(lane=lane)
    others = [entry(lane=str(uuid4())) for _ in range(claims.PER_RECEIVER)]
    taken = [claims.claim("first") for _ in range(claims.PER_RECEIVER)]
    assert [one.pk for one in taken if one] == [first.pk, *(one.pk for one in others[:-1])]
    assert claims.claim("first") is None
    assert taken[0]
    claims.sent(taken[0], Answer())
    later = claims.claim("first")
    assert later
    assert later.pk == second.pk


def test_who_hangs_keeps_nobody_waiting(
    gateway: Gateway, new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    gateway.receivers, gateway.hangs = ["first", "second"], {"second"}
    orders = [new_order() for _ in range(10)]
    for order in orders:
        deliver(order, new_driver())
    tasks.send_outbox()
    wait_until(lambda: len(gateway.events()) == 40, "the others are told")
    assert gateway.events("second") == []
    assert gateway.under_way["second"] == claims.PER_RECEIVER
    gateway.hung_up.set()
    wait_until(lambda: len(gateway.events("second")) == 40, "who hung is told")
    assert gateway.most_under_way["second"] <= claims.PER_RECEIVER


def test_a_worker_that_is_killed_leaves_it_to_be_sent_again_under_the_same_id(
    gateway: Gateway, work: Work, order: Order
) -> None:
    """Killed between the answer and the note of it: as if this process had been."""
    fan_out()
    lost = claims.claim("first")
    assert lost
    gateway.send(lost)
    work()
    assert len(gateway.got) == 1
    OutboxEntry.objects.update(leased_until=Now())
    work()
    assert [one.message_id for one in gateway.got] == [lost.message_id] * 2
    assert OutboxEntry.objects.get().state == "sent"


def test_a_try_that_takes_long_is_nobody_elses(
    gateway: Gateway, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "RENEW_S", 0.05)
    gateway.hangs = {"first"}
    tasks.send_outbox()
    wait_until(lambda: gateway.under_way.get("first") == 1, "it is being sent")
    OutboxEntry.objects.update(leased_until=Now())
    wait_until(lambda: OutboxEntry.objects.filter(leased_until__gt=Now()).exists(), "it is kept")
    assert claims.claim("first") is None
    gateway.hung_up.set()
    assert senders.wait(30)
    assert len(gateway.got) == 1


def test_what_comes_too_late_from_a_worker_that_stood_still_changes_nothing(
    gateway: Gateway, work: Work, order: Order, caplog: pytest.LogCaptureFixture
) -> None:
    fan_out()
    lost = claims.claim("first")
    assert lost
    OutboxEntry.objects.update(leased_until=Now())
    work()
    claims.put_off(lost, TryLater("too late"))
    claims.refused(lost, Answer("too late"))
    [row] = OutboxEntry.objects.all()
    assert (row.state, row.answer) == ("sent", "taken")
    assert OutboxReceiver.objects.get().failures == 0


# ---------------------------------------------------------------------------------------------- what fails


def test_what_is_not_taken_is_tried_again_behind_its_order_nothing_is(
    gateway: Gateway, work: Work, order: Order, driver: Driver
) -> None:
    deliver(order, driver)
    gateway.answers["first"] = lambda: TryLater("busy", code=503)
    work()
    assert [one.event for one in gateway.tried] == ["order.created"]
    head = OutboxEntry.objects.earliest("pk")
    assert (head.state, head.tries, head.answer_code, head.answer) == ("waiting", 1, 503, "busy")
    del gateway.answers["first"]
    OutboxEntry.objects.update(due_at=Now())
    work()
    assert gateway.events() == STEPS


def test_what_there_is_no_point_in_is_dropped_and_says_nothing_of_the_receiver(
    gateway: Gateway, work: Work, order: Order
) -> None:
    gateway.answers["first"] = lambda: TryLater("busy")
    work()
    gateway.answers["first"] = lambda: Pointless("The order has moved on.")
    OutboxEntry.objects.update(due_at=Now())
    work()
    dropped = OutboxEntry.objects.get()
    assert (dropped.state, dropped.answer) == ("dropped", "The order has moved on.")
    assert OutboxReceiver.objects.get().failures == 1


def test_what_is_refused_is_a_dead_letter_at_once_until_staff_send_it_again(
    gateway: Gateway, work: Work, order: Order, driver: Driver
) -> None:
    assign(order, driver)
    refusals = iter([Refused("no such number", code=404)])
    gateway.answers["first"] = lambda: next(refusals)
    fan_out()
    first = OutboxEntry.objects.earliest("pk")
    claimed = claims.claim("first")
    assert claimed
    claims.refused(claimed, Refused("no such number", code=404).answer)
    del gateway.answers["first"]
    work()
    first.refresh_from_db()
    assert (first.state, first.answer_code, first.answer) == ("dead", 404, "no such number")
    assert gateway.events() == ["order.assigned"]
    assert OutboxReceiver.objects.get().failures == 0
    entries.resend(first.pk)
    work()
    assert gateway.got[-1].message_id == first.message_id
    with pytest.raises(Conflict):
        entries.resend(entry(due_at=timezone.now() + timedelta(hours=1)).pk)


def test_a_sender_that_breaks_is_told_of_and_tried_again(
    gateway: Gateway, work: Work, order: Order, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.answers["first"] = lambda: RuntimeError("a bug of ours")
    work()
    assert OutboxEntry.objects.get().state == "waiting"
    [record] = [one for one in caplog.records if one.levelname == "ERROR"]
    assert str(OutboxEntry.objects.get().message_id) in record.getMessage()
    caplog.clear()


def test_a_receiver_that_is_away_is_probed_with_one_entry_and_hears_all_when_it_is_back(
    gateway: Gateway, work: Work, new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    """Away for 24 hours: whatever was set for a moment is moved back by so much, as if that time had passed."""
    orders = [new_order() for _ in range(6)]
    for order in orders:
        deliver(order, new_driver())
    gateway.answers["first"] = lambda: TryLater("nobody answers")
    for _ in range(backoff.AWAY_AFTER):
        work()
        OutboxEntry.objects.filter(tries__gt=0).update(due_at=Now())
    work()
    away = OutboxReceiver.objects.get()
    assert away.failures >= backoff.AWAY_AFTER
    hours_pass(24)
    tried = len(gateway.tried)
    work()
    assert len(gateway.tried) == tried + 1, "one probe"
    assert OutboxEntry.objects.filter(state="dead").count() == 0
    # It is back, and hears all of it as soon as the next probe is due.
    del gateway.answers["first"]
    [(wait_s,)] = seconds_until("outbox_receivers", "wait_until")
    assert wait_s <= 60
    OutboxReceiver.objects.update(wait_until=Now())
    for _ in range(2):
        work()
    for order in orders:
        assert [one.event for one in gateway.got if one.order_id == order.pk] == STEPS
    [back] = OutboxReceiver.objects.all()
    assert (back.failures, back.failing_since, back.wait_until) == (0, None, None)


def test_after_more_than_a_day_they_are_dead_letters(
    gateway: Gateway, work: Work, order: Order, driver: Driver
) -> None:
    deliver(order, driver)
    gateway.answers["first"] = lambda: TryLater("nobody answers")
    for _ in range(backoff.AWAY_AFTER):
        work()
        OutboxEntry.objects.filter(tries__gt=0).update(due_at=Now())
    hours_pass(26)
    work()
    states = OutboxEntry.objects.order_by("pk").values_list("state", "answer")
    untried = "It was not tried: the receiver was away."
    assert list(states) == [("dead", "nobody answers")] + [("dead", untried)] * 3


def test_a_receiver_says_when_it_wants_to_be_asked_again(gateway: Gateway, work: Work, order: Order) -> None:
    gateway.answers["first"] = lambda: TryLater("slow down", code=429, after_s=600)
    work()
    for table, column in (("outbox_receivers", "wait_until"), ("outbox_entries", "due_at")):
        [(wait_s,)] = seconds_until(table, column)
        assert 500 < wait_s <= 600


def test_what_is_not_due_yet_waits_and_what_is_too_late_is_dropped(
    gateway: Gateway, work: Work, new_order: Callable[..., Order]
) -> None:
    gateway.due_at = timezone.now() + timedelta(hours=8)
    gateway.expires_at = timezone.now() + timedelta(hours=9)
    new_order()
    new_order()
    work()
    assert gateway.tried == []
    OutboxEntry.objects.filter(pk=OutboxEntry.objects.earliest("pk").pk).update(due_at=Now())
    work()
    assert len(gateway.got) == 1
    OutboxEntry.objects.filter(state="waiting").update(expires_at=Now(), due_at=Now())
    work()
    assert len(gateway.got) == 1
    assert list(OutboxEntry.objects.order_by("pk").values_list("state", flat=True)) == ["sent", "dropped"]


def test_what_is_long_over_is_forgotten(
    gateway: Gateway, work: Work, new_order: Callable[..., Order]
) -> None:
    new_order()
    work()
    hours_pass(31 * 24)
    new_order()
    work()
    waiting = entry(
        due_at=timezone.now() + timedelta(hours=1), created_at=timezone.now() - timedelta(days=90)
    )
    tasks.forget_outbox()
    assert OutboxEntry.objects.count() == 2
    assert OutboxEntry.objects.filter(pk=waiting.pk).exists()


def test_threads_that_are_told_to_end_take_on_no_more(
    gateway: Gateway, new_order: Callable[..., Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "senders", ending := Senders())
    gateway.hangs = {"first"}
    for _ in range(10):
        new_order()
    tasks.send_outbox()
    wait_until(lambda: gateway.under_way.get("first") == claims.PER_RECEIVER, "they are at work")
    stopping = Thread(target=ending.stop)
    stopping.start()
    wait_until(lambda: ending._stopping, "told to end")
    gateway.hung_up.set()
    stopping.join(30)
    assert not stopping.is_alive()
    assert len(gateway.got) == claims.PER_RECEIVER
    tasks.send_outbox()
    assert ending.wait(0)
    assert len(gateway.got) == claims.PER_RECEIVER


def hours_pass(hours: int) -> None:
    by = timedelta(hours=hours)
    OutboxEntry.objects.update(
        **{name: F(name) - by for name in ("created_at", "due_at", "tried_since", "tried_at", "ended_at")}
    )
    OutboxReceiver.objects.update(
        **{name: F(name) - by for name in ("failing_since", "failed_at", "wait_until")}
    )


def seconds_until(table: str, column: str) -> list[tuple[float]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT extract(epoch FROM {column} - clock_timestamp())::float8 FROM {table}")  # noqa: S608
        return cursor.fetchall()


def test_ids_are_random(db: None) -> None:
    assert isinstance(entry().message_id, UUID)
    assert senders.wait(0)
