"""The socket of a dispatcher's dashboard."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlparse

from channels.security.websocket import OriginValidator
from django.conf import settings
from django.http.request import split_domain_port, validate_host
from redis.exceptions import RedisError

from dispatch import access
from tracking.database import in_thread
from tracking.ingest.positions import Batch
from tracking.protocol import groups
from tracking.protocol.close_codes import NOT_SIGNED_IN
from tracking.sockets import fanout, snapshots
from tracking.sockets.base import Denied, LiveConsumer
from tracking.sockets.fleet_snapshots import DispatcherSnapshot
from tracking.sockets.snapshots import EncodedItem

SIGN_IN = "Sign in as a dispatcher."


class DispatcherConsumer(LiveConsumer):
    """Shows the whole fleet to a signed-in dispatcher."""

    def __init__(self) -> None:
        #: City → driver id → latest position, for a reader who is behind.
        self.unsent: dict[str, Batch] = {}
        self.cities: set[str] = set()

    async def enter(self) -> None:
        if not _same_origin(self.scope):
            raise Denied(NOT_SIGNED_IN, "not_signed_in", "Open the dashboard from this server's own address.")
        if not await in_thread(access.may_dispatch)(self.scope["user"]):
            raise Denied(NOT_SIGNED_IN, "not_signed_in", SIGN_IN)
        self.session_key: str = self.scope["session"].session_key
        self.process.right_to_look.hold(self)
        await self._watch(await in_thread(snapshots.city_keys)())
        snapshot = await self.process.loaders.dispatcher(None)
        assert snapshot is not None  # noqa: S101 (there is one)
        self._tell(snapshot.items)
        await self._send_last_known(snapshot)

    async def _watch(self, cities: Iterable[str]) -> None:
        for city in cities:
            if self.left:  # while a group was being joined in reconciliation's time
                return
            if city not in self.cities:
                self.cities.add(city)
                self.process.fanout.oversee(city, self)
            # Also if it did: a group that could not be joined is joined the next time.
            await self.join(groups.city(city))

    async def _send_last_known(self, snapshot: DispatcherSnapshot) -> None:
        for city in snapshot.cities:
            try:
                known = await self.process.positions.of_city(city)
                troubles = await self.process.positions.troubles_of(city)
            except RedisError:
                return  # the next fixes show them
            for driver, frame in troubles.items():
                self.outbox.put_state(snapshots.troubles_key(driver), frame)
            # Who has another city now may have a place in this one still.
            if here := [place for driver, place in known.items() if snapshot.drivers.get(driver) == city]:
                self.send_text(fanout.fleet_frame(city, here))

    def show_out(self) -> None:
        """A dashboard is open for hours; who may no longer look must not go on seeing."""
        self.deny(Denied(NOT_SIGNED_IN, "not_signed_in", SIGN_IN))

    async def fleet_changed(self, message: dict[str, Any]) -> None:
        self._tell(message["items"])

    async def cities_found(self, message: dict[str, Any]) -> None:
        """A city that is new has a group of its own."""
        await self._watch(message["cities"])

    def _tell(self, items: Iterable[EncodedItem]) -> None:
        """Sends what of it this socket was not sent."""
        for key, v, frame in items:
            if key is None:
                self.outbox.put(frame)
            elif v == 0 or not self.knows(key, v):
                self.versions[key] = v
                self.outbox.put_state(key, frame)

    def send_positions(self, city: str, moved: Batch, frame: str) -> None:
        if self.outbox.idle and not self.unsent:
            self.send_text(frame)
        else:
            self.unsent.setdefault(city, {}).update(moved)
            self.outbox.wake()

    def latest(self) -> str | None:
        if not self.unsent:
            return None
        city = next(iter(self.unsent))
        return fanout.fleet_frame(city, self.unsent.pop(city).values())

    def gone(self) -> None:
        self.process.right_to_look.let_go(self)
        for city in self.cities:
            self.process.fanout.retire(city, self)


def _same_origin(scope: dict[str, Any]) -> bool:
    """A dispatcher is known by a cookie, which a browser would send from any page: the page must be ours, of this
    very scheme, host and port, or of one whose forms are taken as well.
    """
    headers = dict(scope["headers"])
    origin, host = (headers.get(name, b"").decode("latin-1") for name in (b"origin", b"host"))
    ours = []
    if validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        ours = [f"{'https' if scope.get('scheme') == 'wss' else 'http'}://{host}"]
    trusted = [address.replace("://*.", "://.") for address in settings.CSRF_TRUSTED_ORIGINS]
    try:
        parsed = urlparse(origin)
        return bool(origin) and OriginValidator(None, ours + trusted).valid_origin(parsed)
    except ValueError:  # "http://[", or a port that is none: no address at all
        return False
