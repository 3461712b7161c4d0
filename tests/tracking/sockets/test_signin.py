"""Who gets onto `/ws`, and what the others are told."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from delivery.asgi import application
from dispatch import access
from dispatch.models import Driver, Order, User
from dispatch.orders import actions
from tests.tracking.sockets.clients import (
    ORIGIN,
    Socket,
    bearer,
    customer_socket,
    dispatcher_cookie,
    dispatcher_socket,
    driver_socket,
)
from tracking.sockets import broadcast, process

pytestmark = pytest.mark.usefixtures("live_loop")


async def refusal(socket: Socket) -> tuple[dict, int]:
    async with socket:
        return await socket.frame("error"), await socket.closed()


async def test_no_role_is_told_the_roles() -> None:
    frame, code = await refusal(Socket(""))
    assert (frame["code"], code) == ("bad_request", 4400)


@pytest.mark.parametrize("query", ["role=admin", "role=driver&role=nobody", "role=%00", "x=%ff%fe"])
async def test_an_unknown_role_is_refused(query: str) -> None:
    _, code = await refusal(Socket(query))
    assert code == 4400


@pytest.mark.parametrize("path", ["/ws", "/ws/", "/"])
async def test_the_endpoint_is_known_by_several_addresses(order: Order, path: str) -> None:
    async with Socket(f"role=customer&token={order.tracking_token}", path=path) as socket:
        await socket.frame("ready")


@pytest.mark.parametrize("path", ["/wss", "/ws/driver", "/dispatch/"])
async def test_there_is_no_socket_elsewhere(order: Order, path: str) -> None:
    elsewhere = WebsocketCommunicator(application, f"{path}?role=customer&token={order.tracking_token}")
    assert (await elsewhere.connect())[0] is False


async def test_a_driver_signs_in_by_header(driver: Driver) -> None:
    async with await driver_socket(driver) as socket:
        await socket.frame("ready")
        assert socket.types() == ["hello", "expect", "reasons", "plan", "ready"]


async def test_a_driver_signs_in_by_subprotocol(driver: Driver) -> None:
    token = await sync_to_async(actions.issue_token)(driver.pk)
    async with Socket("role=driver", subprotocols=["doorstep", f"bearer.{token}"]) as socket:
        await socket.frame("ready")
        assert socket.accepted_subprotocol == "doorstep"


@pytest.mark.parametrize(
    "headers", [[], [(b"authorization", b"Bearer nonsense")], [(b"authorization", b"Basic eA==")]]
)
async def test_a_driver_without_a_token_of_ours_is_refused(driver: Driver, headers: list) -> None:
    frame, code = await refusal(Socket(f"role=driver&driverId={driver.pk}", headers))
    assert (frame["code"], code) == ("not_signed_in", 4401)


async def test_a_token_opens_no_other_driver(driver: Driver, new_driver) -> None:
    other = await sync_to_async(new_driver)()
    token = await sync_to_async(actions.issue_token)(driver.pk)
    socket = Socket(f"role=driver&driverId={other.pk}", bearer(token))
    frame, code = await refusal(socket)
    assert (frame["code"], code) == ("not_signed_in", 4401)


async def test_a_driver_may_name_itself(driver: Driver) -> None:
    token = await sync_to_async(actions.issue_token)(driver.pk)
    headers = bearer(token)
    async with Socket(f"role=driver&driverId={driver.pk}", headers) as socket:
        await socket.frame("ready")


async def test_the_newer_of_two_sockets_of_a_driver_wins(driver: Driver) -> None:
    token = await sync_to_async(actions.issue_token)(driver.pk)
    headers = bearer(token)
    async with Socket("role=driver", headers) as older:
        await older.frame("ready")
        async with Socket("role=driver", headers) as newer:
            await newer.frame("ready")
            assert (await older.frame("error"))["code"] == "replaced"
            assert await older.closed() == 4409
            await newer.send({"type": "location", "lat": 39.75, "lng": -104.99, "seq": 1})
            await newer.frame("ack", seq=1)


async def test_an_unknown_tracking_token_and_an_expired_one_get_the_same_answer(order: Order) -> None:
    await sync_to_async(actions.cancel)(order.pk, actor=actions.SYSTEM)
    await Order.objects.filter(pk=order.pk).aupdate(ended_at="2020-01-01T00:00Z")
    expired = await refusal(customer_socket(order.tracking_token))
    unknown = await refusal(customer_socket("0" * 32))
    malformed = await refusal(customer_socket("../../etc"))
    assert expired == unknown == malformed
    assert unknown[1] == 4404


async def test_a_dispatcher_needs_a_session() -> None:
    frame, code = await refusal(Socket("role=dispatcher", [ORIGIN]))
    assert (frame["code"], code) == ("not_signed_in", 4401)


async def test_a_dispatcher_needs_the_permission() -> None:
    cookie = await dispatcher_cookie(permitted=False)
    assert (await refusal(Socket("role=dispatcher", [ORIGIN, cookie])))[1] == 4401


@pytest.mark.parametrize(
    "origin",
    [
        [],
        [(b"origin", b"https://evil.example")],
        [(b"origin", b"null")],
        [(b"origin", b"http://[bad")],
        [(b"origin", b"http://localhost:x")],
        [(b"origin", b"http://localhost:8080")],
        [(b"origin", b"https://localhost")],
        [(b"origin", b"http://127.0.0.1")],
        [(b"origin", b"http://localhost.evil.example")],
    ],
)
async def test_a_dispatchers_page_must_be_ours(origin: list) -> None:
    assert (await refusal(Socket("role=dispatcher", [*origin, await dispatcher_cookie()])))[1] == 4401


@pytest.mark.parametrize(
    ("host", "origin", "let_in"),
    [
        (b"localhost:8000", b"http://localhost:8000", True),
        (b"localhost:8000", b"http://localhost", False),
        (b"[::1]:8000", b"http://[::1]:8000", True),
        # Behind a proxy that ends TLS.
        (b"localhost", b"https://food.example", True),
        (b"localhost", b"https://food.example:8443", False),
        (b"localhost", b"http://food.example", False),
        (b"localhost", b"https://shop.food.example", False),
        (b"localhost", b"https://a.trusted.example", True),
        # No host of ours, whatever the page says: somebody's name that leads to our address.
        (b"evil.example", b"http://evil.example", False),
        (b"", b"http://", False),
    ],
)
async def test_the_page_is_of_this_very_address_or_of_one_that_is_trusted(
    settings: Any, host: bytes, origin: bytes, let_in: bool
) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "[::1]"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://food.example", "https://*.trusted.example"]
    headers = [(b"host", host), (b"origin", origin), await dispatcher_cookie()]
    async with Socket("role=dispatcher", headers) as socket:
        await socket.frame("ready" if let_in else "error")
        assert socket.close_code in (None, 4401)


async def test_a_permitted_dispatcher_gets_a_snapshot(driver: Driver, order: Order) -> None:
    async with Socket("role=dispatcher", [ORIGIN, await dispatcher_cookie()]) as socket:
        await socket.frame("ready")
        assert socket.types()[0] == "hello"
        assert {"restaurant", "driver", "plan", "order"} <= set(socket.types())


# ----------------------------------------------------------------------------------- who loses the right again


def session_of(user: User) -> QuerySet[Session]:
    keys = [s.pk for s in Session.objects.all() if s.get_decoded()["_auth_user_id"] == str(user.pk)]
    return Session.objects.filter(pk__in=keys)


def change_password(user: User) -> None:
    user.set_password("another one")
    user.save()


@pytest.mark.parametrize(
    "withdraw",
    [
        lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
        lambda user: User.objects.filter(pk=user.pk).update(is_staff=False),
        lambda user: user.user_permissions.clear(),
        lambda user: user.delete(),
        lambda user: session_of(user).delete(),
        lambda user: session_of(user).update(expire_date=timezone.now()),
        change_password,
    ],
    ids=[
        "account closed",
        "no staff any more",
        "permission withdrawn",
        "account deleted",
        "signed out",
        "session expired",
        "password changed",
    ],
)
async def test_who_may_no_longer_look_is_shown_out(
    withdraw: Callable[[User], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "CHECK_RIGHTS_S", 0.05)
    async with await dispatcher_socket() as leaves, await dispatcher_socket() as stays:
        await leaves.frame("ready")
        await stays.frame("ready")
        await sync_to_async(withdraw)(await User.objects.order_by("pk").afirst())
        assert await leaves.closed() == 4401
        await process.this_process().right_to_look.check()
        assert stays.close_code is None


async def test_the_right_of_many_dispatchers_is_two_questions(django_assert_num_queries: Callable) -> None:
    sessions = [await dispatcher_cookie() for _ in range(3)]
    keys = {cookie.decode().partition("=")[2] for _, cookie in sessions}

    def count() -> None:
        with django_assert_num_queries(2):
            assert access.dispatching(keys | {"unknown"}) == keys

    await sync_to_async(count)()


@pytest.mark.parametrize("change", [actions.issue_token, actions.revoke_token])
async def test_a_lost_phone_is_locked_out_at_once(
    order: Order, driver: Driver, change: Callable[[UUID], object]
) -> None:
    """All that it sends afterwards is void: its fixes, and “delivered”."""
    async with await driver_socket(driver) as lost:
        await lost.frame("ready")
        await sync_to_async(change)(driver.pk)
        assert (await lost.frame("error"))["code"] == "not_signed_in"
        assert await lost.closed() == 4401


async def test_a_token_that_sql_changes_is_no_longer_good_either(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "RECONCILE_S", 0.05)
    async with await driver_socket(driver) as lost:
        await lost.frame("ready")
        await Driver.objects.filter(pk=driver.pk).aupdate(token_digest=None)
        assert await lost.closed() == 4401


async def test_a_customers_page_ends_with_its_link(order: Order, settings: Any) -> None:
    """Not before, and not where the order goes on after all."""
    settings.TRACKING_PAGE_AFTER_DELIVERY_S = 3600
    async with customer_socket(order.tracking_token) as socket:
        await socket.frame("ready")
        await sync_to_async(actions.cancel)(order.pk, actor=actions.SYSTEM)
        await socket.frame("status", status="cancelled")
        assert socket.close_code is None
        ended_at = timezone.now() - timedelta(seconds=3600 - 0.1)
        await Order.objects.filter(pk=order.pk).aupdate(ended_at=ended_at)
        await sync_to_async(broadcast.fleet)([order.pk], [])
        assert await socket.closed() == 4404
