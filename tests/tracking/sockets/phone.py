"""A driver's phone on the road east and west of the restaurant."""

from collections.abc import Callable
from typing import Any

from dispatch.models import Order
from routing.geo import destination
from tests.conftest import DENVER
from tests.tracking.sockets.clients import Socket
from tracking.clock import now_ms


class Phone:
    """Sends a sharp fix every so many seconds of its own time, which begins 110 seconds ago."""

    def __init__(self, socket: Socket, every_s: int = 5) -> None:
        self.socket = socket
        self.every_s = every_s
        self.ts = now_ms() - 110_000
        self.seq = 0

    async def at(self, *metres_east: float, speed: float) -> None:
        for metres in metres_east:
            self.seq += 1
            self.ts += self.every_s * 1000
            place = destination(DENVER, 90, metres)
            await self.socket.send(
                {
                    "type": "location",
                    "lat": place.lat,
                    "lng": place.lng,
                    "ts": self.ts,
                    "seq": self.seq,
                    "speed": speed,
                    "accuracy": 8,
                }
            )

    async def plan(self, order: Order, says: Callable[[dict[str, Any]], bool]) -> None:
        """Waits for a plan that says this of one of the order's stops."""

        def found() -> bool:
            plans = [frame for frame in self.socket.frames if frame["type"] == "plan"]
            return any(says(stop) for stop in plans[-1]["stops"] if stop["orderId"] == str(order.pk))

        await self.socket.until(found)
