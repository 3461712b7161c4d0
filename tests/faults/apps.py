"""A driver's app as a real one must behave, which remembers all that it sent and what was acknowledged of it.

Written anew, apart from the simulator's: two readings of docs/protocol.md are worth more than one.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Any

from websockets.exceptions import ConnectionClosed

from routing.geo import Point
from tests.faults.clients import Client, Frame, encode
from tests.faults.office import DriverRow

FIXES_PER_FRAME = 50
#: Until a button that showed no effect is pressed again.
AGAIN_S = 2.0
#: The stop that a button takes off the plan.
CLOSES = {"picked_up": "pickup", "delivered": "dropoff", "failed": "dropoff"}


class DriverApp(Client):
    """Numbers its fixes once, over all sockets of its session; what is not acknowledged goes out again."""

    def __init__(self, urls: Sequence[str], driver: DriverRow, rng: Random) -> None:
        session = f"{rng.getrandbits(64):016x}"
        super().__init__(
            urls, f"role=driver&session={session}", {"Authorization": f"Bearer {driver.token}"}, rng
        )
        self.driver = driver
        #: Every fix ever recorded; a fix's `seq` is its index.
        self.fixes: list[Frame] = []
        #: All fixes below it were acknowledged.
        self.acked = 0
        self.unsent = 0
        self.plan: Frame | None = None
        self._news = asyncio.Event()
        self._buttons: dict[str, str] = {}
        self._pressed_at: dict[str, float] = {}

    # ------------------------------------------------------------------------------- what the driver does

    def record(self, at: Point, *, ts: int | None = None, **more: Any) -> None:
        """A fix, now or at `ts` (ms since the epoch); sent when there is a connection."""
        self.fixes.append(
            {
                "lat": at.lat,
                "lng": at.lng,
                "ts": time.time_ns() // 1_000_000 if ts is None else ts,
                "seq": len(self.fixes),
                "accuracy": 5.0,
                **more,
            }
        )
        self._news.set()

    def press(self, order: str, status: str) -> None:
        """A button, pressed again until the plan shows that it worked."""
        self._buttons[order] = status
        self._news.set()

    def stops(self) -> list[Frame]:
        return self.plan["stops"] if self.plan else []

    def buttons(self) -> dict[str, str]:
        """The buttons, by order, that have not shown an effect yet."""
        if self.plan is not None:
            listed = {(stop["orderId"], stop["kind"]) for stop in self.stops()}
            self._buttons = {
                order: status for order, status in self._buttons.items() if (order, CLOSES[status]) in listed
            }
        return self._buttons

    # ----------------------------------------------------------------------------------------- the network

    async def run(self) -> None:
        sending = asyncio.create_task(self._send())
        try:
            await super().run()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    def hear(self, frame: Frame) -> None:
        match frame["type"]:
            case "hello":
                self.plan = None
            case "expect":
                expected, acked = frame["seq"], self.acked
                assert expected >= acked, f"the server expects fix {expected}, and {acked} were acknowledged"
                self._acknowledge(expected)
            case "ack":
                self._acknowledge(frame["seq"] + 1)
            case "plan":
                if self.plan is None or frame["v"] >= self.plan["v"]:
                    self.plan = frame

    def greet(self) -> None:
        self.unsent = self.acked
        self._pressed_at.clear()
        self._news.set()

    def _acknowledge(self, below: int) -> None:
        assert below <= len(self.fixes), f"the server knows fix {below - 1}, which was never sent"
        self.acked = max(self.acked, below)

    async def _send(self) -> None:
        while True:
            with suppress(TimeoutError):  # then it may be time to press again
                async with asyncio.timeout(AGAIN_S if self._buttons else None):
                    await self._news.wait()
            self._news.clear()
            await self.live.wait()
            with suppress(ConnectionClosed):  # the next greeting sends it all again
                await self._send_fixes()
                await self._send_buttons()

    async def _send_fixes(self) -> None:
        while self.socket is not None and self.unsent < len(self.fixes):
            batch = self.fixes[self.unsent : self.unsent + FIXES_PER_FRAME]
            self.unsent += len(batch)
            frame = (
                {"type": "locations", "fixes": batch} if len(batch) > 1 else {"type": "location"} | batch[0]
            )
            await self.socket.send(encode(frame).decode())

    async def _send_buttons(self) -> None:
        now = time.monotonic()
        for order, status in self.buttons().items():
            if self.socket is not None and now - self._pressed_at.get(order, 0.0) >= AGAIN_S:
                self._pressed_at[order] = now
                await self.socket.send(
                    encode({"type": "status", "orderId": order, "status": status}).decode()
                )
