"""How much one socket may ask of us."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.models import Driver, Order
from tests.tracking.sockets.clients import customer_socket, driver_socket
from tracking.sockets.rate_limiter import Decision, RateLimiter


def test_a_meter_warns_once_drops_and_closes() -> None:
    meter = RateLimiter(2)
    paces = [meter.count(7.0 + n / 10) for n in range(6)]
    assert paces == [
        Decision.FINE,
        Decision.FINE,
        Decision.WARN,
        Decision.DROP,
        Decision.CLOSE,
        Decision.CLOSE,
    ]
    assert meter.count(8.0) == Decision.FINE


@given(st.lists(st.floats(0, 5), max_size=300).map(sorted), st.integers(1, 50))
def test_no_second_takes_more_than_the_limit(times: list[float], most: int) -> None:
    meter = RateLimiter(most)
    taken = [int(moment) for moment in times if meter.count(moment) == Decision.FINE]
    assert all(taken.count(second) == min(most, sum(int(t) == second for t in times)) for second in range(6))


@pytest.fixture
def few_messages(settings: Any) -> None:
    settings.SOCKET_MESSAGES_PER_S = 5


@pytest.mark.usefixtures("live_loop", "few_messages")
async def test_a_flooding_driver_is_told_and_then_closed(driver: Driver) -> None:
    async with await driver_socket(driver) as app:
        await app.frame("ready")
        for seq in range(40):
            await app.send({"type": "location", "lat": 39.75, "lng": -104.99, "seq": seq})
        await app.frame("error", code="too_fast")
        assert await app.closed() == 4429


@pytest.mark.usefixtures("live_loop")
async def test_a_frame_that_is_too_big_ends_the_socket(driver: Driver, order: Order) -> None:
    async with await driver_socket(driver) as app, customer_socket(order.tracking_token) as page:
        for socket in (app, page):
            await socket.frame("ready")
            await socket.send_text(" " * 16_385)
            await socket.frame("error", code="too_big")
            assert await socket.closed() == 1009


@pytest.mark.usefixtures("live_loop")
async def test_a_tracking_link_opens_only_so_many_sockets(order: Order, settings: Any) -> None:
    settings.SOCKETS_PER_TRACKING_LINK = 2
    async with customer_socket(order.tracking_token) as a, customer_socket(order.tracking_token) as b:
        await a.frame("ready")
        await b.frame("ready")
        async with customer_socket(order.tracking_token) as c:
            await c.frame("error", code="too_many")
            assert await c.closed() == 4429
    async with customer_socket(order.tracking_token) as again:
        await again.frame("ready")


@pytest.mark.usefixtures("live_loop")
async def test_who_cannot_be_signed_in_in_time_is_asked_to_come_back(order: Order, settings: Any) -> None:
    settings.SOCKET_SIGN_IN_S = 0
    async with customer_socket(order.tracking_token) as page:
        await page.frame("error", code="unavailable")
        assert await page.closed() == 1013
