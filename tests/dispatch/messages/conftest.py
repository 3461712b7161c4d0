"""The whole way of a text: real orders, the real outbox, a gateway that writes into a file, or one over HTTP."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from dispatch import tasks
from dispatch.messages.gateway_urls import parse_gateways
from dispatch.models import Driver, Order
from dispatch.orders import actions, buttons, geofence_actions
from dispatch.outbox.delivery import senders
from tests.dispatch import story
from tests.dispatch.messages.gateway_server import GatewayServer
from tests.waiting import PATIENCE_S


@pytest.fixture
def gateway_server() -> Iterator[GatewayServer]:
    with GatewayServer().serving() as server:
        yield server


@dataclass
class Phone:
    """A customer’s telephone: what a gateway that writes into a file has sent it."""

    file: Path

    @property
    def texts(self) -> list[str]:
        return [line["text"] for line in self.lines]

    @property
    def lines(self) -> list[dict[str, str]]:
        written = self.file.read_text() if self.file.exists() else ""
        return [json.loads(line) for line in written.splitlines()]


@pytest.fixture
def phone(transactional_db: None, tmp_path: Path, settings: Settings) -> Phone:
    settings.NOTIFY_URLS = parse_gateways(f"file://{tmp_path}/texts")
    return Phone(tmp_path / "texts")


@pytest.fixture
def through_http(transactional_db: None, gateway_server: GatewayServer, settings: Settings) -> GatewayServer:
    settings.NOTIFY_URLS = parse_gateways(gateway_server.url)
    return gateway_server


@pytest.fixture
def work() -> Callable[[], None]:
    """One round of the outbox’s job, until all is sent that can be."""

    def work() -> None:
        tasks.send_outbox()
        assert senders.wait(PATIENCE_S)

    return work


@pytest.fixture
def new_order(new_order: Callable[..., Order]) -> Callable[..., Order]:
    """As everywhere, of a customer with a phone."""

    def make(**fields: object) -> Order:
        return new_order(**{"customer_phone": "+13035550142", "number": "A-17"} | fields)

    return make


@pytest.fixture
def steps(driver: Driver) -> Callable[..., None]:
    """Takes an order through these steps, each as it happens now, or by the time that is said."""

    def take(order: Order, *names: str, at: datetime | None = None) -> None:
        for name in names:
            moment = at or timezone.now()
            match name:
                case "assigned":
                    story.assign(order, driver)
                case "driver_nearby":
                    stops = story.stops(order, "dropoff")
                    geofence_actions.arrive(driver.pk, stops, happened_at=moment, evidence=story.EVIDENCE)
                case "cancelled":
                    actions.cancel(order.pk, actor=story.DANA, reason="sold out")
                case _:
                    buttons.report(driver.pk, order.pk, name, happened_at=at)

    return take
