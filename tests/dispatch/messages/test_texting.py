"""The whole way, from what happens to an order to what its customer’s phone shows."""

import logging
import os
import subprocess
from collections.abc import Callable
from datetime import time, timedelta
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from delivery.devtools.stack.servers import MANAGE
from dispatch.access import tracking_url
from dispatch.messages import rounds, sender, stop_list
from dispatch.messages.gateway_urls import parse_gateways
from dispatch.models import (
    City,
    Driver,
    Message,
    MessageKind,
    MessageSettings,
    MessageState,
    MessageText,
    Order,
    OutboxEntry,
    OutboxEvent,
    Restaurant,
    Stop,
    WhyNot,
)
from dispatch.orders import actions
from dispatch.outbox.registry import Pointless, Refused
from dispatch.planning import replanning
from tests.dispatch import story
from tests.dispatch.messages.conftest import Phone
from tests.dispatch.messages.gateway_server import GatewayServer
from tests.waiting import wait_until

type Make = Callable[..., Order]
type Steps = Callable[..., None]
type Work = Callable[[], None]

MINUTE = timedelta(minutes=1)
#: A worker's part in it.
SENDS = """
from dispatch import tasks
from dispatch.outbox.delivery import senders
tasks.send_outbox()
senders.wait(60)
"""
LINK, NEARBY, LATER, DELIVERED = (
    MessageKind.LINK,
    MessageKind.NEARBY,
    MessageKind.LATER,
    MessageKind.DELIVERED,
)


def became(order: Order) -> list[tuple[str, str, str]]:
    return list(Message.objects.filter(order=order).order_by("id").values_list("kind", "state", "why_not"))


def test_an_order_is_told_from_the_link_to_the_door_once_each(
    phone: Phone, new_order: Make, driver: Driver, steps: Steps, work: Work
) -> None:
    order = new_order()
    for step in ("assigned", "picked_up", "driver_nearby", "delivered"):
        work()
        steps(order, step)
    work()
    work()
    assert phone.texts == [
        f"Larimer Noodles has your order. Follow it here: {tracking_url(order)} Reply STOP for no texts.",
        f"Your order from Larimer Noodles is almost there: {driver.name.partition(' ')[0]} is nearby.",
        "Your order from Larimer Noodles was delivered. Enjoy!",
    ]
    assert {line["to"] for line in phone.lines} == {"+13035550142"}
    assert became(order) == [(LINK, "sent", ""), (NEARBY, "sent", ""), (DELIVERED, "sent", "")]


def test_what_is_kept_of_a_text_has_neither_number_nor_link(
    phone: Phone, new_order: Make, work: Work
) -> None:
    order = new_order()
    work()
    message = Message.objects.get()
    assert message.text == "Larimer Noodles has your order. Follow it here: {link} Reply STOP for no texts."
    assert (message.phone_ending, message.language, message.gateway, message.segments) == (
        "142",
        "en",
        "default",
        1,
    )
    kept = str(list(Message.objects.values())) + str(list(OutboxEntry.objects.values()))
    assert "5550142" not in kept
    assert order.tracking_token not in kept


def test_without_gateways_nothing_is_stored(
    transactional_db: None, settings: Settings, new_order: Make, work: Work
) -> None:
    settings.NOTIFY_URLS = {}
    new_order()
    work()
    assert not Message.objects.exists()


def test_an_order_that_sql_makes_has_its_link_sent(phone: Phone, restaurant: Restaurant, work: Work) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders (restaurant_id, customer_phone, customer_language) VALUES (%s, %s, 'es')",
            [restaurant.pk, "(303) 555-0142"],
        )
    work()
    assert phone.texts == [
        f"Larimer Noodles tiene tu pedido: {tracking_url(Order.objects.get())} "
        "Responde STOP para no recibir mensajes."
    ]


def test_what_is_uploaded_late_is_no_news(phone: Phone, new_order: Make, steps: Steps, work: Work) -> None:
    order = new_order()
    steps(order, "assigned", "picked_up")
    work()
    order.events.update(happened_at=timezone.now() - timedelta(hours=1))
    steps(order, "delivered", at=timezone.now() - 25 * MINUTE)
    work()
    assert len(phone.texts) == 1
    assert became(order)[1:] == [(DELIVERED, "not_sent", WhyNot.OLD_NEWS)]


def test_a_button_that_was_forgotten_is_no_news_to_whoever_has_eaten(
    phone: Phone, new_order: Make, driver: Driver, steps: Steps, work: Work
) -> None:
    order = new_order()
    steps(order, "assigned", "picked_up", "driver_nearby")
    work()
    came, left = (timezone.now() - minutes * MINUTE for minutes in (12, 10))
    order.stops.filter(kind="dropoff").update(arrived_at=came, left_at=left)
    actions.close_for_driver(order.pk, "delivered", actor=story.DANA, reason="Forgot the button.")
    work()
    assert became(order)[-1] == (DELIVERED, "not_sent", WhyNot.OLD_NEWS)
    assert len(phone.texts) == 2


def test_nearby_never_comes_behind_delivered(phone: Phone, new_order: Make, steps: Steps, work: Work) -> None:
    order = new_order()
    work()
    steps(order, "assigned", "picked_up", "driver_nearby", "delivered")
    work()
    assert [text.rpartition(" ")[2] for text in phone.texts[1:]] == ["Enjoy!"]
    assert became(order)[1:] == [(NEARBY, "not_sent", WhyNot.MOVED_ON), (DELIVERED, "sent", "")]


def test_an_order_that_moves_on_while_its_text_waits(
    through_http: GatewayServer, new_order: Make, steps: Steps, work: Work
) -> None:
    order = new_order()
    work()
    steps(order, "assigned", "picked_up", "driver_nearby")
    through_http.does = "refuse"
    work()
    steps(order, "delivered")
    through_http.does = "take"
    OutboxEntry.objects.update(due_at=timezone.now() - MINUTE)
    work()
    assert (NEARBY, "not_sent", WhyNot.MOVED_ON) in became(order)
    states = OutboxEntry.objects.order_by("id").values_list("event", "state")
    assert list(states) == [
        ("order.created", "sent"),
        ("order.driver_nearby", "dropped"),
        ("order.delivered", "sent"),
    ]
    assert len(through_http.taken) == 2


def test_stop_silences_even_the_link_and_start_brings_it_back(
    phone: Phone, new_order: Make, steps: Steps, work: Work
) -> None:
    stop_list.stop("+13035550142")
    order = new_order()
    work()
    steps(order, "assigned")
    work()
    assert phone.texts == []
    assert became(order) == [(LINK, "not_sent", WhyNot.STOPPED)]
    stop_list.start("+13035550142")
    steps(order, "picked_up")
    work()
    assert len(phone.texts) == 1


def test_a_stop_list_of_another_key_stops_everybody(
    phone: Phone, new_order: Make, settings: Settings, work: Work
) -> None:
    stop_list.stop("+13035550199")
    settings.STOP_LIST_KEY = "another one"
    order = new_order()
    work()
    assert phone.texts == []
    assert became(order) == [(LINK, "not_sent", WhyNot.STOP_LIST)]


def test_who_has_no_number_gets_the_link_once_there_is_one(
    phone: Phone, new_order: Make, steps: Steps, work: Work
) -> None:
    order = new_order(customer_phone="ask at the bar")
    work()
    steps(order, "assigned")
    work()
    assert became(order) == [(LINK, "not_sent", WhyNot.NO_PHONE)]
    order.refresh_from_db()
    order.customer_phone = "+13035550142"
    actions.change_order(order)
    steps(order, "picked_up")
    work()
    assert len(phone.texts) == 1


def test_a_city_sends_the_link_when_a_driver_has_the_order(
    phone: Phone, city: City, new_order: Make, steps: Steps, work: Work
) -> None:
    MessageSettings.objects.create(city=city, link_from="assigned")
    order = new_order()
    work()
    assert became(order) == []
    steps(order, "assigned")
    work()
    assert len(phone.texts) == 1


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("", "Denver, en: A-17"),
        ("es", "todas: A-17"),
        ("es-MX", "todas: A-17"),
        ("fr", "Denver, en: A-17"),
    ],
)
def test_texts_are_the_citys_and_in_the_customers_language(
    phone: Phone, city: City, new_order: Make, work: Work, language: str, shown: str
) -> None:
    boulder = City.objects.create(name="Boulder", lat=40, lng=-105.3)
    for of, tag, text in [
        (None, "en", "all, en: {number} {link}"),
        (city, "en", "Denver, en: {number} {link}"),
        (None, "es", "todas: {number} {link}"),
        (boulder, "es", "Boulder: {number} {link}"),
    ]:
        MessageText.objects.create(city=of, language=tag, kind=LINK, text=text)
    order = new_order(customer_language=language)
    work()
    assert phone.texts == [f"{shown} {tracking_url(order)}"]


def test_a_text_that_sql_wrote_and_nobody_can_fill_is_passed_over(
    phone: Phone, new_order: Make, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    MessageText.objects.create(language="en", kind=LINK, text="{order.customer_phone}")
    new_order()
    work()
    assert phone.texts[0].startswith("Larimer Noodles has your order.")
    assert "is passed over" in caplog.text
    caplog.clear()


# ------------------------------------------------------------------------------------------ later than promised


@pytest.fixture
def late(new_order: Make, steps: Steps) -> Order:
    """Promised in 20 minutes, expected in 35."""
    order = new_order(promised_at=timezone.now() + 20 * MINUTE)
    steps(order, "assigned", "picked_up")
    expect(order, 35)
    return order


def expect(order: Order, minutes: float) -> None:
    Order.objects.filter(pk=order.pk).update(eta_minutes=minutes, problem="")
    Stop.objects.filter(order=order, kind="dropoff").update(eta=timezone.now() + minutes * MINUTE)


def predicted(order: Order, kind: str = "order.late") -> None:
    """As it is recorded when a prediction is stored."""
    OutboxEvent.objects.create(kind=kind, order=order)


def test_later_is_said_once_for_each_promise(phone: Phone, late: Order, work: Work) -> None:
    for minutes in (35, 36, 31, 50):
        expect(late, minutes)
        predicted(late)
        work()
    [text] = [text for text in phone.texts if "late" in text]
    eta = late.locale.time(timezone.now() + 35 * MINUTE)
    assert text.startswith("Sorry, your order from Larimer Noodles is running 15 min late.")
    assert eta.partition(":")[0] in text
    late.refresh_from_db()
    late.promised_at = timezone.now() + 45 * MINUTE
    actions.change_order(late)
    expect(late, 57)
    for _ in range(2):
        predicted(late)
        work()
    assert len([text for text in phone.texts if "late" in text]) == 2


def test_what_the_planner_predicts_is_told(
    phone: Phone, new_order: Make, driver: Driver, steps: Steps, work: Work
) -> None:
    order = new_order(promised_at=timezone.now() - 15 * MINUTE)
    steps(order, "assigned", "picked_up")
    for _ in range(2):
        replanning.replan(driver.pk)
        work()
    order.refresh_from_db()
    arrival = Stop.objects.get(order=order, kind="dropoff").eta
    assert arrival
    late = (arrival - order.promise) // MINUTE
    assert [text for text in phone.texts if f"running {late} min late" in text] == phone.texts[1:]
    assert len(phone.texts) == 2


@pytest.mark.parametrize(("minutes", "problem", "told"), [(29, "", 0), (31, "", 1), (31, "straight_line", 0)])
def test_later_by_how_much(
    phone: Phone, late: Order, work: Work, minutes: int, problem: str, told: int
) -> None:
    expect(late, minutes)
    Order.objects.filter(pk=late.pk).update(problem=problem)
    predicted(late)
    work()
    assert len([text for text in phone.texts if "late" in text]) == told


def test_an_order_that_is_in_time_again_is_told_when_it_is_late_once_more(
    phone: Phone, late: Order, work: Work
) -> None:
    predicted(late)
    expect(late, 18)
    work()
    assert not [text for text in phone.texts if "late" in text]
    expect(late, 40)
    predicted(late, "order.eta_changed")
    work()
    assert len([text for text in phone.texts if "late" in text]) == 1


# --------------------------------------------------------------------------------------- quiet hours and budget


def quiet_now(city: City) -> MessageSettings:
    there = timezone.now().astimezone(ZoneInfo(city.time_zone))
    begins, ends = there - timedelta(hours=1), there + timedelta(hours=2)
    return MessageSettings.objects.create(
        city=city, quiet_from=time(begins.hour, begins.minute), quiet_until=time(ends.hour, ends.minute)
    )


def test_in_quiet_hours_the_link_of_an_order_for_now_goes_out_and_nearby_does_not(
    phone: Phone, city: City, new_order: Make, steps: Steps, work: Work
) -> None:
    quiet_now(city)
    order = new_order()
    work()
    steps(order, "assigned", "picked_up", "driver_nearby")
    work()
    assert became(order) == [(LINK, "sent", ""), (NEARBY, "not_sent", WhyNot.QUIET)]


def test_the_link_of_an_order_for_later_waits_for_the_end_of_the_quiet_hours(
    phone: Phone, city: City, new_order: Make, work: Work
) -> None:
    settings = quiet_now(city)
    order = new_order(wanted_at=timezone.now() + timedelta(hours=12))
    work()
    assert phone.texts == []
    message = Message.objects.get(order=order)
    assert message.state == MessageState.WAITING
    assert message.due_at.astimezone(ZoneInfo(city.time_zone)).time() == settings.quiet_until
    # It is morning.
    settings.delete()
    OutboxEntry.objects.update(due_at=timezone.now())
    work()
    assert len(phone.texts) == 1


def test_quiet_hours_that_began_meanwhile_hold_up_no_other_text(
    phone: Phone, city: City, new_order: Make, work: Work
) -> None:
    order = new_order(wanted_at=timezone.now() + timedelta(hours=12))
    settings = quiet_now(city)
    work()
    OutboxEntry.objects.update(due_at=timezone.now())  # as if it had been tried before them
    work()
    assert phone.texts == []
    assert became(order) == [(LINK, "waiting", "")]
    new_order()
    work()
    assert len(phone.texts) == 1
    settings.delete()
    OutboxEntry.objects.filter(state="waiting").update(due_at=timezone.now())
    work()
    assert len(phone.texts) == 2


def test_beyond_the_budget_only_links_go_out(
    phone: Phone, city: City, new_order: Make, steps: Steps, work: Work
) -> None:
    MessageSettings.objects.create(city=city, daily_segments=2)
    order = new_order()
    work()
    steps(order, "assigned", "picked_up", "driver_nearby")
    work()
    steps(order, "delivered")
    work()
    assert became(order) == [(LINK, "sent", ""), (NEARBY, "sent", ""), (DELIVERED, "not_sent", WhyNot.BUDGET)]
    another = new_order()
    work()
    assert became(another) == [(LINK, "sent", "")]
    # Yesterday's count for nothing.
    Message.objects.update(sent_at=timezone.now() - timedelta(days=1))
    steps(another, "assigned", "picked_up", "driver_nearby")
    work()
    assert became(another)[1] == (NEARBY, "sent", "")


# --------------------------------------------------------------------------------------------- gateways that fail


def test_a_gateway_that_fails_is_asked_again(
    through_http: GatewayServer, new_order: Make, work: Work
) -> None:
    through_http.does = "refuse"
    order = new_order()
    work()
    assert through_http.asked == 1
    assert became(order) == [(LINK, "waiting", "")]
    assert OutboxEntry.objects.get().state == "waiting"
    through_http.does = "take"
    OutboxEntry.objects.update(due_at=timezone.now())
    work()
    assert became(order) == [(LINK, "sent", "")]
    assert len(through_http.taken) == 1


def test_a_gateway_that_stays_away_ends_as_a_text_that_is_too_late(
    through_http: GatewayServer, new_order: Make, work: Work
) -> None:
    through_http.does = "refuse"
    order = new_order()
    work()
    past = timezone.now() - MINUTE
    OutboxEntry.objects.update(expires_at=past)
    Message.objects.update(expires_at=past)
    work()
    rounds.end_left()
    assert OutboxEntry.objects.get().state == "dropped"
    assert became(order) == [(LINK, "not_sent", WhyNot.TOO_LATE)]


def test_what_perhaps_arrived_is_a_dead_letter_and_is_not_sent_again(
    through_http: GatewayServer, new_order: Make, steps: Steps, work: Work
) -> None:
    through_http.does = "drop"
    order = new_order()
    work()
    entry = OutboxEntry.objects.get()
    assert entry.state == "dead"
    assert entry.answer == "Gateway default: the connection ended without an answer."
    assert became(order) == [(LINK, "unsure", "")]
    through_http.does = "take"
    steps(order, "assigned")
    work()
    with pytest.raises(Refused):
        sender.send(entry)
    assert through_http.taken == []


@pytest.mark.slow
def test_a_worker_that_is_killed_while_the_gateway_has_the_text_sends_no_second_one(
    through_http: GatewayServer, new_order: Make, work: Work
) -> None:
    through_http.does = "hang"
    order = new_order()
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    env = {"DATABASE_URL": urlunsplit(database), "NOTIFY_URLS": through_http.url.replace("rto=0.5", "rto=60")}
    worker = subprocess.Popen([*MANAGE, "shell", "-v", "0", "-c", SENDS], env=os.environ | env)
    wait_until(lambda: through_http.asked == 1, "the text at the gateway")
    worker.kill()
    worker.wait()
    OutboxEntry.objects.update(leased_until=timezone.now())
    through_http.does = "take"
    work()
    assert became(order) == [(LINK, "unsure", "")]
    assert OutboxEntry.objects.get().state == "dead"
    assert through_http.asked == 1


def test_a_worker_that_died_while_it_sent_leaves_a_text_that_perhaps_arrived(
    phone: Phone, new_order: Make, work: Work
) -> None:
    order = new_order()
    work()
    entry = OutboxEntry.objects.get()
    Message.objects.update(state=MessageState.SENDING)
    with pytest.raises(Refused, match="may have arrived"):
        sender.send(entry)
    assert became(order) == [(LINK, "unsure", "")]
    assert len(phone.texts) == 1


def test_a_text_that_nobody_has_ended_is_ended_as_one_that_perhaps_arrived(
    phone: Phone, new_order: Make, work: Work
) -> None:
    order = new_order()
    work()
    Message.objects.update(state=MessageState.SENDING, sent_at=timezone.now() - 4 * MINUTE)
    rounds.end_left()
    assert became(order) == [(LINK, "unsure", "")]


def test_the_database_lets_no_second_text_of_a_kind_go(phone: Phone, new_order: Make, work: Work) -> None:
    order = new_order()
    work()
    first = Message.objects.get()
    # As of two workers that had decided at once.
    second = Message.objects.create(
        order=order, kind=LINK, event=first.event + 1, expires_at=first.expires_at
    )
    for field in ("language", "gateway", "phone_ending", "text", "segments", "sent_at"):
        setattr(second, field, getattr(first, field))
    assert not sender._claim(second)
    second.refresh_from_db()
    assert second.state == MessageState.WAITING
    entry = OutboxEntry(
        kind="text", event="order.created", receiver="text:default", body={"message": second.pk}
    )
    with pytest.raises(Pointless, match="had been told"):
        sender.send(entry)
    assert became(order) == [(LINK, "sent", ""), (LINK, "not_sent", WhyNot.ALREADY)]


def test_a_gateway_that_the_city_names_and_nobody_knows(
    phone: Phone, city: City, new_order: Make, work: Work
) -> None:
    MessageSettings.objects.create(city=city, gateway="gone")
    order = new_order()
    work()
    assert became(order) == [(LINK, "not_sent", WhyNot.NO_GATEWAY)]


def test_each_city_has_its_own_gateway(
    phone: Phone, city: City, new_order: Make, work: Work, settings: Settings
) -> None:
    settings.NOTIFY_URLS = parse_gateways(f"console:// denver=file://{phone.file}")
    MessageSettings.objects.create(city=city, gateway="denver")
    new_order()
    work()
    assert len(phone.texts) == 1
    assert OutboxEntry.objects.get().receiver == "text:denver"


@pytest.mark.parametrize("does", ["take", "refuse", "drop"])
def test_no_log_names_a_number_a_link_or_a_gateways_address(
    through_http: GatewayServer,
    new_order: Make,
    work: Work,
    caplog: pytest.LogCaptureFixture,
    does: str,
) -> None:
    through_http.does = does
    with caplog.at_level(logging.DEBUG):
        order = new_order()
        work()
    assert through_http.asked == 1
    secrets = ("5550142", order.tracking_token, "s3cr3t", "/texts?")
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith("django.db")]
    assert not [line for line in ours if any(secret in line for secret in secrets)]


def test_old_texts_go(phone: Phone, new_order: Make, work: Work) -> None:
    new_order()
    new_order()
    work()
    first = Message.objects.earliest("id")
    Message.objects.filter(pk=first.pk).update(made_at=timezone.now() - timedelta(days=61))
    rounds.forget()
    assert Message.objects.count() == 1
