"""What gateways post when a customer answers."""

import json
import logging
import logging.config
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from pytest_django.fixtures import Settings

from dispatch.messages import stop_list
from dispatch.models import StoppedNumber

pytestmark = pytest.mark.django_db

SECRET = "a-secret-of-twenty-letters"
PHONE = "+13035550142"


@pytest.fixture(autouse=True)
def listening(settings: Settings) -> None:
    settings.MESSAGES_INBOUND_SECRET = SECRET


def form(secret: str = SECRET, **fields: str) -> HttpResponse:
    return Client(enforce_csrf_checks=True).post(f"/messages/inbound/{secret}", fields)


def as_json(body: Any, secret: str = SECRET) -> HttpResponse:
    return Client().post(f"/messages/inbound/{secret}", json.dumps(body), content_type="application/json")


def test_twilio_posts_a_form_and_is_told_to_answer_nothing() -> None:
    answer = form(From=PHONE, To="+13035550100", Body=" Stop ")
    assert (answer.status_code, answer["Content-Type"], answer.content) == (200, "text/xml", b"<Response/>")
    assert stop_list.has_stopped(PHONE) is True
    form(From=PHONE, Body="START")
    assert stop_list.has_stopped(PHONE) is False


def test_others_post_json() -> None:
    assert as_json({"msisdn": PHONE[1:], "text": "ALTO"}).status_code == 204
    assert stop_list.has_stopped(PHONE) is True
    as_json({"from": PHONE, "text": "Sí"})
    assert stop_list.has_stopped(PHONE) is False


def test_stop_is_kept_once_whoever_says_it_how_often() -> None:
    for word in ("STOP", "START", "STOP", "STOP", "Thanks!"):
        form(From=PHONE, Body=word)
    [row] = StoppedNumber.objects.values()
    assert row["started_at"] is None
    assert row["ending"] == "142"
    assert "5550142" not in str(row)
    assert stop_list.has_stopped("+13035550199") is False


def test_start_of_somebody_who_never_stopped_says_nothing() -> None:
    form(From=PHONE, Body="YES")
    assert not StoppedNumber.objects.exists()


@pytest.mark.parametrize("secret", ["wrong", SECRET[:-1], SECRET + "x", SECRET.upper(), "%00", "é"])
def test_who_does_not_know_the_secret_finds_nothing(secret: str) -> None:
    assert form(secret, From=PHONE, Body="STOP").status_code in (400, 404)
    assert not StoppedNumber.objects.exists()


def test_without_a_secret_there_is_no_such_address(settings: Settings) -> None:
    settings.MESSAGES_INBOUND_SECRET = ""
    assert form("x", From=PHONE, Body="STOP").status_code == 404
    assert Client().post("/messages/inbound/").status_code == 404


def test_what_is_no_answer_is_refused() -> None:
    assert form(Body="STOP").status_code == 400
    assert as_json(["STOP"]).status_code == 400
    assert Client().get(f"/messages/inbound/{SECRET}").status_code == 405


def test_who_stops_from_what_is_no_number_is_told_of_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert form(From="Doorstep", Body="STOP").status_code == 200
    assert caplog.messages == ["a customer wants no more texts, from what is no telephone number"]


def test_no_log_has_the_number_or_the_secret(caplog: pytest.LogCaptureFixture) -> None:
    configurator = logging.config.DictConfigurator(configured.LOGGING)
    filters = [
        configurator.configure_filter({**configured.LOGGING["filters"][name]})
        for name in configured.LOGGING["handlers"]["console"]["filters"]
    ]
    with caplog.at_level(logging.DEBUG):
        form(From=PHONE, Body="STOP")
        form(Body="STOP")
    records = [record for record in caplog.records if not record.name.startswith("django.db")]
    for record in records:
        for used in filters:
            used.filter(record)
    logged = "\n".join(record.getMessage() for record in records)
    assert "Bad Request: /messages/inbound/…" in logged
    assert SECRET not in logged
    assert "5550142" not in logged


def test_the_stop_list_is_read_along_its_indexes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = StoppedNumber.objects.filter(key_id__lt="a").explain()
    assert "Index" in plan
