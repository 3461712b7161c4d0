"""Stops are kept for good: what planning reads of them does not grow with those that are done."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from dispatch.models import Driver, Order, Stop
from dispatch.orders import actions
from dispatch.planning import assignment, replanning
from tests.dispatch.story import assign
from tests.rows_read import rows_read

DONE = 60


@pytest.fixture
def veteran(driver: Driver, new_order: Callable[..., Order]) -> Driver:
    """A driver with many stops that are done, and two orders under way."""
    done_at = timezone.now() - timedelta(days=20)
    orders = [new_order() for _ in range(DONE // 2)]
    Stop.objects.bulk_create(
        Stop(driver=driver, order=order, kind=kind, position=n, done_at=done_at)
        for n, order in enumerate(orders)
        for kind in ("pickup", "dropoff")
    )
    for order in (new_order(), new_order()):
        assign(order, driver)
    with connection.cursor() as cursor:
        # Else what autovacuum happened to see of other tests' rows decides how these are found.
        cursor.execute("ANALYZE stops, orders, drivers")
    return driver


@pytest.mark.parametrize("planning", ["propose", "replan", "refresh_etas", "sweep"])
def test_stops_that_are_done_are_not_read(planning: str, veteran: Driver, order: Order) -> None:
    plan = {
        "propose": lambda: assignment.propose(order.pk),
        "replan": lambda: replanning.replan(veteran.pk),
        "refresh_etas": replanning.refresh_etas,
        "sweep": replanning.sweep,
    }[planning]
    with rows_read("stops") as rows:
        assert plan() is not None
    assert 0 < rows() < DONE


def test_an_assignment_reads_no_stops_that_are_done(veteran: Driver, order: Order) -> None:
    with rows_read("stops") as rows:
        actions.assign(order.pk, veteran.pk, actor=actions.SYSTEM)
    assert 0 < rows() < DONE
