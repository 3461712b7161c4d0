"""What becomes of what tracker apps send: answers, the store, limits, and who may."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from prometheus_client import REGISTRY

from dispatch.models import Driver
from dispatch.orders import actions
from routing.geo import destination
from tests.conftest import DENVER
from tests.tracking.sockets.clients import Socket, bearer, dispatcher_socket
from tests.tracking.trackers.apps import (
    APPS,
    BASE,
    App,
    Fix,
    Request,
    ask,
    basic,
    osmand,
    owntracks,
    owntracks_location,
    posted,
    traccar_9,
    traccar_form,
)
from tests.waiting import wait_until
from tracking.clock import now_ms
from tracking.ingest import recorder
from tracking.models import LocationHistory
from tracking.protocol.frames import milliseconds
from tracking.sockets import process
from tracking.sockets.process import Process, this_process
from tracking.trackers import requests, trackers

pytestmark = pytest.mark.usefixtures("live_loop")

HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "COMMIT_S", 0.01)
    monkeypatch.setattr(process, "REPORT_S", 0.05)


@sync_to_async
def token_of(driver: Driver) -> str:
    return actions.issue_token(driver.pk)


def fix(metres_west: float, ago_s: float = 0, **more: Any) -> Fix:
    """So far west of the restaurant, taken so long ago, on a whole second."""
    at = destination(DENVER, 270, metres_west)
    return Fix(round(at.lat, 6), round(at.lng, 6), (now_ms() // 1000 - round(ago_s)) * 1000)._replace(**more)


async def place(driver: Driver) -> tuple[float | None, float | None, int | None]:
    await driver.arefresh_from_db()
    return driver.current_lat, driver.current_lng, milliseconds(driver.fix_at)


@pytest.mark.parametrize("app", APPS.values(), ids=APPS)
async def test_what_is_answered_with_200_is_stored(driver: Driver, app: App) -> None:
    sent = fix(900, speed=9.5)
    answer = await ask(app(await token_of(driver), sent))
    assert (answer.status, answer.told) == (200, [] if app is owntracks else {"good": 1})
    assert await place(driver) == (sent.lat, sent.lng, sent.ts)
    row = await LocationHistory.objects.alatest("recorded_at")
    assert (row.driver_id, row.lat, milliseconds(row.recorded_at)) == (driver.pk, sent.lat, sent.ts)
    assert row.speed == pytest.approx(9.5, abs=0.14)


@pytest.mark.parametrize(
    "sign_in",
    [
        lambda token: ("", [("Authorization", f"Bearer {token}")]),
        lambda token: ("", [basic(token)]),
        lambda token: (f"/{token}", []),
        lambda token: (f"/{token}/", [("Authorization", "Bearer something-else")]),
    ],
)
@pytest.mark.parametrize("app", requests.READERS)
async def test_each_place_for_a_token_is_every_apps(
    driver: Driver, app: str, sign_in: Callable[[str], tuple[str, list[tuple[str, str]]]]
) -> None:
    path, headers = sign_in(await token_of(driver))
    sent = fix(900)
    told = owntracks_location(sent) if app == "owntracks" else traccar_form("12345678", sent)
    request = posted(f"{BASE}/{app}{path}", told, *headers)
    if app == "osmand":
        request = Request(
            "GET", f"{BASE}/osmand{path}?id=7&lat={sent.lat}&lon={sent.lng}", b"", tuple(headers)
        )
    assert (await ask(request)).status == 200
    assert (await place(driver))[:2] == (sent.lat, sent.lng)


@pytest.mark.parametrize("token", ["", "x", "bo0g1eW00gie-bo0g1eW00gie-bo0g1e", "x" * 5000, "\ud800"])
@pytest.mark.parametrize("app", requests.READERS)
async def test_a_wrong_token_is_answered_401_and_counted(driver: Driver, app: str, token: str) -> None:
    before = counted(app, 401)
    body = json.dumps({"device_id": token, "location": {}}).encode()
    answer = await ask(Request("POST", f"{BASE}/{app}", body, (("Content-Type", "application/json"),)))
    assert (answer.status, answer.told["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert counted(app, 401) == before + 1


def counted(app: str, status: int) -> float:
    labels = {"app": app, "status": str(status)}
    return REGISTRY.get_sample_value("doorstep_tracker_requests_total", labels) or 0.0


async def test_many_wrong_tokens_share_a_query(
    driver: Driver, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    loader = this_process().loaders.claimed
    load = loader._load

    async def counting(claims: Any) -> Any:
        asked.append(len(claims))
        return await load(claims)

    monkeypatch.setattr(loader, "_load", counting)
    answers = await asyncio.gather(*(ask(osmand(f"wrong-{n}", fix(900))) for n in range(150)))
    assert {answer.status for answer in answers} == {401}
    assert sum(asked) == 150
    assert len(asked) <= 3


async def test_a_token_that_was_revoked_opens_nothing_from_then_on(driver: Driver) -> None:
    token = await token_of(driver)
    assert (await ask(osmand(token, fix(900)))).status == 200
    await sync_to_async(actions.revoke_token)(driver.pk)
    assert (await ask(osmand(token, fix(870)))).status == 401


async def test_no_token_is_in_the_log(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    token = await token_of(driver)
    with caplog.at_level(logging.DEBUG):
        await ask(Request("POST", f"{BASE}/owntracks/{token}", b"x" * (requests.MOST_BYTES + 1)))
        await ask(Request("DELETE", f"{BASE}/osmand/{token}?id={token}"))
        await ask(Request("GET", f"{BASE}/osmand/x{token}"))
    lines = [record for record in caplog.records if record.name.startswith("django")]
    assert len(lines) >= 2
    [console] = [
        h for h in logging.getLogger().handlers if isinstance(h, logging.StreamHandler) and h.filters
    ]
    for record in lines:
        assert console.filter(record)
        assert token not in console.format(record)


# ------------------------------------------------------------------------------------------ what comes late


@pytest.mark.parametrize("app", APPS.values(), ids=APPS)
async def test_what_waited_for_an_hour_is_history_and_moves_nothing(driver: Driver, app: App) -> None:
    token = await token_of(driver)
    now = fix(500)
    assert (await ask(app(token, now))).status == 200
    # One by one, each with the time at which it was taken, a second apart: about as fast as they are answered.
    waited = [fix(3000 - 10 * n, 3600 - n) for n in range(12)]
    for one in (*waited[:6], waited[9], waited[7], waited[8], waited[6], *waited[10:]):
        assert (await ask(app(token, one))).status == 200
    assert await place(driver) == (now.lat, now.lng, now.ts)
    kept = LocationHistory.objects.filter(driver=driver, recorded_at__lt=driver.fix_at).exclude(
        lat=driver.current_lat
    )
    assert {milliseconds(row.recorded_at) async for row in kept} >= {one.ts for one in waited}


async def test_what_waited_is_not_taken_for_a_slow_clock(new_driver: Callable[..., Driver]) -> None:
    driver = await sync_to_async(new_driver)(current_lat=None, current_lng=None, fix_at=None)
    token = await token_of(driver)
    # Taken one after another as they are sent: so late, and so evenly, comes what a clock that is behind says.
    told = [
        (await ask(osmand(token, fix(3000 - 5 * n)._replace(ts=now_ms() - HOUR_MS)))).told for n in range(8)
    ]
    assert told == [{"stale": 1}] * 8
    assert await place(driver) == (None, None, None)
    assert await dispatcher_sees(driver) is None


async def dispatcher_sees(driver: Driver) -> dict[str, Any] | None:
    async with await dispatcher_socket() as dispatcher:
        await dispatcher.frame("ready")
    shown = [d for f in dispatcher.frames if f["type"] == "driver_pos" for d in f["drivers"]]
    return next((d for d in shown if d["driverId"] == str(driver.pk)), None)


async def test_a_batch_of_what_waited(driver: Driver) -> None:
    token = await token_of(driver)
    waited = [fix(3000 - 30 * n, 600 - 5 * n) for n in range(100)] + [fix(0, 2)]
    answer = await ask(posted(f"{BASE}/traccar", [traccar_form(token, one) for one in waited]))
    assert answer.status == 200
    assert answer.told["good"] >= 1
    assert sum(answer.told.values()) == 101
    assert (await place(driver))[2] == waited[-1].ts
    assert await LocationHistory.objects.filter(driver=driver).acount() >= 100


@pytest.mark.parametrize("app", APPS.values(), ids=APPS)
async def test_what_is_sent_again_is_answered_and_changes_nothing(driver: Driver, app: App) -> None:
    token = await token_of(driver)
    first, second = fix(900, 20), fix(800, 10)
    for one in (first, second, second, first, first):
        assert (await ask(app(token, one))).status == 200
    assert (await place(driver))[2] == second.ts
    assert await LocationHistory.objects.filter(recorded_at__gte=driver.fix_at).acount() == 1
    assert await LocationHistory.objects.filter(driver=driver, lat__in=[first.lat, second.lat]).acount() == 2


async def test_answers_name_what_became_of_fixes(driver: Driver) -> None:
    token = await token_of(driver)
    told = [
        (await ask(traccar_9(token, one))).told
        for one in (
            fix(900, 20),
            fix(900, 20),
            fix(950, 30),
            fix(900, 19)._replace(lat=41.0),
            fix(860, 5, accuracy=500),
        )
    ]
    assert told == [{"good": 1}, {"duplicate": 1}, {"out_of_order": 1}, {"teleport": 1}, {"inaccurate": 1}]


# --------------------------------------------------------------------------------------------- odd requests


@pytest.mark.parametrize(
    "body", [b"{", b"null", b'{"_type":"encrypted","data":"x"}', b'{"_type":"location"}', b"\xff"]
)
async def test_what_can_not_be_read_is_answered_so_that_it_does_not_come_again(
    driver: Driver, body: bytes
) -> None:
    token = await token_of(driver)
    async with await dispatcher_socket() as dispatcher:
        await dispatcher.frame("ready")
        answer = await ask(posted(f"{BASE}/owntracks", body, basic(token)))
        assert (answer.status, answer.told) == (200, [])
        # And dispatchers hear why this driver does not move.
        trouble = await dispatcher.frame("fixes", driverId=str(driver.pk))
    assert trouble["last"] == "malformed"


@pytest.mark.parametrize("body", [b"", b'{"_type":"status"}', b'{"_type":"never heard of"}', b"[]"])
async def test_what_is_no_fix_is_accepted_and_ignored(driver: Driver, body: bytes) -> None:
    before = await place(driver)
    answer = await ask(posted(f"{BASE}/owntracks", body, basic(await token_of(driver))))
    assert (answer.status, answer.told) == (200, [])
    assert await place(driver) == before


async def test_a_sign_of_life_keeps_a_driver_from_going_offline(new_driver: Callable[..., Driver]) -> None:
    driver = await sync_to_async(new_driver)(status="offline", last_seen_at=None)
    token = await token_of(driver)
    answer = await ask(Request("GET", f"{BASE}/traccar?id={token}"))
    assert (answer.status, answer.told) == (200, {"heard": 1})

    def is_back() -> bool:
        driver.refresh_from_db()
        return driver.status == "idle" and driver.last_seen_at is not None

    await sync_to_async(wait_until)(is_back, "the driver is back")


async def test_a_fix_without_a_time_is_of_now(driver: Driver) -> None:
    token, begun = await token_of(driver), now_ms()
    await ask(Request("GET", f"{BASE}/osmand?id={token}&lat=39.75&lon=-104.99"))
    assert begun <= ((await place(driver))[2] or 0) <= now_ms()


async def test_too_much_in_one_request(driver: Driver) -> None:
    request = posted(f"{BASE}/owntracks", b" " * (requests.MOST_BYTES + 1), basic(await token_of(driver)))
    answer = await ask(request)
    assert (answer.status, answer.told["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/osmand"), ("POST", "/gpslogger"), ("GET", ""), ("GET", "/")]
)
async def test_other_addresses_and_methods_are_problems(driver: Driver, method: str, path: str) -> None:
    answer = await ask(Request(method, BASE + path))
    assert answer.status in (404, 405)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_who_asks_too_often_is_put_off_and_then_let_in(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await token_of(driver)
    clock = [1000.0]
    monkeypatch.setattr(trackers.time, "monotonic", lambda: clock[0])
    tracker = trackers.trackers_of(this_process()).of(driver)
    assert [tracker.may_ask() for _ in range(12)] == [True] * 10 + [False] * 2
    answer = await ask(osmand(token, fix(900)))
    assert (answer.status, answer.told["code"], answer.headers["retry-after"]) == (
        429,
        "too_many_requests",
        "1",
    )
    clock[0] += 0.25
    assert [tracker.may_ask() for _ in range(3)] == [True, True, False]


# ------------------------------------------------------------------------------------------------- off shift


async def test_off_shift_nothing_is_kept_and_no_shift_begins(new_driver: Callable[..., Driver]) -> None:
    driver = await sync_to_async(new_driver)(on_shift=False, status="offline")
    before = await place(driver)
    answer = await ask(traccar_9(await token_of(driver), fix(100)))
    assert (answer.status, answer.told) == (200, {"off_shift": 1})
    assert await place(driver) == before
    assert not driver.on_shift
    assert await LocationHistory.objects.filter(driver=driver).acount() == 0
    assert await dispatcher_sees(driver) is None


async def test_off_shift_with_food_on_board_counts(driver: Driver, order: Any) -> None:
    token = await token_of(driver)
    await sync_to_async(actions.assign)(order.pk, driver.pk, actor=actions.SYSTEM)
    await sync_to_async(actions.set_shift)(driver.pk, False)
    assert (await ask(traccar_9(token, fix(900)))).told == {"good": 1}


async def test_from_the_first_moment_of_a_shift_fixes_count(new_driver: Callable[..., Driver]) -> None:
    driver = await sync_to_async(new_driver)(on_shift=False, status="offline")
    token = await token_of(driver)
    assert (await ask(traccar_9(token, fix(900, 4)))).told == {"off_shift": 1}
    await sync_to_async(actions.set_shift)(driver.pk, True)
    assert (await ask(traccar_9(token, fix(890, 2)))).told == {"good": 1}


# --------------------------------------------------------------------------------------- beside another app


async def test_beside_the_drivers_own_app_the_newest_fix_wins(driver: Driver) -> None:
    token = await token_of(driver)
    async with Socket("role=driver", bearer(token)) as socket:
        await socket.frame("ready")
        newer, older = fix(500, 2), fix(530, 5)
        await socket.send(
            {"type": "location", "lat": newer.lat, "lng": newer.lng, "ts": newer.ts, "seq": 1, "accuracy": 8}
        )
        await socket.frame("ack", seq=1)
        assert (await ask(traccar_9(token, older))).told == {"out_of_order": 1}
        assert (await place(driver))[2] == newer.ts
        newest = fix(480, 0)
        assert (await ask(traccar_9(token, newest))).told == {"good": 1}
        assert (await place(driver))[2] == newest.ts
        assert "error" not in socket.types()
        assert socket.close_code is None


async def test_a_phone_that_lies_at_home_does_not_pull_the_driver_there(driver: Driver) -> None:
    """Its fixes agree with each other, which is how a jump is confirmed: but the driver is seen elsewhere."""
    token = await token_of(driver)
    async with Socket("role=driver", bearer(token)) as socket:
        await socket.frame("ready")
        for n in range(8):
            driving = fix(500 + 20 * n, 40 - 5 * n)
            place_ = {"lat": driving.lat, "lng": driving.lng, "ts": driving.ts, "seq": n, "accuracy": 8}
            await socket.send({"type": "location", **place_})
            await socket.frame("ack", seq=n)
            at_home = fix(9000, 40 - 5 * n - 1, speed=0.0)
            assert (await ask(traccar_9(token, at_home))).told == {"teleport": 1}
            assert (await place(driver))[2] == driving.ts


# ---------------------------------------------------------------------------------------- stores that are away


async def test_while_postgresql_takes_nothing_the_app_keeps_its_fix(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await token_of(driver)
    await ask(osmand(token, fix(900, 10)))
    monkeypatch.setattr(trackers, "STORED_WITHIN_S", 0.3)
    sent = fix(850, 5)
    with no_connection(this_process()):
        answer = await ask(osmand(token, sent))
        assert (answer.status, answer.told["code"], answer.headers["retry-after"]) == (
            503,
            "unavailable",
            "5",
        )
    monkeypatch.setattr(trackers, "STORED_WITHIN_S", 20)
    assert (await ask(osmand(token, sent))).told == {"duplicate": 1}
    assert (await place(driver))[2] == sent.ts


async def test_while_nobody_can_look_up_a_token_the_app_keeps_its_fix(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await token_of(driver)

    async def away(_: Any) -> Any:
        raise OperationalError from psycopg.OperationalError("nobody answers")

    with monkeypatch.context() as without_postgresql:
        without_postgresql.setattr(this_process().loaders.claimed, "_load", away)
        answer = await ask(traccar_9(token, fix(900)))
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert (await ask(traccar_9(token, fix(900)))).status == 200


@contextmanager
def no_connection(of: Process) -> Iterator[None]:
    """The connection by which fixes are stored can't be had."""

    async def refused() -> Any:
        raise OSError("refused")

    history = of.recorder._history
    history._connected = refused  # type: ignore[method-assign]
    try:
        yield
    finally:
        del history._connected
