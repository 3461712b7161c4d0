"""A round of ETAs in parts: workers share it, each part is done once, and the round is over when all are."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import ProgrammingError, connection
from django.utils import timezone

from dispatch.leases import lease
from dispatch.models import City, Driver, EtaPrediction, Lease, Order
from dispatch.planning import eta_rounds
from dispatch.planning.eta_rounds import Part
from routing.roads.cities import BOULDER
from tests.dispatch.story import assign

PATIENCE_S = 30


@pytest.fixture
def fleet(
    new_driver: Callable[..., Driver], new_order: Callable[..., Order], monkeypatch: pytest.MonkeyPatch
) -> list[Driver]:
    """Three drivers of Denver and one of Boulder, each with an order, and an idle one; two make a part."""
    monkeypatch.setattr(eta_rounds, "PART_DRIVERS", 2)
    boulder = City.objects.create(name="Boulder", lat=BOULDER.center.lat, lng=BOULDER.center.lng)
    busy = [*(new_driver() for _ in range(3)), new_driver(city=boulder)]
    for driver in busy:
        assign(new_order(), driver)
    new_driver()
    return busy


@pytest.fixture
def worker() -> Iterator[Callable[[Callable[[], None]], Future[None]]]:
    """Does its work in a thread, and so on a connection, of its own."""
    with ThreadPoolExecutor(1) as thread:

        def start(work: Callable[[], None]) -> Future[None]:
            def closing() -> None:
                try:
                    work()
                finally:
                    connection.close()

            return thread.submit(closing)

        yield start


def nobody(parts: Sequence[Part]) -> None:
    """Nobody helps."""


def refreshed() -> list[int]:
    """Of each order, how many times it has got a new ETA."""
    return [EtaPrediction.objects.filter(order=order).count() for order in Order.objects.all()]


@pytest.mark.django_db
def test_a_part_is_of_one_city_and_bounded(fleet: list[Driver]) -> None:
    parts = eta_rounds.parts()
    assert sorted(len(part.drivers) for part in parts) == [1, 1, 2]
    assert len({part.job for part in parts}) == 3
    assert sorted(pk for part in parts for pk in part.drivers) == sorted(driver.pk for driver in fleet)
    cities = [
        set(Driver.objects.filter(pk__in=part.drivers).values_list("city", flat=True)) for part in parts
    ]
    assert all(len(own) == 1 for own in cities)


@pytest.mark.django_db
def test_a_worker_alone_does_all_parts(fleet: list[Driver]) -> None:
    eta_rounds.run(nobody)
    assert refreshed() == [1] * 4
    eta_rounds.run(nobody)
    assert refreshed() == [2] * 4


@pytest.mark.django_db(transaction=True)
def test_what_helpers_have_done_is_not_done_again(fleet: list[Driver], worker: Callable) -> None:
    asked: list[Part] = []

    def helped(parts: Sequence[Part]) -> None:
        asked.extend(parts)
        for part in parts:
            worker(part.refresh).result(PATIENCE_S)

    eta_rounds.run(helped)
    assert len(asked) == 2
    assert refreshed() == [1] * 4
    for part in asked:  # a helper who comes too late finds nothing to do
        part.refresh()
    assert refreshed() == [1] * 4


@pytest.mark.django_db(transaction=True)
def test_a_round_is_over_when_every_part_is(fleet: list[Driver], worker: Callable) -> None:
    """A worker has a part and is killed: the round waits for its lease to end, and then takes the part over."""
    taken, *others = eta_rounds.parts()
    killed = lease(taken.job)
    assert killed.__enter__()
    running = worker(lambda: eta_rounds.run(nobody))
    wait_for(
        lambda: Lease.objects.filter(job__in=[p.job for p in others], done_at__isnull=False).count() == 2
    )
    assert not running.done()
    Lease.objects.filter(job=taken.job).update(expires_at=timezone.now() - timedelta(microseconds=1))
    running.result(PATIENCE_S)
    killed.__exit__(None, None, None)
    assert refreshed() == [1] * 4


@pytest.mark.django_db(transaction=True)
def test_a_part_that_fails_fails_the_round(fleet: list[Driver]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE eta_spreads RENAME TO lost")
        try:
            with pytest.raises(ProgrammingError):
                eta_rounds.run(nobody)
        finally:
            cursor.execute("ALTER TABLE lost RENAME TO eta_spreads")
    assert not Lease.objects.filter(done_at__isnull=False).exists()
    eta_rounds.run(nobody)
    assert refreshed() == [1] * 4


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline
