"""Everything over HTTP: Django's handler, with one thread for a request from the first middleware to the last.

Ours and Django's middleware are synchronous at heart, as are our views. Django's own ASGI handler hops to a thread
for nearly each of them, and for most a second time on the way back, in a thread that it starts for the request
(docs/performance.md says what that costs). A client that hangs up meanwhile is not listened for: what a thread has
begun it ends.
"""

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import IO, Any, cast

from asgiref.sync import sync_to_async
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

#: So many requests are worked on at once. PostgreSQL sees no more of them than its pool has connections; while all
#: wait for one there are threads left for `/healthz`.
THREADS = 200

type Receive = Callable[[], Awaitable[Any]]
type Send = Callable[[Any], Awaitable[None]]


class Pages(ASGIHandler):
    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="pages")

    def load_middleware(self, is_async: bool = False) -> None:
        """ASGIHandler would have it asynchronous."""
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with closing(body):
            set_script_prefix(get_script_prefix(scope))
            answer = sync_to_async(self._answer, thread_sensitive=False, executor=self._threads)
            response = await answer(scope, body)
            await self.send_response(response, send)

    def _answer(self, scope: Any, body: IO[bytes]) -> HttpResponseBase:
        """Closed already: what it holds, such as a connection to the database, the thread that took it gives back."""
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, refused = self.create_request(scope, body)
        response = cast(HttpResponseBase, refused) if request is None else self.get_response(request)
        response.close()
        return response
