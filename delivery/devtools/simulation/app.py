"""A driver's app: the public WebSocket, a bearer token, and a network that comes and goes."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from random import Random
from uuid import UUID, uuid4

import msgspec
from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from delivery.devtools.simulation.outages import Outages, backoff
from tracking.protocol.messages import (
    Ack,
    Error,
    Expect,
    Frame,
    Heartbeat,
    Hello,
    Location,
    Locations,
    Plan,
    Ready,
    Reasons,
    Shift,
    StatusReport,
    encode,
)

logger = logging.getLogger("delivery.devtools.simulation")

PART = "The server"
#: The server promises a heartbeat every 10 s: who hears nothing for this long has lost it.
SILENCE_S = 25.0
FIXES_PER_FRAME = 50
#: An hour at one fix in five seconds; of a longer absence the oldest are given up.
KEPT_FIXES = 720

GOING_AWAY = 1001
# Close codes of the server that mean more than a lost connection.
NOT_SIGNED_IN = 4401
REPLACED = 4409

_decoder = msgspec.json.Decoder(Hello | Ready | Heartbeat | Error | Expect | Ack | Plan | Reasons)


class App:
    """One driver's app. `plan` is what the server sent last, `changed` tells of news.

    `url`: of the socket, with its role. `renew` gets a new token where the one at hand is no longer
    good; None where somebody else has the driver now.
    """

    def __init__(
        self,
        url: str,
        token: str,
        renew: Callable[[str], Awaitable[str | None]],
        *,
        outages: Outages,
        rng: Random,
    ) -> None:
        # Not by chance that can be repeated: the numbers of an earlier run are not ours.
        self._url = f"{url}&session={uuid4().hex}"
        self._token = token
        self._renew = renew
        self._outages = outages
        self._rng = rng
        self.plan: Plan | None = None
        self.changed = asyncio.Event()
        self.acknowledged = 0
        #: Numbered once, over all sockets of this run. What was sent stays until the server has it for good.
        self._waiting: deque[Location] = deque(maxlen=KEPT_FIXES)
        self._sent: deque[Location] = deque(maxlen=KEPT_FIXES)
        #: Pressed, and not sent yet: who has no network now has one later.
        self._buttons: list[StatusReport | Shift] = []
        self._works = True
        self._network = asyncio.Event()
        self._network.set()
        self._socket: ClientConnection | None = None
        self._something_to_send = asyncio.Event()
        self._next_seq = 0
        self._ready = False

    # ------------------------------------------------------------------------------- what the driver does

    def record(self, fix: Location) -> None:
        """Takes a fix; it is sent now, or when the network is back."""
        self._waiting.append(replace(fix, seq=self._next_seq))
        self._next_seq += 1
        self._something_to_send.set()

    def press(self, order_id: UUID, status: str, ts: int, reason: str | None = None) -> bool:
        """A button; it is sent now, or when the network is back. False where the plan does not list the order."""
        if self.plan is None or all(stop.order_id != order_id for stop in self.plan.stops):
            return False
        button = StatusReport(order_id=order_id, status=status, ts=ts, reason=reason)  # type: ignore[arg-type]
        if button not in self._buttons:
            self._buttons.append(button)
        self._something_to_send.set()
        return True

    def work(self, on: bool) -> None:
        """Begins or ends the shift."""
        self._works = on
        self._buttons.append(Shift(on=on))
        self._something_to_send.set()

    @property
    def works(self) -> bool:
        """Whether the driver wants to be on shift."""
        return self._works

    @property
    def has_network(self) -> bool:
        return self._network.is_set()

    async def lose_network(self, seconds: float) -> None:
        """There is none for so long."""
        self._network.clear()
        self._ready = False
        self.changed.set()
        if self._socket is not None:
            await self._socket.close(GOING_AWAY)
        await asyncio.sleep(seconds)
        self._network.set()

    # ------------------------------------------------------------------------------------------ the network

    async def run(self) -> None:
        """Connects again and again, until another app signs in as this driver: coming back would oust that one."""
        attempt = 0
        while True:
            await self._network.wait()
            try:
                async with connect(
                    self._url,
                    additional_headers={"Authorization": f"Bearer {self._token}"},
                    compression=None,
                    ping_interval=None,  # the server's heartbeats tell as much
                    open_timeout=15,
                    close_timeout=2,
                    proxy=None,
                ) as socket:
                    self._socket = socket
                    try:
                        await self._session(socket)
                    finally:
                        self._socket = None
                        await socket.close(GOING_AWAY)
            except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed) as error:
                code = error.rcvd.code if isinstance(error, ConnectionClosed) and error.rcvd else None
                if code == REPLACED:
                    return
                if code == NOT_SIGNED_IN:
                    renewed = await self._renew(self._token)
                    if renewed is None:
                        return
                    self._token = renewed
                if self.has_network:
                    self._outages.away(PART, error)
            attempt = 0 if self._ready else attempt + 1
            self._ready = False
            await asyncio.sleep(backoff(attempt, self._rng))

    async def _session(self, socket: ClientConnection) -> None:
        # What the last socket left unacknowledged goes out anew, oldest first, but for what `expect` tells of.
        self._waiting = deque([*self._sent, *self._waiting], maxlen=KEPT_FIXES)
        self._sent.clear()
        self._something_to_send.clear()
        sending = asyncio.create_task(self._send(socket))
        try:
            while True:
                async with asyncio.timeout(SILENCE_S):
                    text = await socket.recv()
                self._receive(text)
        finally:
            sending.cancel()
            (outcome,) = await asyncio.gather(sending, return_exceptions=True)
            if isinstance(outcome, BaseException) and not isinstance(
                outcome, asyncio.CancelledError | ConnectionClosed
            ):
                raise outcome

    async def _send(self, socket: ClientConnection) -> None:
        while True:
            await self._something_to_send.wait()
            self._something_to_send.clear()
            while self._ready and self._waiting:
                await socket.send(encode(self._next_fixes()))
            while self._ready and self._buttons:
                await socket.send(encode(self._buttons[0]))
                self._buttons.pop(0)

    def _next_fixes(self) -> Frame:
        fixes: list[Location] = []
        while self._waiting and len(fixes) < FIXES_PER_FRAME:
            fixes.append(self._waiting.popleft())
        self._sent.extend(fixes)
        return fixes[0] if len(fixes) == 1 else Locations(fixes=fixes)

    def _receive(self, text: str | bytes) -> None:
        try:
            frame = _decoder.decode(text)
        except msgspec.MsgspecError as error:
            logger.warning("The server sent a frame that this app does not know: %s", error)
            return
        match frame:
            case Expect(seq=seq):
                self._forget(below=seq)
            case Ack(seq=seq):
                self._forget(below=seq + 1)
            case Plan() as plan:
                # Until the snapshot is complete, the server's word replaces whatever was known before.
                if self.plan is None or not self._ready or plan.v >= self.plan.v:
                    self.plan = plan
                    self.changed.set()
            case Ready():
                self._ready = True
                self._outages.back(PART)
                self.changed.set()
                if self.plan is not None and self.plan.on_shift != self._works:
                    self._buttons.append(Shift(on=self._works))
                self._something_to_send.set()
            case Error(code=code, message=message, seq=seq):
                # A fix that was turned away is everyday life with GPS; anything else is worth a line.
                logger.log(
                    logging.WARNING if seq is None else logging.DEBUG, "Server: %s (%s)", message, code
                )

    def _forget(self, below: int) -> None:
        """The server has all fixes below this number for good."""
        for fixes in (self._sent, self._waiting):
            while fixes and (fixes[0].seq or 0) < below:
                fixes.popleft()
                self.acknowledged += 1
