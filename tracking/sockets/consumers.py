"""The three roles of `/ws`: a driver's app, a customer's page, a dispatcher's dashboard."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, urlparse
from uuid import uuid4

import msgspec
from channels.auth import get_user
from channels.security.websocket import OriginValidator
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import InterfaceError, OperationalError
from django.http import parse_cookie
from redis.exceptions import RedisError

from dispatch import access
from dispatch.errors import DispatchError, NotFound
from dispatch.models import Driver
from dispatch.orders import actions
from tracking.database import in_thread
from tracking.ingest.fix_filter import DUPLICATE, Fix
from tracking.ingest.pipeline import Session
from tracking.protocol import groups
from tracking.protocol.frames import milliseconds
from tracking.protocol.messages import (
    Ack,
    Expect,
    Location,
    Locations,
    Shift,
    StatusReport,
    decode_driver_frame,
    encode,
)
from tracking.sockets import broadcast, fanout
from tracking.sockets.base import (
    BAD_REQUEST,
    NOT_FOUND,
    NOT_SIGNED_IN,
    REPLACED,
    TOO_MUCH,
    TRY_AGAIN_LATER,
    LiveSocket,
    Refused,
    Work,
)
from tracking.sockets.live import now_ms

#: How often a dispatcher's right to look is checked again.
RECHECK_S = 60.0
_SESSION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class DriverSocket(LiveSocket):
    """Takes fixes and buttons, tells the plan. Of two sockets of one driver the newer one stays."""

    session: Session | None = None

    async def enter(self) -> None:
        name = self.query.get("session")
        if name is not None and not _SESSION_NAME.fullmatch(name):
            raise Refused(BAD_REQUEST, "bad_request", "A session's name has 1 to 64 of A-Z a-z 0-9 _ -.")
        driver = await self._sign_in_driver()
        self.driver_id = driver.pk
        self.key = f"driver:{driver.pk}"
        self.born = [now_ms(), uuid4().hex]
        group = groups.driver(driver.pk)
        self.join(group)
        await broadcast.send_async([(group, {"type": "replaced", "by": self.born})])
        self.session = Session(driver.pk, groups.city_key(driver.city_id), self._acknowledge, name)
        if name is not None and name == driver.fix_session and driver.fix_seq is not None:
            self.session.goes_on(driver.fix_seq)
        self.session.track.last = _last_fix(driver)
        self.session.overload = self._overloaded
        self.tell(Expect(seq=self.session.seq + 1))
        await self._take_plan()

    def subprotocol(self) -> str | None:
        offered = self.scope.get("subprotocols", [])
        return "doorstep" if "doorstep" in offered else next(iter(offered), None)

    async def _sign_in_driver(self) -> Driver:
        claim = access.Claim(_bearer_token(self.scope), self.query.get("driverId", ""))
        driver = await self.live.lookups.driver(claim)
        if driver is None:
            raise Refused(NOT_SIGNED_IN, "not_signed_in", "Sign-in failed: send this driver's own token.")
        return driver

    def take(self, data: str | bytes) -> Work | None:
        if self.session is None:
            return None
        try:
            frame = decode_driver_frame(data)
        except msgspec.MsgspecError as wrong:
            self._malformed(self.session, f"{wrong}. Send one JSON object as docs/protocol.md describes.")
            return None
        match frame:
            case Location():
                self._ingest(self.session, [frame])
            case Locations() if any(location.ts is None for location in frame.fixes):
                self._malformed(self.session, "A fix that waited needs its time: send `ts` with each.")
            case Locations():
                self._ingest(self.session, frame.fixes)
            case StatusReport():
                return partial(self._press, frame)
            case Shift():
                return partial(in_thread(actions.set_shift), self.driver_id, frame.on)
        return None

    def _ingest(self, session: Session, locations: Sequence[Location]) -> None:
        #: Verdict → how many of this frame, and the number of the last one.
        named: dict[str, tuple[int, int | None]] = {}
        now = now_ms()
        for location in locations:
            name = self.live.pipeline.ingest(session, location, now).name
            # A fix that came before is answered by its ack.
            if name and not (name == DUPLICATE.name and location.seq is not None):
                count, _ = named.get(name, (0, None))
                named[name] = count + 1, location.seq
        for name, (count, seq) in named.items():
            what = "The fix is" if count == 1 else f"{count} fixes of the frame are"
            self.complain(name, f"{what} “{name}”: docs/protocol.md says what that means.", seq)

    def _malformed(self, session: Session, message: str) -> None:
        self.live.pipeline.reject(session, "malformed", now_ms())
        self.complain("malformed", message)

    async def _press(self, frame: StatusReport) -> None:
        pressed_at = now_ms() if frame.ts is None else min(frame.ts, now_ms())
        try:
            await in_thread(actions.report)(
                self.driver_id,
                frame.order_id,
                frame.status,
                happened_at=datetime.fromtimestamp(pressed_at / 1000, UTC),
            )
        except DispatchError as refused:
            self.complain(refused.code, refused.message)
            # What the app believed is not so: show it what is.
            await self._take_plan()

    def hear(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "driver" if not self.knows(self.key, message["v"]):
                self.later(self._take_plan)
            case "replaced" if message["by"] > self.born:
                self.refuse(Refused(REPLACED, "replaced", "This driver signed in again elsewhere."))

    async def _take_plan(self) -> None:
        view = await self.live.lookups.plan(self.driver_id)
        if view is None:
            raise Refused(NOT_SIGNED_IN, "not_signed_in", "This driver does not exist any more.")
        if self.session is None or self.knows(self.key, view.plan.v + 1):
            return
        self.versions[self.key] = view.plan.v
        self.session.offline = view.offline
        self.session.set_fences(view.fences, view.arrivals)
        self.tell(view.plan)

    def _acknowledge(self, seq: int) -> None:
        self.tell(Ack(seq=seq))

    def _overloaded(self) -> None:
        self.refuse(
            Refused(
                TRY_AGAIN_LATER, "unavailable", "Fixes can't be stored. Keep them, and connect again later."
            )
        )

    def gone(self) -> None:
        if self.session is not None:
            self.live.pipeline.end(self.session)


class CustomerSocket(LiveSocket):
    """Shows one order to whoever has its tracking token, and of the driver no more than the order's own way."""

    def __init__(self, *asgi: Any) -> None:
        super().__init__(*asgi)
        #: Kind of frame → what it last said.
        self.told: dict[str, str] = {}
        self.city = groups.NO_CITY
        self.watched: str | None = None
        self.position: str | None = None

    async def enter(self) -> None:
        token = self.query.get("token", "")
        order = self._found(await self.live.lookups.order(token))
        self.key = f"order:{order.pk}"
        group = groups.order(token)
        if len(self.live.audience.of(group)) >= settings.SOCKETS_PER_TRACKING_LINK:
            raise Refused(TOO_MUCH, "too_many", "This tracking link is open on too many screens. Close one.")
        self.join(group)
        view = self._found(await self.live.lookups.customer(token))
        self.hear(broadcast.customer_message(view))
        await self._show_last_known()

    def _found[Found](self, found: Found | None) -> Found:
        if found is None:
            raise Refused(NOT_FOUND, NotFound.code, access.NO_SUCH_LINK)
        return found

    def hear(self, message: dict[str, Any]) -> None:
        if self.knows(self.key, message["v"]):
            return
        self.versions[self.key] = message["v"]
        self._watch(message["city"], message["driver"])
        for kind, says, frame in message["frames"]:
            if self.told.get(kind) != says:
                self.told[kind] = says
                self.say(frame)
        if message["driver"] is not None:
            self.told.pop("DriverHidden", None)

    def _watch(self, city: str, driver_id: str | None) -> None:
        if driver_id == self.watched:
            return
        if self.watched is not None:
            self.live.fanout.unwatch(self.watched, self)
        self.position = None
        self.city, self.watched = city, driver_id
        if driver_id is not None:
            self.live.fanout.watch(driver_id, self)
            if self in self.live.sockets:
                self.later(self._show_last_known)

    async def _show_last_known(self) -> None:
        """The position of a driver who comes into sight; later ones follow as they come."""
        if (driver_id := self.watched) is None:
            return
        try:
            known = await self.live.positions.of_driver(self.city, driver_id)
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
        self._watch(self.city, None)


class DispatcherSocket(LiveSocket):
    """Shows the whole fleet to a signed-in dispatcher."""

    def __init__(self, *asgi: Any) -> None:
        super().__init__(*asgi)
        #: City → driver id → latest position, for a reader who is behind.
        self.unsent: dict[str, dict[str, str]] = {}

    async def enter(self) -> None:
        if not _same_origin(self.scope):
            raise Refused(
                NOT_SIGNED_IN, "not_signed_in", "Open the dashboard from this server's own address."
            )
        # Not by Channels' middleware, which takes part in every frame that is sent.
        self.web_session = _sessions().SessionStore(_cookie(self.scope, settings.SESSION_COOKIE_NAME))
        user = await get_user({"session": self.web_session})
        if not await in_thread(access.may_dispatch)(user):
            raise Refused(NOT_SIGNED_IN, "not_signed_in", "Sign in as a dispatcher.")
        self.user_id = user.pk
        self.later(self._leave_when_signed_out)
        self.join(groups.DISPATCHERS)
        self.live.fanout.oversee(self)
        fleet = await self.live.lookups.fleet(None)
        assert fleet is not None  # noqa: S101 (there is one fleet)
        self.outbox.put_snapshot(self._news(fleet.items))
        for city in fleet.cities:
            try:
                known = await self.live.positions.of_city(city)
                troubles = await self.live.positions.troubles_of(city)
            except RedisError:
                break  # the next fixes show them
            self.outbox.put_snapshot(troubles)
            if known:
                self.say(fanout.fleet_frame(city, map(encode, known)))

    async def _leave_when_signed_out(self) -> None:
        """A dashboard is open for hours; who may no longer look must not go on seeing."""
        while True:
            await asyncio.sleep(RECHECK_S)
            try:
                still_may = await in_thread(self._still_may_look)()
            except (OperationalError, InterfaceError):
                continue  # an outage is no reason to leave the dispatchers blind
            if not still_may:
                raise Refused(NOT_SIGNED_IN, "not_signed_in", "Sign in as a dispatcher.")

    def _still_may_look(self) -> bool:
        session = self.web_session
        user = get_user_model().objects.filter(pk=self.user_id).first()
        return bool(session.exists(session.session_key) and user and access.may_dispatch(user))

    def hear(self, message: dict[str, Any]) -> None:
        for frame in self._news(message["items"]):
            self.say(frame)

    def _news(self, items: Iterable[tuple[str, int, str]]) -> Iterator[str]:
        """The frames of those (key, version, frame) that this socket was not told of."""
        for key, v, frame in items:
            if v == 0 or not self.knows(key, v):
                self.versions[key] = v
                yield frame

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


class NoRole(LiveSocket):
    async def enter(self) -> None:
        raise Refused(
            BAD_REQUEST, "bad_request", "Connect with ?role=driver, ?role=customer or ?role=dispatcher."
        )


_ROLES = {
    "driver": DriverSocket.as_asgi,
    "customer": CustomerSocket.as_asgi,
    "dispatcher": DispatcherSocket.as_asgi,
}


async def live_socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The ASGI application behind `/ws`."""
    role = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("role", "")
    await _ROLES.get(role, NoRole.as_asgi)(scope, receive, send)


def _bearer_token(scope: dict[str, Any]) -> str:
    """From the Authorization header or, for browsers, which cannot set one, a subprotocol `bearer.<token>`."""
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return str(value[7:].decode("latin-1").strip())
    for offered in scope.get("subprotocols", ()):
        if offered.startswith("bearer."):
            return str(offered.removeprefix("bearer."))
    return ""


def _cookie(scope: dict[str, Any], name: str) -> str | None:
    sent = dict(scope["headers"]).get(b"cookie", b"").decode("latin-1")
    return parse_cookie(sent).get(name)


def _sessions() -> Any:
    return import_module(settings.SESSION_ENGINE)


def _same_origin(scope: dict[str, Any]) -> bool:
    """A dispatcher is known by a cookie, which a browser would send from any page: the page must be ours."""
    origin = dict(scope["headers"]).get(b"origin", b"").decode("latin-1")
    try:
        parsed = urlparse(origin)
    except ValueError:  # "http://[": no address at all
        return False
    return bool(origin) and OriginValidator(None, settings.ALLOWED_HOSTS).valid_origin(parsed)


def _last_fix(driver: Driver) -> Fix | None:
    """Where the fix filter goes on: a fix that is older than this one is history."""
    if driver.current_lat is None or driver.current_lng is None or driver.fix_at is None:
        return None
    return Fix(driver.current_lat, driver.current_lng, milliseconds(driver.fix_at) or 0)
