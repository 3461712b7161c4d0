"""Of a job one round runs at a time, also behind PgBouncer; its lease outlives no worker for long."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone
from prometheus_client import REGISTRY

from dispatch import leases, tasks
from dispatch.clock import database_now
from dispatch.leases import alone, lease
from dispatch.models import Driver, Lease, Order
from tests.dispatch.story import assign

WORKERS = 4
ROUNDS = 5
PATIENCE_S = 30


def in_thread[Result](work: Callable[[], Result]) -> Result:
    """What `work` returns in a thread, and so on a connection, of its own."""

    def closing() -> Result:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(closing).result(PATIENCE_S)


def rounds(workers: int, count: int) -> list[int]:
    """How many of the workers had the lease, of rounds in which all of them ask for it before the first is done."""
    asking = Barrier(workers, timeout=PATIENCE_S)

    def work() -> list[bool]:
        held = []
        try:
            for _ in range(count):
                asking.wait()
                with lease("sweep") as won:
                    held.append(won)
                    asking.wait()
        finally:
            connection.close()
        return held

    with ThreadPoolExecutor(workers) as threads:
        answers = [future.result(PATIENCE_S) for future in [threads.submit(work) for _ in range(workers)]]
    return [sum(won) for won in zip(*answers, strict=True)]


@pytest.mark.django_db(transaction=True)
def test_one_worker_of_several_has_the_lease_of_each_round() -> None:
    assert rounds(WORKERS, ROUNDS) == [1] * ROUNDS


@pytest.mark.usefixtures("behind_pgbouncer")
def test_one_worker_of_several_has_the_lease_of_each_round_behind_pgbouncer() -> None:
    assert rounds(WORKERS, ROUNDS) == [1] * ROUNDS


@pytest.mark.usefixtures("behind_pgbouncer")
def test_every_round_behind_pgbouncer_does_its_work(order: Order, driver: Driver) -> None:
    assign(order, driver)
    for _ in range(ROUNDS):
        Order.objects.filter(pk=order.pk).update(eta_minutes=None, eta_low=None, eta_high=None)
        in_thread(tasks.refresh_etas)
        order.refresh_from_db()
        assert order.eta_minutes is not None


@pytest.mark.django_db
def test_jobs_have_leases_of_their_own() -> None:
    with lease("sweep") as sweeping, lease("assign_pending") as assigning, lease("sweep") as again:
        assert (sweeping, assigning, again) == (True, True, False)


@pytest.mark.django_db
def test_the_row_says_who_has_the_lease_since_when_and_when_a_round_was_done() -> None:
    with lease("sweep"):
        row = Lease.objects.get()
        assert (row.job, row.done_at) == ("sweep", None)
        assert row.holder
        assert row.since < row.expires_at
    row = Lease.objects.get()
    assert row.since < row.done_at
    assert row.expires_at <= row.done_at


@pytest.mark.django_db
def test_a_round_that_failed_leaves_the_lease_to_the_next_but_was_not_done() -> None:
    def fail() -> None:
        with lease("sweep") as held:
            assert held
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            fail()
    assert Lease.objects.get().done_at is None


@pytest.mark.django_db
def test_rounds_that_did_their_work_are_timed() -> None:
    before = timed_rounds()
    with lease("sweep"):
        tasks.sweep()
    assert timed_rounds() == before
    with pytest.raises(ZeroDivisionError):
        alone("sweep")(lambda: divmod(1, 0))()
    assert timed_rounds() == before
    tasks.sweep()
    assert timed_rounds() == before + 1


def timed_rounds() -> float:
    return REGISTRY.get_sample_value("doorstep_round_seconds_count", {"task": "sweep"}) or 0


@pytest.mark.django_db
def test_work_that_was_done_since_is_not_done_again() -> None:
    begun = database_now()
    with lease("refresh_etas:Denver", unless_done_since=begun) as held:
        assert held
    with lease("refresh_etas:Denver", unless_done_since=begun) as held:
        assert not held
    assert leases.done_since(["refresh_etas:Denver", "sweep"], begun) == {"refresh_etas:Denver"}
    with lease("refresh_etas:Denver", unless_done_since=database_now()) as held:
        assert held


@pytest.mark.django_db
def test_of_a_job_in_parts_the_age_is_that_of_the_whole() -> None:
    for job in ("refresh_etas", "refresh_etas:Denver:0"):
        with lease(job):
            pass
    with connection.cursor() as cursor:
        cursor.execute(leases.AGES)
        assert [job for job, _ in cursor.fetchall()] == ["refresh_etas"]


@pytest.mark.django_db
def test_whoever_does_not_get_the_lease_changes_nothing() -> None:
    with lease("sweep"):
        before = Lease.objects.values().get()
        with lease("sweep"):
            pass
        assert Lease.objects.values().get() == before


@pytest.mark.django_db
def test_the_lease_of_a_worker_that_was_killed_ends() -> None:
    killed = lease("sweep")
    assert killed.__enter__()
    with lease("sweep") as held:
        assert not held
    pass_time()
    with lease("sweep") as held:
        assert held
        # Whoever had it before does not take it away by coming back, nor say that the work was done.
        killed.__exit__(None, None, None)
        assert Lease.objects.get().done_at is None
        with lease("sweep") as another:
            assert not another


def pass_time() -> None:
    Lease.objects.update(expires_at=timezone.now() - timedelta(microseconds=1))


@pytest.mark.django_db(transaction=True)
def test_the_lease_of_a_long_round_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "RENEW_S", 0.01)
    with lease("sweep"):
        pass_time()
        deadline = time.monotonic() + PATIENCE_S
        while Lease.objects.get().expires_at < timezone.now():
            assert time.monotonic() < deadline, "nobody renews the lease"
        assert not in_thread(take)


def take() -> bool:
    with lease("sweep") as held:
        return held
