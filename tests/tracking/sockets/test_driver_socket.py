"""What a driver's app sends, and what becomes of it."""

import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.utils import timezone
from prometheus_client import REGISTRY
from redis import Redis

from dispatch.models import City, Driver, Order, OrderEvent, Restaurant
from dispatch.orders import actions, buttons
from dispatch.planning import replanning
from routing.geo import destination
from tests.conftest import DENVER
from tests.tracking.sockets.clients import Socket, bearer, customer_socket, dispatcher_socket, driver_socket
from tests.waiting import wait_until
from tracking.clock import now_ms
from tracking.models import LocationHistory
from tracking.protocol.frames import milliseconds
from tracking.sockets import broadcast

pytestmark = pytest.mark.usefixtures("live_loop")


@sync_to_async
def assigned(order: Order, driver: Driver) -> None:
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)


def fix(metres_west: float, seq: int, **more: Any) -> dict[str, Any]:
    """A sharp fix so far west of the restaurant; each seq is five seconds after the one before."""
    at = destination(DENVER, 270, metres_west)
    ts = now_ms() - 115_000 + seq * 5000
    return {"type": "location", "lat": at.lat, "lng": at.lng, "ts": ts, "seq": seq, "accuracy": 8} | more


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"location"',
        "{",
        "{}",
        '{"type":"location"}',
        '{"type":"location","lat":NaN,"lng":1}',
        '{"type":"location","lat":Infinity,"lng":1}',
        '{"type":"location","lat":1e999,"lng":1}',
        '{"type":"location","lat":90.5,"lng":1}',
        '{"type":"location","lat":1,"lng":180.5}',
        '{"type":"location","lat":"39.7 N","lng":-104.9}',
        '{"type":"location","lat":39.7}',
        '{"type":"location","lat":null,"lng":null}',
        '{"type":"locations","fixes":[]}',
        '{"type":"locations","fixes":[{"lat":39.75,"lng":-104.99}]}',
        '{"type":"status","orderId":"x","status":"delivered"}',
        '{"type":"teleport"}',
        "[" * 16_000,
        '{"a":' * 3_000,
    ],
)
async def test_a_frame_that_cannot_be_read_is_answered_and_harms_nothing(driver: Driver, text: str) -> None:
    async with await driver_socket(driver) as socket:
        await socket.send_text(text)
        assert (await socket.frame("error"))["code"] == "malformed"
        await socket.send(fix(1000, 1))
        await socket.frame("ack", seq=1)
    await driver.arefresh_from_db()
    assert driver.current_lat is not None
    assert socket.close_code is None


async def test_an_acknowledged_fix_is_in_the_database(driver: Driver) -> None:
    async with await driver_socket(driver) as socket:
        await socket.send(fix(900, 1, speed=9.5, heading=90))
        await socket.frame("ack", seq=1)
        await driver.arefresh_from_db()
        at = destination(DENVER, 270, 900)
        assert (driver.current_lat, driver.current_lng) == (at.lat, at.lng)
        row = await LocationHistory.objects.alatest("recorded_at")
        assert (row.driver_id, row.lat, row.speed, row.heading) == (driver.pk, at.lat, 9.5, 90)


def left_out(field: str) -> float:
    return REGISTRY.get_sample_value("doorstep_fix_fields_left_out_total", {"field": field}) or 0.0


def errors(socket: Socket) -> list[dict[str, Any]]:
    return [frame for frame in socket.frames if frame["type"] == "error"]


async def test_a_position_counts_whatever_is_wrong_beside_it(driver: Driver) -> None:
    before = left_out("heading")
    fixes = [fix(900 - n * 30, n) | ({"heading": 360.5} if n % 5 == 0 else {}) for n in range(20)]
    async with await driver_socket(driver) as socket:
        await socket.send({"type": "locations", "fixes": fixes[:10]})
        await socket.send({"type": "locations", "fixes": fixes[10:]})
        await socket.frame("ack", seq=19)
    [said_once] = errors(socket)
    assert said_once["code"] == "odd_field"
    assert "`heading`" in said_once["message"]
    assert left_out("heading") == before + 2
    await driver.arefresh_from_db()
    assert driver.current_lng == fixes[-1]["lng"]


async def test_of_a_batch_a_bad_fix_costs_itself_alone(driver: Driver) -> None:
    fixes = [fix(900 - n * 30, n) for n in range(20)]
    for n in (7, 19):
        fixes[n]["lat"] = 239.7
    async with await driver_socket(driver) as socket:
        await socket.send({"type": "locations", "fixes": fixes})
        # The last one, too, is done with: it will not be sent again.
        ack = await socket.frame("ack", seq=19)
    [error] = errors(socket)
    assert (error["code"], error["seq"], error["seqs"]) == ("malformed", 19, [7, 19])
    assert socket.frames.index(error) < socket.frames.index(ack)
    await driver.arefresh_from_db()
    assert driver.current_lng == fixes[18]["lng"]


async def test_a_time_in_seconds_is_understood(driver: Driver) -> None:
    sent = fix(900, 1)
    async with await driver_socket(driver) as socket:
        await socket.send(sent | {"ts": sent["ts"] / 1000})
        await socket.frame("ack", seq=1)
    await driver.arefresh_from_db()
    assert milliseconds(driver.fix_at) == sent["ts"]
    assert errors(socket) == []


async def test_a_batch_of_buffered_fixes_is_acknowledged_as_one(driver: Driver) -> None:
    async with await driver_socket(driver) as socket:
        await socket.send({"type": "locations", "fixes": [fix(900 - n * 30, n) for n in range(11)]})
        await socket.frame("ack", seq=10)
    # Of 11 fixes every fifth, counted from the first: 0, 5, 10; and the one that the driver's row had before.
    assert await LocationHistory.objects.acount() == 1 + 3


async def test_the_last_fix_of_a_session_is_kept(driver: Driver) -> None:
    async with await driver_socket(driver) as socket:
        for n in (1, 2):
            await socket.send(fix(900 - n * 30, n))
        await socket.frame("ack", seq=2)
        assert await LocationHistory.objects.acount() == 1 + 1
    from tracking.sockets.process import close

    await close()
    assert await LocationHistory.objects.acount() == 1 + 2


async def test_numbering_goes_on_where_the_database_has_it(driver: Driver) -> None:
    headers = bearer(await sync_to_async(actions.issue_token)(driver.pk))
    async with Socket("role=driver&session=monday", headers) as first:
        await first.frame("expect", seq=0)
        await first.send({"type": "locations", "fixes": [fix(900 - n * 30, n) for n in range(4)]})
        await first.frame("ack", seq=3)
    async with Socket("role=driver&session=monday", headers) as second:
        await second.frame("expect", seq=4)
        await second.send({"type": "locations", "fixes": [fix(900 - n * 30, n) for n in range(6)]})
        await second.frame("ack", seq=5)
        assert "error" not in second.types()
    async with Socket("role=driver&session=tuesday", headers) as third:
        await third.frame("expect", seq=0)
    # Kept: the one of before, and of either socket the first new one and the last.
    seqs = [LocationHistory.objects.filter(lat=fix(900 - n * 30, n)["lat"]).aexists() for n in range(6)]
    assert [await kept for kept in seqs] == [True, False, False, True, True, True]
    assert await LocationHistory.objects.acount() == 1 + 4


async def test_numbers_that_leap_hold_up_nobody_elses_event_loop(driver: Driver) -> None:
    async with await driver_socket(driver) as socket:
        await socket.frame("ready")
        # Of the processor, which a busy machine does not make slower. A bit for each number skipped took over 5 s.
        began = time.thread_time()
        for n in range(20):
            await socket.send(fix(900, n) | {"seq": 2**33 + n})
            await socket.send(fix(900, n))
        await socket.frame("ack", seq=2**33 + 19)
        assert time.thread_time() - began < 5
        await socket.send(fix(900, 20) | {"seq": 2**53 + 1})
        await socket.frame("error", code="malformed")
        await socket.send(fix(900, 20) | {"seq": 2**53})
        await socket.send(fix(900, 20) | {"seq": 0})
        await socket.frame("ack", seq=2**53)


@pytest.mark.parametrize("name", ["a b", "x" * 65, "später"])
async def test_a_session_name_that_is_none(driver: Driver, name: str) -> None:
    token = await sync_to_async(actions.issue_token)(driver.pk)
    query = urlencode({"role": "driver", "session": name})
    async with Socket(query, bearer(token)) as socket:
        assert await socket.closed() == 4400


async def test_word_of_an_older_socket_does_not_end_a_newer_one(driver: Driver) -> None:
    async with await driver_socket(driver) as socket:
        await socket.frame("ready")
        await broadcast.send_async(broadcast.replaced(driver.pk, [0, ""]))
        await socket.send(fix(900, 1))
        await socket.frame("ack", seq=1)
        assert socket.close_code is None


async def test_dispatchers_are_told_what_was_turned_away(driver: Driver) -> None:
    async with await dispatcher_socket() as dispatcher, await driver_socket(driver) as app:
        await dispatcher.frame("ready")
        await app.frame("ready")
        await app.send(fix(900, 1))
        await app.send(fix(90_000, 2))
        await app.send_text("{")
        told = await dispatcher.frame("fixes", driverId=str(driver.pk), last="malformed")
        assert told["rejected"] == {"teleport": 1, "malformed": 1}
    async with await dispatcher_socket() as later:
        await later.frame("ready")
        await later.frame("fixes", driverId=str(driver.pk), last="malformed")


async def test_a_fix_that_can_never_be_stored_is_named_before_the_ack(
    driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    """A rule of the operator's own; of the others' fixes nothing is lost."""
    rule = "ALTER TABLE location_history ADD CONSTRAINT no_66 CHECK (speed IS DISTINCT FROM 66) NOT VALID"
    await execute(rule)
    before = fixes_shown()
    try:
        async with await dispatcher_socket() as dispatcher, await driver_socket(driver) as socket:
            await dispatcher.frame("ready")
            await socket.frame("ready")
            fixes = [fix(900 - n * 30, n, speed=66 if n == 5 else 6) for n in range(11)]
            await socket.send({"type": "locations", "fixes": fixes})
            await socket.frame("ack", seq=10)
            await socket.frame("error", code="refused", seq=5)
            assert [kind for kind in socket.types() if kind in ("error", "ack")] == ["error", "ack"]
            told = await dispatcher.frame("fixes", driverId=str(driver.pk), last="refused")
            assert told["rejected"] == {"refused": 1}
            # What is told goes out behind the figures of its time, with which all of them are shown.
            assert fixes_shown() - before == {"good": 10, "refused": 1}
    finally:
        await execute("ALTER TABLE location_history DROP CONSTRAINT no_66")
    # Of 11 fixes every fifth, counted from the first, but for that one; and the one that the driver's row had before.
    assert await LocationHistory.objects.acount() == 1 + 2
    caplog.clear()


async def test_a_fix_that_a_bug_stumbles_over_costs_itself_only(
    driver: Driver, settings: object, caplog: pytest.LogCaptureFixture
) -> None:
    """The bug: a setting that only a jump is held against, and that is no number."""
    settings.FIX_MAX_SPEED_MPS = "fast"
    async with await driver_socket(driver) as socket:
        fixes = [fix(900, 0), fix(90_000, 1), fix(890, 2)]
        await socket.send({"type": "locations", "fixes": fixes})
        await socket.frame("error", code="refused", seq=1)
        await socket.frame("ack", seq=2)
        assert socket.close_code is None
    assert "a fix of driver" in caplog.text
    caplog.clear()


def fixes_shown() -> Counter[str]:
    """By verdict, as Prometheus is shown them."""
    return Counter(
        {
            sample.labels["verdict"]: int(sample.value)
            for family in REGISTRY.collect()
            for sample in family.samples
            if sample.name == "doorstep_fixes_total"
        }
    )


@sync_to_async
def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


async def test_an_old_fix_is_named_and_does_not_move_the_driver(driver: Driver) -> None:
    async with await driver_socket(driver) as socket:
        await socket.send(fix(800, 5))
        await socket.send(fix(900, 3))
        await socket.frame("error", code="out_of_order", seq=3)
        await socket.frame("ack", seq=5)
    await driver.arefresh_from_db()
    assert driver.current_lng == destination(DENVER, 270, 800).lng


async def test_driving_to_the_restaurant_moves_the_order_along(driver: Driver, order: Order) -> None:
    async with await driver_socket(driver) as socket:
        await socket.frame("ready")
        await assigned(order, driver)
        await socket.until(lambda: any(f["type"] == "plan" and f["stops"] for f in socket.frames))
        for n, metres in enumerate((1000, 900, 700, 500, 150, 100), start=1):
            await socket.send(fix(metres, n, speed=1.0 if metres <= 150 else 10.0))
        await socket.frame("ack", seq=6)
    events = [e async for e in OrderEvent.objects.filter(order=order)]
    assert [e.to_status for e in events] == ["pending", "assigned", "to_restaurant", "driver_at_restaurant"]
    assert events[-1].evidence["distance_m"] <= 200


async def test_the_whole_life_of_an_order(driver: Driver, order: Order) -> None:
    async with await driver_socket(driver) as socket:
        await socket.frame("ready")
        await assigned(order, driver)
        await socket.until(
            lambda: socket.frames[-1]["type"] == "plan" and len(socket.frames[-1]["stops"]) == 2
        )
        for seq, metres in ((0, 1000), (2, 600), (4, 200), (5, 100)):
            await socket.send(fix(metres, seq, speed=1.0))
        await socket.frame("ack", seq=5)
        await socket.send({"type": "status", "orderId": str(order.pk), "status": "picked_up"})
        await socket.until(
            lambda: socket.frames[-1]["type"] == "plan" and len(socket.frames[-1]["stops"]) == 1
        )
        for seq, metres in ((8, -400), (11, -1000), (14, -1450), (15, -1490)):
            await socket.send(fix(metres, seq, speed=1.0))
        await socket.until(
            lambda: any(
                s["orderStatus"] == "driver_nearby" for f in socket.frames for s in f.get("stops", [])
            )
        )
        await socket.send({"type": "status", "orderId": str(order.pk), "status": "delivered"})
        await socket.until(lambda: socket.frames[-1]["type"] == "plan" and not socket.frames[-1]["stops"])
        assert socket.frames[-1]["status"] == "idle"
    assert [e.to_status async for e in OrderEvent.objects.filter(order=order)] == [
        "pending",
        "assigned",
        "to_restaurant",
        "driver_at_restaurant",
        "picked_up",
        "driver_nearby",
        "delivered",
    ]


async def test_a_button_for_another_drivers_order_is_refused_and_the_plan_told(
    driver: Driver, new_driver: Callable[..., Driver], order: Order
) -> None:
    await assigned(order, await sync_to_async(new_driver)())
    async with await driver_socket(driver) as socket:
        await socket.frame("ready")
        await socket.send({"type": "status", "orderId": str(order.pk), "status": "picked_up"})
        await socket.frame("error", code="not_yours")
        await socket.until(lambda: socket.types().count("plan") == 2)


async def test_a_changed_radius_holds_from_the_next_fix_on(
    driver: Driver, order: Order, restaurant: Restaurant
) -> None:
    await assigned(order, driver)
    async with await driver_socket(driver) as socket:
        await socket.frame("ready")
        await socket.send(fix(700, 1, speed=0.5))
        await socket.frame("ack", seq=1)
        restaurant.geofence_radius = 900
        await sync_to_async(actions.change_restaurant)(restaurant)
        await socket.until(lambda: socket.types().count("plan") >= 2)
        await socket.send(fix(695, 2, speed=0.5))
        await socket.frame("ack", seq=2)
    await order.arefresh_from_db()
    assert order.status == "driver_at_restaurant"


async def test_the_shift_button(new_driver: Callable[..., Driver]) -> None:
    driver = await sync_to_async(new_driver)(on_shift=False, status="offline")
    async with await driver_socket(driver) as socket:
        await socket.send({"type": "shift", "on": True})
        await socket.frame("plan", status="idle", onShift=True)
        await socket.send({"type": "shift", "on": False})
        await socket.frame("plan", status="offline", onShift=False)


async def test_the_break_button(driver: Driver) -> None:
    async with await driver_socket(driver) as socket, await dispatcher_socket() as dispatcher:
        await dispatcher.frame("ready")
        await socket.frame("ready")

        async def told() -> int | None:
            """The end of the break, by the next plan."""
            plans = socket.types().count("plan")
            await socket.until(lambda: socket.types().count("plan") > plans)
            return [frame for frame in socket.frames if frame["type"] == "plan"][-1].get("breakUntil")

        await socket.send({"type": "break", "on": True, "minutes": 15})
        until = await told()
        assert until == pytest.approx(now_ms() + 15 * 60_000, abs=10_000)
        await dispatcher.frame("driver", breakUntil=until)
        await socket.send({"type": "break", "on": False})
        assert await told() is None
        await socket.send({"type": "shift", "on": False})
        await socket.frame("plan", onShift=False)
        await socket.send({"type": "break", "on": True})
        await socket.frame("error", code="invalid")


async def test_a_silent_driver_is_back_with_the_next_fix(new_driver: Callable[..., Driver]) -> None:
    driver = await sync_to_async(new_driver)(status="offline", last_seen_at=None)
    async with await driver_socket(driver) as socket:
        await socket.send(fix(1000, 1))
        await socket.frame("plan", status="idle")


@pytest.mark.parametrize("heard", [True, False])
async def test_a_drivers_first_fix_asks_for_a_plan(
    new_driver: Callable[..., Driver], order: Order, settings: object, heard: bool
) -> None:
    """A shift that has just begun, or silence before it."""
    driver = await sync_to_async(new_driver)(
        current_lat=None,
        current_lng=None,
        fix_at=None,
        **{} if heard else {"status": "offline", "last_seen_at": None},
    )
    await assigned(order, driver)
    asked = Redis.from_url(settings.REDIS_URL)
    queue = f"{settings.REDIS_PREFIX}celery"
    asked.delete(queue)
    async with await driver_socket(driver) as socket:
        await socket.send(fix(1000, 1))
        await sync_to_async(wait_until)(lambda: asked.llen(queue) == 1, "a task waits")
        [message] = asked.lrange(queue, 0, -1)
        assert json.loads(message)["headers"]["task"] == "dispatch.tasks.replan"
        await sync_to_async(replanning.replan)(driver.pk)
        await order.arefresh_from_db()
        assert (order.problem, order.eta_minutes is not None) == ("", True)
    asked.close()


async def test_text_and_binary_frames_are_the_same(driver: Driver) -> None:
    async with await driver_socket(driver) as socket:
        await socket._communicator.send_to(bytes_data=json.dumps(fix(1000, 7)).encode())
        await socket.frame("ack", seq=7)
        await socket._communicator.send_to(bytes_data=b"\xff\xfe\x00")
        await socket.frame("error", code="malformed")


async def test_dispatchers_see_the_driver_move(driver: Driver) -> None:
    async with await dispatcher_socket() as watching, await driver_socket(driver) as socket:
        await watching.frame("ready")
        await socket.send(fix(640, 1, speed=8.25, heading=91))
        frame = await watching.frame("driver_pos", cityId=str(driver.city_id))
        at = destination(DENVER, 270, 640)
        assert frame["drivers"] == [
            {
                "driverId": str(driver.pk),
                "lat": round(at.lat, 6),
                "lng": round(at.lng, 6),
                "ts": frame["drivers"][0]["ts"],
                "speed": 8.25,
                "heading": 91.0,
            }
        ]


async def test_dispatchers_see_the_phones_battery_until_it_says_otherwise(driver: Driver) -> None:
    async with await dispatcher_socket() as watching, await driver_socket(driver) as socket:
        await watching.frame("ready")
        told = [
            ({"battery": 14.6, "background": True}, (15, True)),
            ({}, (15, True)),
            ({"battery": -1, "background": "perhaps"}, (15, True)),
            ({"battery": 101, "background": False}, (15, None)),
            ({"battery": 90}, (90, None)),
        ]
        for seq, (sent, (battery, background)) in enumerate(told, start=1):
            await socket.send(fix(640 - seq * 10, seq) | sent)
            await socket.frame("ack", seq=seq)
            latest = (await watching.until(lambda seq=seq: moved(watching, seq)))[-1]
            assert (latest.get("battery"), latest.get("background")) == (battery, background)


def moved(watching: Socket, times: int) -> list[dict[str, Any]]:
    """The positions that a dispatcher was sent; none before there are so many."""
    sent = [one for frame in watching.frames if frame["type"] == "driver_pos" for one in frame["drivers"]]
    return sent if len(sent) >= times else []


async def test_a_button_counts_from_when_it_was_pressed(driver: Driver, order: Order) -> None:
    await assigned(order, driver)
    # No press is before the step that came before.
    await OrderEvent.objects.filter(order=order).aupdate(happened_at=timezone.now() - timedelta(minutes=5))
    pressed_at = now_ms() - 90_000
    async with await driver_socket(driver) as socket:
        await socket.frame("ready")
        await socket.send(
            {"type": "status", "orderId": str(order.pk), "status": "picked_up", "ts": pressed_at}
        )
        await socket.until(lambda: socket.frames[-1].get("stops", [{}])[0].get("orderStatus") == "picked_up")
    event = await OrderEvent.objects.aget(order=order, to_status="picked_up")
    assert round(event.happened_at.timestamp() * 1000) == pressed_at


async def test_an_app_that_was_installed_anew_numbers_from_the_start_again(driver: Driver) -> None:
    headers = bearer(await sync_to_async(actions.issue_token)(driver.pk))
    device, began = "role=driver&session=device-17", now_ms() - 90_000

    def numbered(seq: int, seconds: float) -> dict[str, Any]:
        return fix(900 - 5 * seconds, seq, ts=began + round(seconds * 1000))

    async with Socket(device, headers) as before:
        await before.send({"type": "locations", "fixes": [numbered(2000 + n, n) for n in range(20)]})
        await before.frame("ack", seq=2019)
    async with Socket(device, headers) as anew:
        await anew.frame("expect", seq=2020)
        await anew.send(numbered(0, 60))
        await anew.send(numbered(1, 65))
        await anew.frame("ack", seq=1)
        assert errors(anew) == []
    await driver.arefresh_from_db()
    assert (driver.current_lng, driver.fix_seq) == (numbered(1, 65)["lng"], 1)
    async with Socket(device, headers) as again:
        await again.frame("expect", seq=2)
        # Sent again it is known, as ever.
        await again.send(numbered(1, 65))
        await again.send(numbered(2, 70))
        await again.frame("ack", seq=2)
        assert errors(again) == []


async def test_who_sends_an_old_place_again_and_again_is_heard_of(driver: Driver) -> None:
    heard_at = timezone.now() - timedelta(minutes=10)
    old = fix(900, 1, ts=now_ms() - 50_000)
    del old["seq"]

    def heard_since_then() -> bool:
        return Driver.objects.filter(pk=driver.pk, last_seen_at__gt=heard_at).exists()

    async with await driver_socket(driver) as socket, await dispatcher_socket() as dispatcher:
        await socket.send(old)
        await sync_to_async(wait_until)(heard_since_then, "the first one is stored")
        await Driver.objects.filter(pk=driver.pk).aupdate(last_seen_at=heard_at)
        await socket.send(old)
        assert (await socket.frame("error"))["code"] == "repeated"
        await dispatcher.frame("fixes", driverId=str(driver.pk), last="repeated")
        await sync_to_async(wait_until)(heard_since_then, "the driver is heard of")


async def test_who_works_in_another_city_has_one_place_there_at_once(driver: Driver, order: Order) -> None:
    await assigned(order, driver)
    await sync_to_async(buttons.report)(driver.pk, order.pk, "picked_up")
    boulder = await City.objects.acreate(name="Boulder", lat=40.01, lng=-105.27)
    denver = str(driver.city_id)
    page = customer_socket(order.tracking_token)
    async with await driver_socket(driver) as app, await dispatcher_socket() as dispatcher, page:
        await app.send(fix(900, 1))
        await dispatcher.until(lambda: places(dispatcher, driver) == {denver})
        moved = await Driver.objects.aget(pk=driver.pk)
        moved.city = boulder
        await sync_to_async(actions.change_driver)(moved)
        await dispatcher.until(lambda: places(dispatcher, driver) == {denver, str(boulder.pk)})
        await app.until(lambda: [frame["type"] for frame in app.frames].count("plan") > 1)
        async with await dispatcher_socket() as later:
            await later.frame("ready")
            assert places(later, driver) == {str(boulder.pk)}
        # The customer's page goes on with the next fix.
        heard = page.types().count("driver_pos")
        await app.send(fix(800, 2))
        await page.until(lambda: page.types().count("driver_pos") > heard)
        assert page.frames[-1]["lng"] == pytest.approx(fix(800, 2)["lng"], abs=1e-5)


def places(dispatcher: Socket, driver: Driver) -> set[str]:
    """The cities in which a place of the driver was shown."""
    return {
        frame["cityId"]
        for frame in dispatcher.frames
        if frame["type"] == "driver_pos"
        for place in frame["drivers"]
        if place["driverId"] == str(driver.pk)
    }
