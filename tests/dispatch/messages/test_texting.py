"""The whole way, from what happens to an order to what its customer’s phone shows."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from dispatch.access import tracking_url
from dispatch.messages import stop_list
from dispatch.models import (
    City,
    Driver,
    Message,
    MessageSettings,
    MessageText,
    Order,
    OutboxEntry,
    Restaurant,
    WhyNot,
)
from dispatch.orders import actions
from tests.dispatch import story
from tests.dispatch.messages.conftest import Phone
from tests.dispatch.messages.gateway_server import GatewayServer
from tests.dispatch.messages.words import DELIVERED, LINK, MINUTE, NEARBY, Make, Steps, Work, became


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
