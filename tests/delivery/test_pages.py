"""How a request is worked on: in one thread, which gives back what it took."""

import asyncio
from collections.abc import Callable
from threading import get_ident
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core import signals
from django.http import HttpRequest, HttpResponse
from django.test import override_settings

from delivery.pages import Pages

SCOPE = {"type": "http", "method": "GET", "path": "/healthz", "query_string": b"", "headers": []}

threads: list[int] = []


class _Seen:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        threads.append(get_ident())
        answer = self._get_response(request)
        threads.append(get_ident())
        return answer


def _finished(**_: Any) -> None:
    threads.append(get_ident())


async def test_a_request_is_one_threads() -> None:
    threads.clear()
    seen = f"{__name__}.{_Seen.__name__}"
    signals.request_finished.connect(_finished)
    try:
        with override_settings(MIDDLEWARE=[seen, seen, "delivery.health_paths.HealthPaths"]):
            pages = Pages()
        asked = ApplicationCommunicator(pages, SCOPE)
        await asked.send_input({"type": "http.request", "body": b""})
        assert (await asked.receive_output())["status"] == 200
        assert (await asked.receive_output())["body"]
        await asked.wait()
    finally:
        signals.request_finished.disconnect(_finished)
    assert len(threads) == 5
    assert len({*threads}) == 1
    assert get_ident() not in threads


async def test_who_hangs_up_before_all_is_said_is_not_answered() -> None:
    asked = ApplicationCommunicator(Pages(), SCOPE | {"method": "POST"})
    await asked.send_input({"type": "http.request", "body": b"{", "more_body": True})
    await asked.send_input({"type": "http.disconnect"})
    await asked.wait()
    with pytest.raises(asyncio.QueueEmpty):
        asked.output_queue.get_nowait()
