"""The socket of a customer's page."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from django.conf import settings
from redis.exceptions import RedisError

from dispatch import access
from dispatch.errors import NotFound
from routing.geo import Point
from tracking.clock import now_ms
from tracking.protocol import groups
from tracking.protocol.close_codes import NOT_FOUND, TOO_MUCH
from tracking.protocol.frames import is_near
from tracking.protocol.messages import FleetPosition
from tracking.sockets import broadcast, fanout
from tracking.sockets.base import Denied, LiveConsumer


class CustomerConsumer(LiveConsumer):
    """Shows one order to whoever has its tracking token, and of the driver no more than the order's own way."""

    def __init__(self) -> None:
        #: Subject of frames → what was last said of it.
        self.sent: dict[str, str] = {}
        self.city = groups.NO_CITY
        self.watched: str | None = None
        self.position: str | None = None
        #: Other customers' doors, which the driver has not left behind yet; and all that we were told of.
        self.hidden_near: set[Point] = set()
        self.doors: set[Point] = set()
        #: When the link is no longer good (ms); None: nobody knows yet.
        self.ends_at: int | None = None

    async def enter(self) -> None:
        token = self.query.get("token", "")
        self.key = f"order:{self._found(await self.process.loaders.order_id(token))}"
        group = groups.order(token)
        if len(self.process.subscriptions.of(group)) >= settings.SOCKETS_PER_TRACKING_LINK:
            raise Denied(TOO_MUCH, "too_many", "This tracking link is open on too many screens. Close one.")
        await self.join(group)
        view = self._found(await self.process.loaders.customer(token))
        await self.order_changed(broadcast.customer_message(view))
        await self._send_last_known()

    def _found[Found](self, found: Found | None) -> Found:
        if found is None:
            raise Denied(NOT_FOUND, NotFound.code, access.NO_SUCH_LINK)
        return found

    async def order_changed(self, message: dict[str, Any]) -> None:
        if self.knows(self.key, message["v"]):
            return
        self.versions[self.key] = message["v"]
        self._hide_near(message.get("hidden_near", []))
        self._watch(message["city"], message["driver"])
        ends_at = message.get("ends_at")  # not from a process of before, in a rolling restart
        if ends_at not in (None, self.ends_at):
            self.later(partial(self._end, ends_at))
        self.ends_at = ends_at
        # Of what was never told there is nothing to take back.
        taken_back = [told for told in message["taken_back"] if told[0] in self.sent]
        for subject, content, frames in (*message["frames"], *taken_back):
            if self.sent.get(subject) != content:
                self.sent[subject] = content
                for frame in frames:
                    self.send_text(frame)
        if message["driver"] is not None:
            self.sent.pop("DriverHidden", None)

    async def _end(self, at: int) -> None:
        """Who came while the link was good does not look on for ever."""
        await asyncio.sleep((at - now_ms()) / 1000)
        if self.ends_at == at:
            self._found(None)

    def _watch(self, city: str, driver_id: str | None) -> None:
        if driver_id == self.watched:
            return
        if self.watched is not None:
            self.process.fanout.unwatch(self.city, self.watched, self)
        self.position = None
        self.city, self.watched = city, driver_id
        if driver_id is not None:
            self.process.fanout.watch(city, driver_id, self)
            if self in self.process.sockets:
                self.later(self._send_last_known)

    async def _send_last_known(self) -> None:
        """The position of a driver who comes into sight; later ones follow as they come."""
        if (driver_id := self.watched) is None:
            return
        try:
            known = await self.process.positions.of_driver(self.city, driver_id)
        except RedisError:
            return  # the next fix shows it
        if known is not None and self.position is None and self.watched == driver_id:
            self.send_position(known, fanout.customer_frame(known))

    def _hide_near(self, doors: Iterable[Sequence[float]]) -> None:
        told = {Point(lat, lng) for lat, lng in doors}
        self.hidden_near = (self.hidden_near & told) | (told - self.doors)
        self.doors = told

    def send_position(self, position: FleetPosition, frame: str) -> None:
        if self.hidden_near:
            here = Point(position.lat, position.lng)
            self.hidden_near = {door for door in self.hidden_near if is_near(here, [door])}
            if self.hidden_near:
                return
        self.position = frame
        self.outbox.wake()

    def latest(self) -> str | None:
        frame, self.position = self.position, None
        return frame

    def gone(self) -> None:
        self._watch(self.city, None)
