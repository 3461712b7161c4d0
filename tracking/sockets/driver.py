"""The socket of a driver's app."""

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

import msgspec

from dispatch import access
from dispatch.errors import DispatchError
from dispatch.models import Driver
from dispatch.orders import actions, breaks, buttons
from tracking import metrics
from tracking.clock import now_ms
from tracking.database import in_thread
from tracking.ingest.fix_filter import DUPLICATE
from tracking.ingest.numbering import Numbering
from tracking.ingest.session import Session, last_fix
from tracking.ingest.verdicts import REFUSED
from tracking.protocol import groups, lenient
from tracking.protocol.close_codes import BAD_REQUEST, NOT_SIGNED_IN, REPLACED, TRY_AGAIN_LATER
from tracking.protocol.messages import (
    Ack,
    Break,
    DriverFrame,
    Expect,
    Location,
    Locations,
    Reasons,
    Seen,
    Shift,
    StatusReport,
    decode_driver_frame,
)
from tracking.sockets import broadcast
from tracking.sockets.base import Denied, LiveConsumer, Work

_SESSION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class DriverConsumer(LiveConsumer):
    """Takes fixes and buttons, sends the plan. Of two sockets of one driver the newer one stays."""

    session: Session | None = None

    def __init__(self) -> None:
        #: The fields, and the reasons, that the app has been told of.
        self._left_out: set[str] = set()
        self._reasons: Reasons | None = None

    async def enter(self) -> None:
        name = self.query.get("session")
        if name is not None and not _SESSION_NAME.fullmatch(name):
            raise Denied(BAD_REQUEST, "bad_request", "A session's name has 1 to 64 of A-Z a-z 0-9 _ -.")
        driver = await self._sign_in_driver()
        self.driver_id, self.token_digest = driver.pk, driver.token_digest
        self.key = f"driver:{driver.pk}"
        self.born = [now_ms(), uuid4().hex]
        await self.join(groups.driver(driver.pk))
        await broadcast.send_async(broadcast.replaced(driver.pk, self.born))
        self.session = Session(
            driver.pk,
            groups.city_key(driver.city_id),
            Numbering(self._acknowledge),
            name=name,
            refuse=self._refused,
            overload=self._overloaded,
        )
        if name is not None and name == driver.fix_session and driver.fix_seq is not None:
            self.session.go_on(driver.fix_seq)
        self.session.track.last = last_fix(driver)
        self.session.unplaced = driver.point is None
        self.send_message(Expect(seq=self.session.numbering.highest + 1))
        await self._take_plan()

    def subprotocol(self) -> str | None:
        offered = self.scope.get("subprotocols", [])
        return "doorstep" if "doorstep" in offered else next(iter(offered), None)

    async def _sign_in_driver(self) -> Driver:
        claim = access.Claim(_bearer_token(self.scope), self.query.get("driverId", ""))
        driver = await self.process.loaders.driver(claim)
        if driver is None:
            raise Denied(NOT_SIGNED_IN, "not_signed_in", "Sign-in failed: send this driver's own token.")
        return driver

    def take(self, data: str | bytes) -> Work | None:
        if self.session is None:
            return None
        frame: DriverFrame | None
        try:
            frame = decode_driver_frame(data)
        except msgspec.MsgspecError:
            frame = self._read_leniently(self.session, data)
        match frame:
            case Location():
                self._ingest(self.session, [frame])
            case Locations():
                self._ingest(self.session, frame.fixes)
            case StatusReport():
                return partial(self._press, frame)
            case Seen():
                return partial(in_thread(buttons.acknowledge), self.driver_id, frame.stop_ids)
            case Shift():
                return partial(in_thread(actions.set_shift), self.driver_id, frame.on)
            case Break():
                return partial(self._take_break, frame)
        return None

    def _read_leniently(self, session: Session, data: str | bytes) -> DriverFrame | None:
        """None where nothing of it can be read; the driver is told what could not."""
        try:
            reading = lenient.read_driver_frame(data)
        except msgspec.MsgspecError as wrong:
            self._malformed(session, [None], str(wrong))
            return None
        if reading.unreadable:
            numbers = [number for number, _ in reading.unreadable]
            for number in numbers:
                self.process.pipeline.pass_over(session, number)
            self._malformed(session, numbers, reading.unreadable[0][1])
        for name in sorted(reading.left_out):
            metrics.left_out(name)
        if said_first := sorted(reading.left_out - self._left_out):
            self._left_out |= reading.left_out
            names = " and ".join(f"`{name}`" for name in said_first)
            self.send_error("odd_field", f"{names}: left out, each time that it makes no sense.")
        return reading.frame

    def _ingest(self, session: Session, locations: Sequence[Location]) -> None:
        #: Verdict → the numbers of those of this frame.
        named: defaultdict[str, list[int | None]] = defaultdict(list)
        now = now_ms()
        for location in locations:
            if session.abandoned:
                break
            name = self.process.ingest(session, location, now)
            # A fix that came before is answered by its ack.
            if name and not (name == DUPLICATE.name and location.seq is not None):
                named[name].append(location.seq)
        for name, numbers in named.items():
            what = "The fix is" if len(numbers) == 1 else f"{len(numbers)} fixes of the frame are"
            self.send_error(name, f"{what} “{name}”: docs/protocol.md says what that means.", *numbers)

    def _malformed(self, session: Session, numbers: Sequence[int | None], why: str) -> None:
        """What can't be read, by the numbers of fixes as far as they have one."""
        for _ in numbers:
            self.process.verdicts.reject(session, "malformed", now_ms())
        what = "" if len(numbers) == 1 else f"{len(numbers)} fixes of the frame can't be read. The first: "
        self.send_error("malformed", f"{what}{why}. docs/protocol.md describes what to send.", *numbers)

    async def _press(self, frame: StatusReport) -> None:
        pressed_at = now_ms() if frame.ts is None else min(frame.ts, now_ms())
        happened_at = datetime.fromtimestamp(pressed_at / 1000, UTC)
        act = (
            partial(buttons.bring_back, self.driver_id, frame.order_id)
            if frame.status == "returned"
            else partial(buttons.report, self.driver_id, frame.order_id, frame.status, reason=frame.reason)
        )
        try:
            await in_thread(act)(happened_at=happened_at)
        except DispatchError as error:
            self.send_error(error.code, error.message)
            # What the app believed is not so: show it what is.
            await self._take_plan()

    async def _take_break(self, frame: Break) -> None:
        try:
            if frame.on:
                await in_thread(breaks.begin)(self.driver_id, frame.minutes)
            else:
                await in_thread(breaks.end)(self.driver_id)
        except DispatchError as error:
            self.send_error(error.code, error.message)

    async def plan_changed(self, message: dict[str, Any]) -> None:
        if not self.knows(self.key, message["v"]):
            self.later(self._take_plan)

    async def session_replaced(self, message: dict[str, Any]) -> None:
        if message["by"] > self.born:
            self.deny(Denied(REPLACED, "replaced", "This driver signed in again elsewhere."))

    async def _take_plan(self) -> None:
        view = await self.process.loaders.plan(self.driver_id)
        if view is None:
            raise Denied(NOT_SIGNED_IN, "not_signed_in", "This driver does not exist any more.")
        if view.token_digest != self.token_digest:
            raise Denied(NOT_SIGNED_IN, "not_signed_in", "This token is no longer good: ask for another one.")
        if self.session is None or self.knows(self.key, view.plan.v + 1):
            return
        self.versions[self.key] = view.plan.v
        if view.reasons != self._reasons:
            self._reasons = view.reasons
            self.send_message(view.reasons)
        self.send_message(view.plan)
        await self.process.follow(self.session, view)

    def _acknowledge(self, seq: int) -> None:
        self.send_message(Ack(seq=seq))

    def _refused(self, count: int, seq: int | None) -> None:
        assert self.session is not None  # noqa: S101 (it is the session that tells)
        for _ in range(count):  # the fixes themselves are counted with their commit
            self.process.verdicts.turn_away(self.session, REFUSED, now_ms())
        what = "The fix" if count == 1 else f"{count} fixes"
        self.send_error(REFUSED, f"{what} can't be stored, now or later: the server's log says why.", seq)

    def _overloaded(self) -> None:
        self.deny(
            Denied(
                TRY_AGAIN_LATER, "unavailable", "Fixes can't be stored. Keep them, and connect again later."
            )
        )

    def gone(self) -> None:
        if self.session is not None:
            self.process.pipeline.end(self.session)


def _bearer_token(scope: dict[str, Any]) -> str:
    """From the Authorization header or, for browsers, which cannot set one, a subprotocol `bearer.<token>`."""
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return str(value[7:].decode("latin-1").strip())
    for offered in scope.get("subprotocols", ()):
        if offered.startswith("bearer."):
            return str(offered.removeprefix("bearer."))
    return ""
