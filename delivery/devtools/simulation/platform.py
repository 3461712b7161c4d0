"""The platform that the simulated customers order from: it speaks the HTTP API, with a key of its own."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from random import Random
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import requests
from channels.db import database_sync_to_async
from django.db import InterfaceError, OperationalError
from django.db.models.functions import Coalesce
from django.utils import timezone

from delivery.devtools.simulation.outages import Database, Outages, backoff
from dispatch import api_keys
from dispatch.models import ApiKey, Scope

NAME = "Simulated shop"
#: A key that was not used for so long is of a run that was killed.
LEFT_OVER = timedelta(days=1)
#: Nobody waits longer (seconds) for an answer; the same is asked again.
PATIENCE_S = 30.0


class Refused(Exception):
    """The API does not take what a simulated customer orders."""


class Platform:
    """`url`: of the server, such as http://127.0.0.1:8000."""

    def __init__(self, url: str, secret: str, outages: Outages, rng: Random) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._outages = outages
        self._rng = rng

    async def place(self, order: dict[str, Any]) -> UUID:
        """Returns its id. Raises Refused."""
        placed = await self._post("/orders", order)
        if placed.status_code != requests.codes.created:
            raise Refused(placed.text)
        return UUID(placed.json()["id"])

    async def cancel(self, order: UUID) -> bool:
        """False: it is too late for that. Raises Refused."""
        cancelled = await self._post(f"/orders/{order}/cancel", {})
        if not cancelled.ok and cancelled.status_code != requests.codes.conflict:
            raise Refused(cancelled.text)
        return cancelled.ok

    async def _post(self, path: str, body: dict[str, Any]) -> requests.Response:
        """Asked again with the same Idempotency-Key (docs/integrate.md), until there is an answer that stays."""
        headers = self._headers | {"Idempotency-Key": str(uuid4())}
        attempt = 0
        while True:
            try:
                answer = await asyncio.to_thread(
                    requests.post,
                    f"{self._url}/api/v1{path}",
                    json=body,
                    headers=headers,
                    timeout=PATIENCE_S,
                )
            except requests.RequestException as error:
                self._outages.away("The API", type(error).__name__)
            else:
                if not _may_change(answer):
                    self._outages.back("The API")
                    return answer
                self._outages.away("The API", f"HTTP {answer.status_code}")
            await asyncio.sleep(backoff(attempt, self._rng))
            attempt += 1


def _may_change(answer: requests.Response) -> bool:
    """Whether the same request may be answered otherwise in a while."""
    if answer.status_code == requests.codes.conflict:
        return bool(answer.json()["code"] == "conflict")
    return answer.status_code >= 500 or answer.status_code == requests.codes.too_many_requests


@asynccontextmanager
async def platform(
    live_url: str, database: Database, outages: Outages, rng: Random
) -> AsyncIterator[Platform]:
    """Its key is there for as long as this. `live_url`: of the server's live endpoint."""
    parts = urlsplit(live_url)
    scheme = "https" if parts.scheme == "wss" else "http"
    key, secret = await database(_new_key)
    try:
        yield Platform(f"{scheme}://{parts.netloc}", secret, outages, rng)
    finally:
        with suppress(OperationalError, InterfaceError):  # then another run does
            await database_sync_to_async(_forget_key)(key.pk)


def _new_key() -> tuple[ApiKey, str]:
    used = ApiKey.objects.annotate(used_at=Coalesce("last_used_at", "created_at"))
    used.filter(source=NAME, used_at__lt=timezone.now() - LEFT_OVER).delete()
    name = f"{NAME} {os.getpid()} {uuid4().hex[:8]}"
    return api_keys.issue(name, [Scope.ORDERS_READ, Scope.ORDERS_WRITE], cities=None, source=NAME)


def _forget_key(key_id: UUID) -> None:
    ApiKey.objects.filter(pk=key_id).delete()
