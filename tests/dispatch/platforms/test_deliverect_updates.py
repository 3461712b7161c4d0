"""What Deliverect is told: by the real outbox, to a server of the test's own."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.conf import settings as configured
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django.fixtures import Settings

from dispatch import tasks
from dispatch.models import Driver, Order, OutboxEntry
from dispatch.orders import actions
from dispatch.outbox import events
from dispatch.outbox.arrivals import ETA_CHANGED
from dispatch.outbox.delivery import senders
from dispatch.platforms.deliverect import sender
from dispatch.platforms.deliverect.requests import DELIVERECT
from tests.dispatch import story
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Deliverect:
    """Takes what it is told with the token that it granted last."""

    told: list[tuple[str, Any]] = field(default_factory=list)
    granted: list[dict[str, Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def take(self, path: str, authorization: str, told: Any) -> tuple[int, Any]:
        if path == "/oauth/token":
            self.granted.append(told)
            return 200, {
                "access_token": f"token-{len(self.granted)}",
                "expires_in": 3600,
                "token_type": "Bearer",
            }
        if authorization != f"Bearer token-{len(self.granted)}":
            return 401, {}
        if self.answers and (status := self.answers.pop(0)) != 200:
            return status, {"error": "as the test wants it"}
        self.told.append((path, told))
        return 200, {}


@pytest.fixture
def deliverect(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deliverect]:
    taking = Deliverect()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = taking.take(self.path, self.headers.get("Authorization", ""), told)
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = Thread(target=server.serve_forever)
    serving.start()
    settings.DELIVERECT_URL = f"http://127.0.0.1:{server.server_port}"
    settings.DELIVERECT_CLIENT_ID, settings.DELIVERECT_CLIENT_SECRET = "doorstep", "s3cret"
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    settings.PUBLIC_URL = "https://food.example"
    monkeypatch.setattr(sender, "_tokens", {})
    yield taking
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture
def work() -> Iterator[Callable[[], None]]:
    """One round of the outbox's job, until all is sent that can be."""

    def work() -> None:
        tasks.send_outbox()
        assert senders.wait(PATIENCE_S)

    yield work
    assert senders.wait(PATIENCE_S)


@pytest.fixture
def theirs(new_order: Callable[..., Order]) -> Order:
    return new_order(external_id="deliverect:job-1:order-1")


def statuses(deliverect: Deliverect) -> list[int | None]:
    return [told["locations"][0].get("status") for path, told in deliverect.told if path.endswith("events")]


def test_each_step_is_told_in_their_numbers(
    deliverect: Deliverect, work: Callable[[], None], theirs: Order, driver: Driver
) -> None:
    story.assign(theirs, driver)
    story.set_out(driver, theirs)
    story.arrive(driver, "pickup", theirs)
    story.report(driver, theirs, "picked_up")
    story.arrive(driver, "dropoff", theirs, seconds=1200)
    story.report(driver, theirs, "delivered")
    work()
    assert statuses(deliverect) == [None, 83, 85, 87, 89, 90]
    path, told = deliverect.told[0]
    assert path == "/fulfillment/generic/events"
    theirs.refresh_from_db()
    assert told["deliveryJobId"] == "job-1"
    assert told["courier"] == {"name": driver.name}
    assert told["trackingUrl"] == f"https://food.example/track/?t={theirs.tracking_token}"
    assert told["locations"][0]["orderId"] == "order-1"
    assert deliverect.told[-1][1]["locations"][0]["deliveryTimeETA"].endswith("Z")
    # One token did for all.
    assert deliverect.granted == [
        {
            "client_id": "doorstep",
            "client_secret": "s3cret",
            "audience": configured.DELIVERECT_URL,
            "grant_type": "client_credentials",
        }
    ]


def test_an_arrival_that_moves_is_told(
    deliverect: Deliverect, work: Callable[[], None], theirs: Order, driver: Driver
) -> None:
    story.assign(theirs, driver)
    work()
    Order.objects.filter(pk=theirs.pk).update(eta_minutes=17)
    events.record(ETA_CHANGED, {theirs.pk: {"arrival": {}}})
    work()
    [_, (_, told)] = deliverect.told
    [where] = told["locations"]
    assert where.keys() == {"orderId", "deliveryTimeETA"}
    arrives_at = datetime.fromisoformat(where["deliveryTimeETA"])
    assert 15 < (arrives_at - timezone.now()).total_seconds() / 60 <= 17


def test_other_orders_are_none_of_their_business(
    deliverect: Deliverect, work: Callable[[], None], order: Order, driver: Driver
) -> None:
    story.bring_to(order, driver, "delivered")
    work()
    assert deliverect.told == []


def test_what_we_call_off_is_told_with_a_reason(
    deliverect: Deliverect, work: Callable[[], None], theirs: Order
) -> None:
    actions.cancel(theirs.pk, actor=story.DANA, reason="Oven broken")
    work()
    assert deliverect.told == [
        (
            "/fulfillment/cancel",
            {
                "deliveryJobId": "job-1",
                "reasonTag": "COURIER_NO_LONGER_AVAILABLE",
                "deliveryFeeCharged": 0,
                "extraDescription": "Oven broken",
            },
        )
    ]


def test_what_they_cancelled_is_not_told_them(
    deliverect: Deliverect, work: Callable[[], None], theirs: Order
) -> None:
    actions.cancel(theirs.pk, actor=DELIVERECT)
    work()
    assert deliverect.told == []


def test_a_door_that_nobody_opens(
    deliverect: Deliverect, work: Callable[[], None], theirs: Order, driver: Driver
) -> None:
    story.bring_to(theirs, driver, "failed")
    work()
    [(_, told)] = [one for one in deliverect.told if one[0].endswith("cancel")]
    assert told["reasonTag"] == "CUSTOMER_UNRESPONSIVE"


def test_without_credentials_nothing_is_kept_for_them(
    deliverect: Deliverect, settings: Settings, work: Callable[[], None], theirs: Order, driver: Driver
) -> None:
    settings.DELIVERECT_CLIENT_ID = ""
    story.assign(theirs, driver)
    work()
    assert not OutboxEntry.objects.filter(kind="deliverect").exists()


def test_a_token_that_is_no_longer_good_is_replaced(
    deliverect: Deliverect, work: Callable[[], None], theirs: Order, driver: Driver
) -> None:
    deliverect.granted.append({})  # they count from two, and know nothing of ours
    sender._tokens[sender._key()] = sender._Token("token-0", float("inf"))
    story.assign(theirs, driver)
    work()
    entry = OutboxEntry.objects.get(kind="deliverect")
    assert (entry.state, entry.answer_code) == ("waiting", 401)
    OutboxEntry.objects.update(due_at=Now())
    work()
    assert statuses(deliverect) == [None]


@pytest.mark.parametrize(("status", "state"), [(422, "dead"), (500, "waiting"), (429, "waiting")])
def test_what_they_do_not_take(
    deliverect: Deliverect, work: Callable[[], None], theirs: Order, driver: Driver, status: int, state: str
) -> None:
    deliverect.answers.append(status)
    story.assign(theirs, driver)
    work()
    entry = OutboxEntry.objects.get(kind="deliverect")
    assert (entry.state, entry.answer_code) == (state, status)
    assert "token" not in entry.answer
