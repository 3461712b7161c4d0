"""The three roles of `/ws`: a driver's app, a customer's page, a dispatcher's dashboard."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlparse

import msgspec
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.security.websocket import OriginValidator
from django.conf import settings
from redis.exceptions import RedisError

from dispatch import access, actions
from dispatch.errors import DispatchError, NotFound
from dispatch.models import Driver, Order
from tracking import broadcast, fanout, groups, snapshots
from tracking.fixes import Fix
from tracking.frames import milliseconds
from tracking.live import now_ms
from tracking.messages import Ack, Location, Locations, Shift, StatusReport, decode_driver_frame, encode
from tracking.pipeline import Session
from tracking.sockets import (
    BAD_REQUEST,
    NOT_FOUND,
    NOT_SIGNED_IN,
    REPLACED,
    TOO_MUCH,
    LiveConsumer,
    Refused,
    query,
)


class DriverConsumer(LiveConsumer):
    """Takes fixes and buttons, tells the plan. Of two sockets of one driver the newer one stays."""

    session: Session | None = None

    async def enter(self) -> None:
        driver = await self._sign_in()
        self.driver_id = driver.pk
        self.key = f"driver:{driver.pk}"
        group = groups.driver(driver.pk)
        await self.channel_layer.group_send(group, {"type": "driver.replaced", "by": self.channel_name})
        await self.join(group)
        self.session = Session(driver.pk, groups.city_key(driver.city_id), self._acknowledge)
        self.session.track.last = _last_fix(driver)
        await self._take_plan()

    def subprotocol(self) -> str | None:
        offered = self.scope.get("subprotocols", [])
        return "doorstep" if "doorstep" in offered else next(iter(offered), None)

    async def _sign_in(self) -> Driver:
        token = _bearer_token(self.scope)
        claimed = query(self.scope).get("driverId", "")
        try:
            return await database_sync_to_async(access.driver_by_token)(token, claimed)
        except NotFound as unknown:
            raise Refused(NOT_SIGNED_IN, "not_signed_in", unknown.message) from None

    async def receive(self, data: str | bytes) -> None:
        try:
            frame = decode_driver_frame(data)
        except msgspec.MsgspecError as wrong:
            self.complain("malformed", f"{wrong}. Send one JSON object as docs/protocol.md describes.")
            return
        match frame:
            case Location():
                self._ingest(frame)
            case Locations() if any(location.ts is None for location in frame.fixes):
                self.complain("malformed", "A fix that waited needs its time: send `ts` with each.")
            case Locations():
                for location in frame.fixes:
                    self._ingest(location)
            case StatusReport():
                await self._press(frame)
            case Shift():
                await database_sync_to_async(actions.set_shift)(self.driver_id, frame.on)

    def _ingest(self, location: Location) -> None:
        assert self.session is not None  # noqa: S101 (set before the first frame is read)
        verdict = self.live.pipeline.ingest(self.session, location, now_ms())
        if verdict.name:
            self.complain(
                verdict.name, f"The fix was not used as live position: {verdict.name}.", location.seq
            )

    async def _press(self, frame: StatusReport) -> None:
        pressed_at = now_ms() if frame.ts is None else min(frame.ts, now_ms())
        try:
            await database_sync_to_async(actions.report)(
                self.driver_id,
                frame.order_id,
                frame.status,
                happened_at=datetime.fromtimestamp(pressed_at / 1000, UTC),
            )
        except DispatchError as refused:
            self.complain(refused.code, refused.message)
            # What the app believed is not so: show it what is.
            await self._take_plan()

    async def driver_changed(self, message: dict[str, Any]) -> None:
        if not self.knows(self.key, message["v"]):
            await self._take_plan()

    async def driver_replaced(self, message: dict[str, Any]) -> None:
        if message["by"] != self.channel_name:
            raise Refused(REPLACED, "replaced", "This driver signed in again elsewhere.")

    async def _take_plan(self) -> None:
        assert self.session is not None  # noqa: S101 (a session begins before its first plan)
        view = await database_sync_to_async(snapshots.driver_view)(
            self.driver_id, settings.CUSTOMER_GEOFENCE_M
        )
        if self.knows(self.key, view.plan.v + 1):
            return
        self.versions[self.key] = view.plan.v
        self.session.offline = view.offline
        self.session.set_fences(view.fences, view.arrivals)
        self.tell(view.plan)

    def _acknowledge(self, seq: int) -> None:
        self.tell(Ack(seq=seq))

    def gone(self) -> None:
        if self.session is not None:
            self.live.pipeline.end(self.session)


class CustomerConsumer(LiveConsumer):
    """Shows one order to whoever has its tracking token, and of the driver no more than the order's own way."""

    def __init__(self) -> None:
        super().__init__()
        #: Kind of frame → what it last said.
        self.told: dict[str, str] = {}
        self.watched: str | None = None
        self.position: str | None = None

    async def enter(self) -> None:
        token = query(self.scope).get("token", "")
        self.key = f"order:{(await self._find(token)).pk}"
        group = groups.order(token)
        if len(self.live.members.get(group, ())) >= settings.SOCKETS_PER_TRACKING_LINK:
            raise Refused(TOO_MUCH, "too_many", "This tracking link is open on too many screens. Close one.")
        await self.join(group)
        order = await self._find(token)
        view = (await database_sync_to_async(snapshots.customer_views)([order]))[order.pk]
        await self.customer_changed(broadcast.customer_changed(view))

    async def _find(self, token: str) -> Order:
        try:
            return await database_sync_to_async(access.order_by_token)(token)
        except NotFound as unknown:
            raise Refused(NOT_FOUND, unknown.code, unknown.message) from None

    async def customer_changed(self, message: dict[str, Any]) -> None:
        if self.knows(self.key, message["v"]):
            return
        self.versions[self.key] = message["v"]
        self._watch(message["driver"])
        for kind, says, frame in message["frames"]:
            if self.told.get(kind) != says:
                self.told[kind] = says
                self.say(frame)
        if message["driver"] is None:
            return
        self.told.pop("DriverHidden", None)
        if self.position is None:
            await self._show_last_known(message["city"], message["driver"])

    def _watch(self, driver_id: str | None) -> None:
        if driver_id == self.watched:
            return
        if self.watched is not None:
            self.live.fanout.unwatch(self.watched, self)
        self.position = None
        self.watched = driver_id
        if driver_id is not None:
            self.live.fanout.watch(driver_id, self)

    async def _show_last_known(self, city: str, driver_id: str) -> None:
        try:
            known = await self.live.positions.of_driver(city, driver_id)
        except RedisError:
            return  # the next fix shows it
        if known is not None and self.position is None and self.watched == driver_id:
            self.show(fanout.customer_frame(known))

    def show(self, frame: str) -> None:
        self.position = frame
        self.outbox.wake()

    def latest(self) -> str | None:
        frame, self.position = self.position, None
        return frame

    def gone(self) -> None:
        self._watch(None)


class DispatcherConsumer(LiveConsumer):
    """Shows the whole fleet to a signed-in dispatcher."""

    def __init__(self) -> None:
        super().__init__()
        #: City → driver id → latest position, for a reader who is behind.
        self.unsent: dict[str, dict[str, str]] = {}

    async def enter(self) -> None:
        if not _same_origin(self.scope):
            raise Refused(
                NOT_SIGNED_IN, "not_signed_in", "Open the dashboard from this server's own address."
            )
        if not await database_sync_to_async(access.may_dispatch)(self.scope["user"]):
            raise Refused(NOT_SIGNED_IN, "not_signed_in", "Sign in as a dispatcher.")
        cities = await database_sync_to_async(snapshots.city_keys)()
        for city in cities:
            await self.join(groups.city(city))
        self.live.fanout.oversee(self)
        items = await database_sync_to_async(snapshots.dispatcher_items)()
        self._take([(item.key, item.v, encode(item.frame)) for item in items])
        for city in cities:
            try:
                known = await self.live.positions.of_city(city)
            except RedisError:
                break  # the next fixes show them
            if known:
                self.say(fanout.fleet_frame(city, map(encode, known)))

    async def fleet_changed(self, message: dict[str, Any]) -> None:
        self._take(message["items"])

    def _take(self, items: Any) -> None:
        for key, v, frame in items:
            if v == 0 or not self.knows(key, v):
                self.versions[key] = v
                self.say(frame)

    def update(self, city: str, moved: dict[str, str], frame: str) -> None:
        if self.outbox.idle and not self.unsent:
            self.say(frame)
        else:
            self.unsent.setdefault(city, {}).update(moved)
            self.outbox.wake()

    def latest(self) -> str | None:
        if not self.unsent:
            return None
        city = next(iter(self.unsent))
        return fanout.fleet_frame(city, self.unsent.pop(city).values())

    def gone(self) -> None:
        self.live.fanout.retire(self)


class NoRole(LiveConsumer):
    async def enter(self) -> None:
        raise Refused(
            BAD_REQUEST, "bad_request", "Connect with ?role=driver, ?role=customer or ?role=dispatcher."
        )


_ROLES = {
    "driver": DriverConsumer.as_asgi(),
    "customer": CustomerConsumer.as_asgi(),
    "dispatcher": AuthMiddlewareStack(DispatcherConsumer.as_asgi()),
}
_no_role = NoRole.as_asgi()


async def live_socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The ASGI application behind `/ws`."""
    await _ROLES.get(query(scope).get("role", ""), _no_role)(scope, receive, send)


def _bearer_token(scope: dict[str, Any]) -> str:
    """From the Authorization header or, for browsers, which cannot set one, a subprotocol `bearer.<token>`."""
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return str(value[7:].decode("latin-1").strip())
    for offered in scope.get("subprotocols", ()):
        if offered.startswith("bearer."):
            return str(offered.removeprefix("bearer."))
    return ""


def _same_origin(scope: dict[str, Any]) -> bool:
    """A dispatcher is known by a cookie, which a browser would send from any page: the page must be ours."""
    origin = dict(scope["headers"]).get(b"origin", b"").decode("latin-1")
    return bool(origin) and OriginValidator(None, settings.ALLOWED_HOSTS).valid_origin(urlparse(origin))


def _last_fix(driver: Driver) -> Fix | None:
    """Where the fix filter goes on: a fix that is older than this one is history."""
    if driver.current_lat is None or driver.current_lng is None or driver.fix_at is None:
        return None
    return Fix(driver.current_lat, driver.current_lng, milliseconds(driver.fix_at) or 0)
