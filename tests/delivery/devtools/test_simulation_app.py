"""The simulated driver's app against a server that does as it is told, on a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from delivery.devtools.simulation.app import FIXES_PER_FRAME, App
from delivery.devtools.simulation.outages import Outages
from dispatch.models.failure_reasons import LeadsTo
from dispatch.statuses import OrderStatus
from tracking.protocol.messages import (
    Ack,
    Error,
    Expect,
    Frame,
    Hello,
    Location,
    Plan,
    PlanStop,
    Ready,
    Reason,
    Reasons,
    encode,
)

#: Real servers, and the seconds after which one gives up on them.
pytestmark = pytest.mark.slow

PATIENCE_S = 20.0
DRIVER = uuid4()


class Server:
    """Keeps what each session was sent."""

    def __init__(self) -> None:
        self.sessions: list[ServerConnection] = []
        self.received: list[list[dict[str, Any]]] = []
        self.tokens: list[str] = []
        self.app_sessions: list[str] = []
        self.greeting: list[Frame] = [Hello(v=1, now=0), plan(), Ready()]
        self.arrived = asyncio.Condition()

    async def __call__(self, connection: ServerConnection) -> None:
        frames: list[dict[str, Any]] = []
        async with self.arrived:
            self.sessions.append(connection)
            self.received.append(frames)
            self.tokens.append(connection.request.headers["Authorization"])
            self.app_sessions += parse_qs(urlsplit(connection.request.path).query)["session"]
            self.arrived.notify_all()
        for frame in self.greeting:
            await connection.send(encode(frame))
        with suppress(ConnectionClosed):
            async for text in connection:
                async with self.arrived:
                    frames.append(json.loads(text))
                    self.arrived.notify_all()

    async def say(self, frame: Frame) -> None:
        await self.sessions[-1].send(encode(frame))

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE_S), self.arrived:
            await self.arrived.wait_for(condition)


def plan(*stops: PlanStop, v: int = 1, on_shift: bool = True) -> Plan:
    return Plan(driver_id=DRIVER, v=v, status="idle", on_shift=on_shift, stops=list(stops))


def stop(order_id: UUID) -> PlanStop:
    return PlanStop(
        stop_id=uuid4(),
        order_id=order_id,
        kind="pickup",
        lat=39.75,
        lng=-104.99,
        name="",
        address="",
        order_status=OrderStatus.ASSIGNED,
    )


def fixes(count: int) -> list[Location]:
    return [Location(lat=39.75, lng=-104.99, ts=1000 + n) for n in range(count)]


@asynccontextmanager
async def running(server: Server, outages: Outages | None = None) -> AsyncIterator[App]:
    async def renew(token: str) -> str | None:
        return "renewed"

    async with serve(server, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        app = App(
            f"ws://127.0.0.1:{port}/?role=driver",
            "secret",
            renew,
            outages=outages or Outages(),
            rng=Random(1),
        )
        task = asyncio.create_task(app.run())
        try:
            await server.until(lambda: server.sessions)
            yield app
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def changed(app: App, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            app.changed.clear()
            await app.changed.wait()


async def test_it_signs_in_with_its_token_and_numbers_its_fixes():
    server = Server()
    async with running(server) as app:
        for fix in fixes(3):
            app.record(fix)
            await server.until(lambda fix=fix: server.received[0] and _last_ts(server.received[0]) == fix.ts)
        assert server.tokens == ["Bearer secret"]
        assert [(frame["type"], frame["seq"]) for frame in server.received[0]] == [
            ("location", 0),
            ("location", 1),
            ("location", 2),
        ]


def _last_ts(frames: list[dict[str, Any]]) -> int | None:
    frame = frames[-1]
    return (frame["fixes"][-1] if frame["type"] == "locations" else frame)["ts"]


async def test_what_was_not_acknowledged_goes_out_anew_with_what_was_kept():
    server = Server()
    async with running(server) as app:
        for fix in fixes(4):
            app.record(fix)
        await server.until(lambda: server.received[0])
        await server.say(Ack(seq=1))
        await server.say(plan(v=2))
        await changed(app, lambda: app.plan is not None and app.plan.v == 2)  # so the ack arrived too
        assert app.acknowledged == 2
        await server.sessions[0].close(1012)
        for fix in fixes(4 + 2 * FIXES_PER_FRAME)[4:]:
            app.record(fix)
        await server.until(lambda: len(server.received) == 2 and len(server.received[1]) == 3)
        frames = server.received[1]
        assert [frame["type"] for frame in frames] == ["locations"] * 3
        assert [len(frame["fixes"]) for frame in frames] == [FIXES_PER_FRAME, FIXES_PER_FRAME, 2]
        sent = [fix for frame in frames for fix in frame["fixes"]]
        assert [fix["ts"] for fix in sent] == [1000 + n for n in range(2, 4 + 2 * FIXES_PER_FRAME)]
        assert [fix["seq"] for fix in sent] == list(range(2, 4 + 2 * FIXES_PER_FRAME))
        assert server.app_sessions[0] == server.app_sessions[1]


async def test_what_the_server_does_not_expect_any_more_stays_here():
    """The ack was on its way when the connection broke."""
    server = Server()
    async with running(server) as app:
        for fix in fixes(3):
            app.record(fix)
        await server.until(lambda: server.received[0])
        server.greeting.insert(1, Expect(seq=2))
        await server.sessions[0].close(1012)
        await server.until(lambda: len(server.received) == 2 and server.received[1])
        assert [frame["seq"] for frame in server.received[1]] == [2]
        assert app.acknowledged == 2


async def test_nothing_is_sent_before_the_snapshot_is_complete():
    server = Server()
    server.greeting = []
    async with running(server) as app:
        app.record(fixes(1)[0])
        for frame in (Hello(v=1, now=0), Expect(seq=0), plan()):
            await server.say(frame)
        await changed(app, lambda: app.plan is not None)
        assert server.received[0] == []
        await server.say(Ready())
        await server.until(lambda: server.received[0])


async def test_each_run_has_a_session_of_its_own():
    server = Server()
    async with running(server), running(server):
        await server.until(lambda: len(server.app_sessions) == 2)
    assert len(set(server.app_sessions)) == 2


async def test_a_driver_off_shift_goes_on_shift():
    server = Server()
    server.greeting[1] = plan(on_shift=False)
    async with running(server):
        await server.until(lambda: server.received[0])
        assert server.received[0] == [{"type": "shift", "on": True}]


async def test_it_presses_only_what_the_plan_lists():
    server, listed = Server(), uuid4()
    server.greeting[1] = plan(stop(listed))
    async with running(server) as app:
        assert not app.press(listed, "picked_up", ts=5)  # not signed in yet
        await changed(app, lambda: app.press(listed, "picked_up", ts=5))
        assert not app.press(uuid4(), "delivered", ts=6)
        await server.until(lambda: server.received[0])
        assert server.received[0] == [
            {"type": "status", "orderId": str(listed), "status": "picked_up", "ts": 5}
        ]
        await server.say(plan(v=2))
        await changed(app, lambda: app.plan is not None and app.plan.v == 2)
        assert not app.press(listed, "delivered", ts=7)


async def test_an_older_plan_is_ignored_until_the_next_session():
    server = Server()
    server.greeting[1] = plan(v=5)
    async with running(server) as app:
        await changed(app, lambda: app.plan is not None)
        await server.say(plan(v=4))
        await server.say(plan(stop(uuid4()), v=6))
        await changed(app, lambda: app.plan is not None and app.plan.v == 6)
        server.greeting[1] = plan(v=3)
        await server.sessions[0].close(1012)
        await changed(app, lambda: app.plan is not None and app.plan.v == 3)


@pytest.mark.parametrize("text", ["{}", "[]", "no JSON", '{"type":"news","from":"a later version"}'])
async def test_a_frame_it_does_not_know_is_no_end(text, caplog):
    server = Server()
    async with running(server) as app:
        await changed(app, lambda: app.plan is not None)
        await server.sessions[0].send(text)
        await server.say(Error(code="teleport", message="No.", seq=4))
        await server.say(plan(v=2))
        await changed(app, lambda: app.plan is not None and app.plan.v == 2)
        assert len(server.sessions) == 1
    assert [record.message for record in caplog.records if "does not know" in record.message]


async def test_a_token_that_is_no_longer_good_is_renewed():
    server = Server()
    async with running(server):
        await server.sessions[0].close(4401)
        await server.until(lambda: len(server.sessions) == 2)
        assert server.tokens == ["Bearer secret", "Bearer renewed"]


async def nobodys(token: str) -> str | None:
    return None


@pytest.mark.parametrize("code", [4409, 4401], ids=["replaced", "somebody else has the driver"])
async def test_an_app_that_lost_its_driver_does_not_come_back(code: int):
    server = Server()
    async with serve(server, "127.0.0.1", 0) as listening:
        url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/?role=driver"
        app = App(url, "secret", nobodys, outages=Outages(), rng=Random(1))
        task = asyncio.create_task(app.run())
        await server.until(lambda: server.sessions)
        await server.sessions[0].close(code)
        async with asyncio.timeout(PATIENCE_S):
            await task
    assert len(server.sessions) == 1


async def test_a_lost_server_is_one_line_and_its_return_another(caplog):
    caplog.set_level("INFO")
    server, outages = Server(), Outages()
    async with running(server, outages) as app, running(server, outages) as another:
        for each in (app, another):
            await changed(each, lambda each=each: each.plan is not None)
        for session in server.sessions:
            await session.close(1012)
        await server.until(lambda: len(server.sessions) == 4)
        for each in (app, another):
            each.record(fixes(1)[0])
        await server.until(lambda: all(server.received[2:]))
    lines = [
        record.getMessage() for record in caplog.records if record.name == "delivery.devtools.simulation"
    ]
    assert [line.split(",")[0].split(".")[0] for line in lines] == [
        "The server is away",
        "The server is back",
    ]


async def test_it_knows_all_that_a_server_sends_at_sign_in(caplog):
    server = Server()
    server.greeting.insert(1, Reasons([Reason("closed", "Closed", LeadsTo.END)]))
    async with running(server) as app:
        await changed(app, lambda: app.plan is not None)
    assert not [record for record in caplog.records if "does not know" in record.getMessage()]


async def test_what_is_pressed_without_a_network_comes_later_with_its_time():
    server, listed = Server(), uuid4()
    server.greeting[1] = plan(stop(listed))
    async with running(server) as app:
        await changed(app, lambda: app.plan is not None)
        tunnel = asyncio.create_task(app.lose_network(0.2))
        await changed(app, lambda: not app.has_network)
        for _ in range(3):
            assert app.press(listed, "failed", ts=5, reason="closed")
        await tunnel
        await server.until(lambda: len(server.received) > 1 and server.received[1])
        assert server.received[1] == [
            {"type": "status", "orderId": str(listed), "status": "failed", "ts": 5, "reason": "closed"}
        ]


async def test_who_ended_the_shift_stays_off_it_when_the_network_comes_back():
    server = Server()
    async with running(server) as app:
        await changed(app, lambda: app.plan is not None)
        app.work(False)
        await server.until(lambda: server.received[0])
        assert server.received[0] == [{"type": "shift", "on": False}]
        server.greeting[1] = plan(v=2)  # which has not heard of it
        await server.sessions[0].close(1012)
        await server.until(lambda: len(server.received) > 1 and server.received[1])
        assert server.received[1] == [{"type": "shift", "on": False}]
