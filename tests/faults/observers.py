"""Who only watches: customers and dispatchers. They fold frames as the pages do (static/js), one fold for all.

The promise: what a client has folded is what a fresh snapshot says, or newer.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from dispatch.statuses import FINAL
from tests.faults import within
from tests.faults.clients import Client, Frame, decode, open_socket

#: A client that comes back shows what is within this time.
CATCHES_UP_S = within(2.0)


@dataclass
class DispatcherScreen:
    """What a dispatcher knows: of each thing the frame with the highest version."""

    known: dict[tuple[str, str], Frame] = field(default_factory=dict)
    #: Driver id → latest position.
    positions: dict[str, Frame] = field(default_factory=dict)
    #: When the snapshot began (ms).
    since: int = 0

    def fold(self, frame: Frame) -> None:
        match frame["type"]:
            case "hello":
                self.__init__(since=frame["now"])  # type: ignore[misc]
            case "order" | "driver" | "plan" as kind:
                key = kind, frame["orderId" if kind == "order" else "driverId"]
                if key not in self.known or frame["v"] > self.known[key]["v"]:
                    self.known[key] = frame
            case "driver_pos":
                for position in frame["drivers"]:
                    driver = position["driverId"]
                    if driver not in self.positions or position["ts"] >= self.positions[driver]["ts"]:
                        self.positions[driver] = position

    def behind(self, fresh: "DispatcherScreen") -> list[str]:
        """What a fresh snapshot knows better than we do."""
        lacks = [
            f"{kind} {id_} is at version {frame['v']}, known is {known and known['v']}"
            for (kind, id_), frame in fresh.known.items()
            if not (known := self.known.get((kind, id_))) or known["v"] < frame["v"]
        ]
        differs = [
            f"{kind} {id_} differs at version {frame['v']}: {differences(known, frame)}"
            for (kind, id_), frame in fresh.known.items()
            if (known := self.known.get((kind, id_)))
            and known["v"] == frame["v"]
            and differences(known, frame)
        ]
        ghosts = [
            f"order {id_} is still shown as {frame['status']}"
            for (kind, id_), frame in self.known.items()
            if kind == "order"
            and (kind, id_) not in fresh.known
            and frame["status"] not in FINAL
            and frame["createdAt"] < fresh.since
        ]
        old = [
            f"driver {id_} was seen {position['ts'] - (known or {'ts': 0})['ts']} ms later"
            for id_, position in fresh.positions.items()
            if not (known := self.positions.get(id_)) or known["ts"] < position["ts"]
        ]
        return lacks + differs + ghosts + old


def differences(known: Frame, fresh: Frame) -> dict[str, tuple[Any, Any]]:
    """Field → what is known of it and what a fresh snapshot says."""
    known, fresh = timeless(known), timeless(fresh)
    return {
        name: (known.get(name), fresh.get(name))
        for name in known.keys() | fresh.keys()
        if known.get(name) != fresh.get(name)
    }


def timeless(frame: Frame) -> Frame:
    """Predicted arrivals move by seconds all the time; whole minutes, on the order, are what makes a new version."""
    if frame["type"] != "plan":
        return frame
    return frame | {"stops": [stop | {"eta": None} for stop in frame["stops"]]}


@dataclass
class CustomerScreen:
    """What a customer knows."""

    known: dict[str, Any] = field(default_factory=dict)
    driver: Frame | None = None
    hidden: bool = False

    def fold(self, frame: Frame) -> None:
        match frame["type"]:
            case "hello":
                self.__init__()  # type: ignore[misc]
            case "status" | "eta" | "route" as kind:
                self.known[kind] = {name: value for name, value in frame.items() if name != "v"}
            case "driver_pos":
                self.hidden = False
                if self.driver is None or self.driver["ts"] <= frame["ts"]:
                    self.driver = frame
            case "driver_hidden":
                self.driver = None
                self.hidden = True
            case "eta_unknown":
                self.known.pop("eta", None)
            case "route_hidden":
                self.known.pop("route", None)

    def behind(self, fresh: "CustomerScreen") -> list[str]:
        wrong = [
            f"{kind} is {self.known.get(kind)} where a fresh snapshot has {fresh.known.get(kind)}"
            for kind in self.known.keys() | fresh.known.keys()
            if self.known.get(kind) != fresh.known.get(kind)
        ]
        if fresh.hidden and self.driver:
            wrong.append("the driver is still shown, and should be hidden")
        if fresh.driver and not self.driver:
            wrong.append("the driver is not shown")
        if fresh.driver and self.driver and self.driver["ts"] < fresh.driver["ts"]:
            wrong.append(f"the driver was seen {fresh.driver['ts'] - self.driver['ts']} ms later")
        return wrong


type View = DispatcherScreen | CustomerScreen


class Observer(Client):
    """A customer or a dispatcher. `positions_at`: when each position was first seen (event loop's time, ts)."""

    def __init__(
        self,
        urls: Sequence[str],
        query: str,
        headers: dict[str, str],
        rng: Random,
        kind: type[DispatcherScreen] | type[CustomerScreen],
    ) -> None:
        super().__init__(urls, query, headers, rng)
        self.role = "dispatcher" if kind is DispatcherScreen else "customer"
        self.kind = kind
        self.view: View = kind()
        #: Driver id ("" for a customer's own) → times of the fixes that were shown, in the order of their coming.
        self.seen: dict[str, list[int]] = {}
        self.statuses: list[str] = []
        self.geofences: list[Frame] = []

    def hear(self, frame: Frame) -> None:
        self.view.fold(frame)
        match frame["type"]:
            case "driver_pos" if "drivers" in frame:
                for position in frame["drivers"]:
                    self.seen.setdefault(position["driverId"], []).append(position["ts"])
            case "driver_pos":
                self.seen.setdefault("", []).append(frame["ts"])
            case "status":
                self.statuses.append(frame["status"])
            case "geofence":
                self.geofences.append(frame)

    async def fresh(self) -> View | None:
        """What a new socket is told; None where none could be had."""
        view = self.kind()
        for url in self.rng.sample(self.urls, len(self.urls)):
            try:
                async with (
                    asyncio.timeout(CATCHES_UP_S),
                    await open_socket(url, self.query, self.headers) as socket,
                ):
                    while (frame := decode(await socket.recv()))["type"] != "ready":
                        view.fold(frame)
                    return view
            except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed):
                continue
        return None

    async def catches_up(self, seconds: float = CATCHES_UP_S) -> str | None:
        """None when, within `seconds`, what is shown is what a fresh snapshot says or newer; else what is wrong.

        None as well when there is nothing to compare with: the client, or the server, is gone meanwhile.
        """
        loop = asyncio.get_running_loop()
        session = self.sessions
        deadline = None
        while True:
            fresh = await self.fresh()
            if fresh is None or not self.live.is_set() or self.sessions != session:
                return None
            deadline = deadline or loop.time() + seconds
            # A dispatcher's world moves all the time: what is newer than the snapshot is as good.
            patience = deadline if isinstance(fresh, DispatcherScreen) else min(deadline, loop.time() + 0.2)
            while wrong := self.view.behind(fresh):  # type: ignore[arg-type]
                if not self.live.is_set() or self.sessions != session:
                    return None
                if loop.time() > patience:
                    break
                await asyncio.sleep(0.05)
            if not wrong:
                return None
            if loop.time() > deadline:
                return f"{self.role}: " + "; ".join(wrong[:3])


def dispatcher(urls: Sequence[str], cookie: str, rng: Random) -> Observer:
    return Observer(urls, "role=dispatcher", {"Cookie": cookie}, rng, DispatcherScreen)


def customer(urls: Sequence[str], token: str, rng: Random) -> Observer:
    return Observer(urls, f"role=customer&token={token}", {}, rng, CustomerScreen)
