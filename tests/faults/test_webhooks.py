"""The worker is killed again and again while it sends: no webhook is lost, none changes places with another of its
order, few come twice, and those under the same id.
"""

from collections import Counter
from functools import partial
from random import Random
from threading import Event, Thread

import psycopg
import pytest
import requests

from delivery.devtools.stack.servers import for_libpq
from tests.dispatch.webhooks.receiver import Receiver, receiving
from tests.faults import FULL, length, within
from tests.faults.cluster import Cluster
from tests.faults.scene import START
from tests.waiting import POLL_S, wait_until

KILLS = length(short=2, full=200)
#: So many messages come before the worker is killed. Those that it has in hand then, four at most, may come twice.
MESSAGES = length(short=(10, 20), full=(450, 550))
#: Steps that are taken before the messages of earlier ones have come.
AHEAD = 60
MOST_TWICE = 0.01
#: A lease that a killed worker left has run out by then.
ALL_THERE_S = within(90.0)
STEPS = ["order.created", "order.assigned", "order.picked_up", "order.delivered"]


@pytest.mark.timeout(length(short=240, full=7200))
def test_workers_that_are_killed_lose_no_webhook(cluster: Cluster, rng: Random) -> None:
    with receiving() as receiver:
        secret = subscribe(cluster, receiver)
        steps = Steps(cluster, receiver)
        try:
            for _ in range(KILLS):
                enough = len(receiver.requests) + rng.randint(*MESSAGES)
                wait_until(partial(receiver.has, enough), "the worker sends", ALL_THERE_S)
                cluster.kill("worker")
                cluster.start("worker")
        finally:
            steps.stop()
        wait_until(lambda: not unsent(cluster), "all is sent", ALL_THERE_S)
        check(cluster, receiver, secret)


class Steps:
    """Orders that take their steps by SQL, one after the other, until they are stopped."""

    def __init__(self, cluster: Cluster, receiver: Receiver) -> None:
        city = cluster.office.city("Denver", START)
        self._restaurant = cluster.office.restaurant(city, "Larimer Noodles", START, 200)
        [driver] = cluster.office.drivers(city, 1)
        self._driver, self._url = driver.id, for_libpq(cluster.env["DATABASE_URL"])
        self._receiver, self._taken = receiver, 0
        self._over = Event()
        self._thread = Thread(target=self._take)
        self._thread.start()

    def stop(self) -> None:
        """When the last order has arrived."""
        self._over.set()
        self._thread.join()

    def _take(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._over.wait(POLL_S):
                if self._taken - len(self._receiver.requests) > AHEAD:
                    continue
                self._taken += len(STEPS)
                placed = connection.execute(
                    "INSERT INTO orders (restaurant_id, customer_lat, customer_lng) VALUES (%s, %s, %s)"
                    " RETURNING id",
                    [self._restaurant, START.lat, START.lng + 0.01],
                ).fetchone()
                for change in ("driver_id = %s", "status = 'picked_up'", "status = 'delivered'"):
                    values = [self._driver] * change.count("%s")
                    connection.execute(
                        f"UPDATE orders SET {change} WHERE id = %s",  # noqa: S608
                        [*values, *(placed or ())],
                    )


def subscribe(cluster: Cluster, receiver: Receiver) -> str:
    """The secret of a new webhook."""
    bearer = {"Authorization": f"Bearer {cluster.office.api_key(f'Shop at {receiver.url}')}"}
    wanted = {"url": receiver.url, "events": STEPS}
    made = requests.post(f"{cluster.urls[0]}/api/v1/webhooks", json=wanted, headers=bearer, timeout=30)
    assert made.status_code == 201, made.text
    secret: str = made.json()["secret"]
    return secret


def unsent(cluster: Cluster) -> int:
    [(count,)] = cluster.rows(
        "SELECT (SELECT count(*) FROM outbox_events)"
        " + (SELECT count(*) FROM outbox_entries WHERE state = 'waiting')"
    )
    assert isinstance(count, int)
    return count


def check(cluster: Cluster, receiver: Receiver, secret: str) -> None:
    written = cluster.rows("SELECT message_id::text, order_id::text, event FROM outbox_entries ORDER BY id")
    steps = cluster.rows("SELECT count(*) FROM order_events")
    assert [(len(written),)] == steps
    requests_by_id = Counter(request.id for request in receiver.requests)
    assert requests_by_id.keys() == {message for message, _, _ in written}
    bodies = {(request.id, request.body) for request in receiver.requests}
    assert len(bodies) == len(written), "what comes again comes with the same body"
    receiver.requests[-1].verified(secret)
    # By order, in which order its messages came for the first time.
    events = {message: (order, event) for message, order, event in written}
    came: dict[str, list[str]] = {}
    for message in dict.fromkeys(request.id for request in receiver.requests):
        order, event = events[message]
        came.setdefault(order, []).append(event)
    assert {tuple(steps) for steps in came.values()} == {tuple(STEPS)}
    twice = sum(requests_by_id.values()) - len(written)
    print(f"{KILLS} kills, {len(written)} messages, {twice} sent twice")  # noqa: T201
    assert twice <= (MOST_TWICE * len(written) if FULL else 4 * KILLS)
