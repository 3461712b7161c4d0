"""Gateways that fail, workers that die: at most one text of each kind."""

import logging
import os
import subprocess
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from delivery.devtools.stack.servers import MANAGE
from dispatch.messages import rounds, sender
from dispatch.messages.gateway_urls import parse_gateways
from dispatch.models import (
    City,
    Message,
    MessageSettings,
    MessageState,
    OutboxEntry,
    WhyNot,
)
from dispatch.outbox.registry import Pointless, Refused
from tests.dispatch.messages.conftest import Phone
from tests.dispatch.messages.gateway_server import GatewayServer
from tests.dispatch.messages.words import LINK, MINUTE, Make, Steps, Work, became
from tests.waiting import wait_until

#: A worker's part in it.
SENDS = """
from dispatch import tasks
from dispatch.outbox.delivery import senders
tasks.send_outbox()
senders.wait(60)
"""


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
