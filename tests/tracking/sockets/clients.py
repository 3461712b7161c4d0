"""A client of `/ws` for tests: the real ASGI application, the real channel layer, frames as dicts."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Self

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import Permission
from django.test import Client

from delivery.asgi import application
from dispatch.models import Driver, User
from dispatch.orders import actions

PATIENCE_S = 20.0
ORIGIN = (b"origin", b"http://localhost")


class Socket:
    """Receives in the background, so that a test asks for what it waits for, in any order."""

    def __init__(
        self,
        query: str,
        headers: list[tuple[bytes, bytes]] | None = None,
        consumer: Any = application,
        scope: dict[str, Any] | None = None,
        path: str = "/ws",
        **options: Any,
    ) -> None:
        sent = headers or []
        if not any(name == b"host" for name, _ in sent):
            sent = [(b"host", b"localhost"), *sent]
        self._communicator = WebsocketCommunicator(consumer, f"{path}?{query}", sent, **options)
        self._communicator.scope |= scope or {}
        self.frames: list[dict[str, Any]] = []
        self.close_code: int | None = None
        self.accepted_subprotocol: str | None = None

    async def __aenter__(self) -> Self:
        accepted, self.accepted_subprotocol = await self._communicator.connect(timeout=PATIENCE_S)
        assert accepted
        self._arrived = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._communicator.disconnect(timeout=PATIENCE_S)

    async def _read(self) -> None:
        while self.close_code is None:
            message = await self._communicator.output_queue.get()
            async with self._arrived:
                if message["type"] == "websocket.close":
                    self.close_code = message["code"]
                else:
                    self.frames.append(json.loads(message["text"]))
                self._arrived.notify_all()

    async def send(self, frame: Any) -> None:
        await self.send_text(json.dumps(frame))

    async def send_text(self, text: str) -> None:
        await self._communicator.send_input({"type": "websocket.receive", "text": text})

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Waits until `condition()` is true of what has arrived, and returns it."""
        async with asyncio.timeout(PATIENCE_S), self._arrived:
            await self._arrived.wait_for(condition)
        return condition()

    async def frame(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The last frame of this type with these fields, waited for."""

        def found() -> dict[str, Any] | None:
            wanted = {"type": kind, **fields}
            return next((f for f in reversed(self.frames) if wanted.items() <= f.items()), None)

        try:
            return await self.until(found)
        except TimeoutError:
            raise AssertionError(f"no {kind} {fields} among {self.frames}") from None

    async def closed(self) -> int:
        await self.until(lambda: self.close_code is not None)
        assert self.close_code is not None
        return self.close_code

    def types(self) -> list[str]:
        return [frame["type"] for frame in self.frames]


def bearer(token: str) -> list[tuple[bytes, bytes]]:
    """The headers with which an app signs in."""
    return [(b"authorization", f"Bearer {token}".encode())]


async def driver_socket(driver: Driver, **options: Any) -> Socket:
    return Socket("role=driver", bearer(await sync_to_async(actions.issue_token)(driver.pk)), **options)


def customer_socket(tracking_token: str) -> Socket:
    return Socket(f"role=customer&token={tracking_token}")


@sync_to_async
def dispatcher_cookie(*, permitted: bool = True) -> tuple[bytes, bytes]:
    user = User.objects.create_user(f"user{User.objects.count()}", is_staff=True)
    if permitted:
        user.user_permissions.add(Permission.objects.get(codename="dispatch_orders"))
    client = Client()
    client.force_login(user)
    return (
        b"cookie",
        f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}".encode(),
    )


async def dispatcher_socket() -> Socket:
    return Socket("role=dispatcher", [ORIGIN, await dispatcher_cookie()])
