"""What every client does: one socket after the other, to whichever web process takes it, as behind a balancer."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Self

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

type Frame = dict[str, Any]

#: Heartbeats come every 10 s: who hears nothing for this long has lost the server.
SILENCE_S = 25.0
OPEN_S = 10.0
BACKOFF_S = (0.5, 10.0)

decode = msgspec.json.Decoder(dict[str, Any]).decode
encode = msgspec.json.Encoder().encode


class Client:
    """Stays connected until it is cancelled. `hear` gets every frame; `live` is set from `ready` until the end.

    `query`: of the address, such as `role=customer&token=…`. `closes`: every close code so far.
    """

    def __init__(self, urls: Sequence[str], query: str, headers: dict[str, str], rng: Random) -> None:
        self.urls = list(urls)
        self.query = query
        self.headers = headers
        self.rng = rng
        self.live = asyncio.Event()
        #: How many times it was connected so far.
        self.sessions = 0
        self.closes: list[int] = []
        self.socket: ClientConnection | None = None

    def hear(self, frame: Frame) -> None:
        """One frame from the server."""

    def greet(self) -> None:
        """The snapshot is complete."""

    async def run(self) -> None:
        attempt = 0
        while True:
            try:
                async with self._connected() as socket:
                    await self._listen(socket)
            except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed) as lost:
                if isinstance(lost, ConnectionClosed) and lost.rcvd:
                    self.closes.append(lost.rcvd.code)
            attempt = 0 if self.live.is_set() else attempt + 1
            self.live.clear()
            self.socket = None
            await asyncio.sleep(backoff(attempt, self.rng))

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[ClientConnection]:
        url = self.rng.choice(self.urls)
        for other in [url, *(other for other in self.urls if other != url)]:
            try:
                socket = await open_socket(other, self.query, self.headers)
            except ConnectionRefusedError:
                continue  # the balancer knows that this one is down
            try:
                yield socket
            finally:
                await socket.close()
            return
        raise ConnectionRefusedError

    async def _listen(self, socket: ClientConnection) -> None:
        while True:
            async with asyncio.timeout(SILENCE_S):
                frame: Frame = decode(await socket.recv())
            self.hear(frame)
            if frame["type"] == "ready":
                self.socket = socket
                self.sessions += 1
                self.live.set()
                self.greet()


def backoff(attempt: int, rng: Random) -> float:
    """Seconds until the next attempt, as pages wait (static/js/conversation.js); `attempt`: those that failed."""
    first, most = BACKOFF_S
    return min(most, first * 2.0**attempt) * rng.uniform(0.5, 1)


def open_socket(url: str, query: str, headers: dict[str, str]) -> connect:
    return connect(
        f"{url.replace('http', 'ws', 1)}/ws?{query}",
        additional_headers={"Origin": url, **headers},
        compression=None,
        ping_interval=None,
        open_timeout=OPEN_S,
        close_timeout=1,
        max_size=None,
        proxy=None,
    )


class Company:
    """Tasks that run beside the block and end with it; the first promise that one of them finds broken ends it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._host: asyncio.Task[Any] | None = None
        self._broken: BaseException | None = None

    async def __aenter__(self) -> Self:
        self._host = asyncio.current_task()
        return self

    def start(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() and self._broken is None:
            self._broken = task.exception()
            assert self._host
            self._host.cancel()

    async def stop(self, *tasks: asyncio.Task[None]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        await self.stop(*self._tasks)
        if self._broken is not None:
            if self._host and isinstance(error, asyncio.CancelledError):
                self._host.uncancel()
            raise self._broken


async def until(condition: Callable[[], Any], seconds: float, promise: str) -> None:
    """Waits for `condition()`; AssertionError with the promise when it has not come after `seconds`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        assert loop.time() < deadline, f"{promise} (not within {seconds:g} s)"
        await asyncio.sleep(0.02)


async def eventually(check: Callable[[], object], seconds: float = 20.0) -> None:
    """Passes when `check`, which asks the database, passes within `seconds`; else raises what it raised last."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        try:
            await asyncio.to_thread(check)
            return
        except AssertionError:
            if loop.time() > deadline:
                raise
        await asyncio.sleep(0.1)
