"""How much one socket may ask of us."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.models import Driver, Order
from tests.tracking.sockets.clients import customer_socket, driver_socket
from tracking.sockets import base
from tracking.sockets.rate_limiter import RateLimiter


def test_many_at_once_and_then_one_after_the_other() -> None:
    limiter = RateLimiter(4)
    waits = [limiter.count(7.0) for _ in range(6)]
    assert [wait_s for wait_s, _ in waits] == [0, 0, 0, 0, pytest.approx(0.25), pytest.approx(0.5)]
    assert limiter.count(7.5) == (pytest.approx(0.25), 0.5)
    assert limiter.count(9.0) == (0, 0)


def test_a_moment_in_which_we_are_late_does_not_calm_a_flood() -> None:
    limiter, now, late = RateLimiter(100), 0.0, 0
    slowed = [0.0]
    while now < 65:
        wait_s, slowed_s = limiter.count(now)
        slowed.append(slowed_s)
        late += 1
        now += wait_s + (0.05 if late % 50 == 0 else 0.0)
    assert max(slowed) > 60


def test_who_sends_calmly_for_a_while_begins_anew() -> None:
    limiter = RateLimiter(2)
    for _ in range(5):
        limiter.count(0.0)
    assert limiter.count(1.0).slowed_s == 1.0
    for second in range(4, 10):
        assert limiter.count(float(second)) == (0, 0)
    for _ in range(3):
        again = limiter.count(10.0)
    assert again.wait_s > 0
    assert again.slowed_s == 0


@given(st.lists(st.floats(0, 5), max_size=300).map(sorted), st.integers(1, 50))
def test_no_second_takes_more_than_twice_the_limit_and_none_waits_without_need(
    times: list[float], most: int
) -> None:
    limiter, taken, clock = RateLimiter(most), list[float](), 0.0
    for moment in times:
        clock = max(clock, moment)
        clock += limiter.count(clock).wait_s
        taken.append(clock)
    for at in taken:
        within = sum(at <= other < at + 1 - 1e-6 for other in taken)
        assert within < 2 * most
    if len(times) <= most:
        assert taken == times


@pytest.fixture
def few_messages(settings: Any) -> None:
    settings.SOCKET_MESSAGES_PER_S = 20


@pytest.mark.usefixtures("live_loop", "few_messages")
async def test_of_a_driver_who_sends_too_fast_nothing_is_lost(driver: Driver) -> None:
    async with await driver_socket(driver) as app:
        await app.frame("ready")
        for seq in range(40):
            await app.send({"type": "location", "lat": 39.75, "lng": -104.99, "seq": seq})
        await app.frame("ack", seq=39)
    [error] = [frame for frame in app.frames if frame["type"] == "error"]
    assert error["code"] == "too_fast"
    assert "`locations`" in error["message"]
    assert app.close_code is None


@pytest.mark.usefixtures("live_loop", "few_messages")
async def test_who_never_slows_down_is_shown_out(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "STUBBORN_S", 0.2)
    async with await driver_socket(driver) as app:
        await app.frame("ready")
        for seq in range(80):
            await app.send({"type": "location", "lat": 39.75, "lng": -104.99, "seq": seq})
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
