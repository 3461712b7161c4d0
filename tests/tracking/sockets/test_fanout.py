"""One batch in, every socket's share out. In memory."""

import json
from dataclasses import dataclass, field

from tracking.ingest.positions import Batch
from tracking.protocol.messages import FleetPosition, encode
from tracking.sockets.fanout import Fanout, fleet_frame


@dataclass(eq=False)
class Customer:
    frames: list[dict] = field(default_factory=list)

    def send_position(self, position: FleetPosition, frame: str) -> None:
        self.frames.append(json.loads(frame))


@dataclass(eq=False)
class Dispatcher:
    updates: list[tuple[str, Batch, dict]] = field(default_factory=list)

    def send_positions(self, city: str, moved: Batch, frame: str) -> None:
        self.updates.append((city, dict(moved), json.loads(frame)))


def new_fanout() -> Fanout:
    return Fanout(print, print)


def batch(*positions: FleetPosition) -> Batch:
    return {position.driver_id.encode(): encode(position).encode() for position in positions}


ADA = FleetPosition("ada", 39.75, -104.99, 1000, speed=8.0, heading=90.0)
BOB = FleetPosition("bob", 40.01, -105.27, 1000)


def test_a_customer_gets_the_watched_driver_at_once() -> None:
    fanout, customer = new_fanout(), Customer()
    fanout.watch("denver", "ada", customer)
    fanout.publish("denver", batch(ADA, BOB))
    assert customer.frames == [
        {"type": "driver_pos", "lat": 39.75, "lng": -104.99, "ts": 1000, "heading": 90.0}
    ]


def test_a_customer_is_not_told_who_the_driver_is() -> None:
    fanout, customer = new_fanout(), Customer()
    fanout.watch("denver", "ada", customer)
    fanout.publish("denver", batch(ADA))
    assert "ada" not in json.dumps(customer.frames)


def test_everybody_who_watches_a_driver_is_told() -> None:
    fanout, customers = new_fanout(), [Customer(), Customer(), Customer()]
    for customer in customers:
        fanout.watch("denver", "ada", customer)
    fanout.publish("denver", batch(ADA))
    assert [len(customer.frames) for customer in customers] == [1, 1, 1]


def test_who_stopped_watching_is_told_nothing() -> None:
    fanout, staying, leaving = new_fanout(), Customer(), Customer()
    for customer in (staying, leaving):
        fanout.watch("denver", "ada", customer)
    fanout.unwatch("denver", "ada", leaving)
    fanout.publish("denver", batch(ADA))
    assert (len(staying.frames), len(leaving.frames)) == (1, 0)


def test_nothing_is_left_of_drivers_whom_nobody_watches() -> None:
    fanout, customer = new_fanout(), Customer()
    fanout.watch("denver", "ada", customer)
    fanout.unwatch("denver", "ada", customer)
    assert not fanout._watchers


def test_dispatchers_get_one_frame_per_city_and_tick_with_each_drivers_latest() -> None:
    fanout, dispatcher = new_fanout(), Dispatcher()
    fanout.oversee("denver", dispatcher)
    fanout.oversee("boulder", dispatcher)
    later = FleetPosition("ada", 39.76, -104.98, 2000)
    fanout.publish("denver", batch(ADA))
    fanout.publish("denver", batch(later))
    fanout.publish("boulder", batch(BOB))
    assert dispatcher.updates == []
    fanout.tick()
    assert [(city, moved) for city, moved, _ in dispatcher.updates] == [
        ("denver", batch(later)),
        ("boulder", batch(BOB)),
    ]
    assert dispatcher.updates[0][2] == {
        "type": "driver_pos",
        "cityId": "denver",
        "drivers": [{"driverId": "ada", "lat": 39.76, "lng": -104.98, "ts": 2000}],
    }


def test_a_tick_without_news_says_nothing() -> None:
    fanout, dispatcher = new_fanout(), Dispatcher()
    fanout.oversee("denver", dispatcher)
    fanout.publish("denver", batch(ADA))
    fanout.tick()
    fanout.tick()
    assert len(dispatcher.updates) == 1


def test_a_dispatcher_who_left_is_told_nothing() -> None:
    fanout, staying, leaving = new_fanout(), Dispatcher(), Dispatcher()
    for dispatcher in (staying, leaving):
        fanout.oversee("denver", dispatcher)
    fanout.retire("denver", leaving)
    fanout.publish("denver", batch(ADA))
    fanout.tick()
    assert (len(staying.updates), len(leaving.updates)) == (1, 0)


def test_without_dispatchers_nothing_is_gathered_for_them() -> None:
    fanout = new_fanout()
    fanout.publish("denver", batch(ADA))
    assert not fanout._moved


def test_a_fleet_frame_out_of_what_is_encoded_already() -> None:
    assert json.loads(fleet_frame("denver", batch(ADA, BOB).values()))["drivers"] == [
        json.loads(encode(ADA)),
        json.loads(encode(BOB)),
    ]


def test_a_city_is_wanted_from_its_first_watcher_to_its_last() -> None:
    calls: list[tuple[str, str]] = []
    fanout = Fanout(
        lambda city: calls.append(("wanted", city)), lambda city: calls.append(("unwanted", city))
    )
    customer, dispatcher = Customer(), Dispatcher()
    fanout.watch("denver", "ada", customer)
    fanout.oversee("denver", dispatcher)
    fanout.oversee("boulder", dispatcher)
    fanout.unwatch("denver", "ada", customer)
    assert calls == [("wanted", "denver"), ("wanted", "boulder")]
    fanout.retire("denver", dispatcher)
    fanout.retire("boulder", dispatcher)
    assert calls[2:] == [("unwanted", "denver"), ("unwanted", "boulder")]


def test_only_what_a_customer_watches_is_decoded() -> None:
    fanout, customer, dispatcher = new_fanout(), Customer(), Dispatcher()
    fanout.watch("denver", "ada", customer)
    fanout.oversee("denver", dispatcher)
    fanout.publish("denver", batch(ADA) | {b"bob": b"not even JSON"})
    assert len(customer.frames) == 1
