"""Planned shifts: which one a driver is in, when it ends, and what the planner makes of it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from math import inf

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from dispatch.models import City, Driver, Order, Planned, Shift, planned_end, planned_ends
from dispatch.orders import actions
from dispatch.planning import assignment
from dispatch.planning.workload import Workload
from routing.problems import Problem
from tests.dispatch.story import assign, plan

MIDNIGHT = datetime(2027, 1, 15, tzinfo=UTC)


def hour(hours: float | None) -> datetime | None:
    return None if hours is None else MIDNIGHT + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("shifts", "on_since", "now", "ends"),
    [
        ([], 10, 12, None),
        ([(11, 15)], 10.9, 10.95, None),
        ([(11, 15)], 10.9, 11, 15),
        ([(11, 15)], 12, 14, 15),
        # Works on.
        ([(11, 15)], 10.9, 16, 15),
        # Began again after the planned end, without a plan.
        ([(11, 15)], 15.5, 16, None),
        ([(11, 15)], None, 16, 15),
        # Without a pause between them, and with one.
        ([(11, 15), (15, 19)], 11, 12, 19),
        ([(11, 15), (16, 19)], 11, 12, 15),
        ([(11, 15), (16, 19)], 11, 15.5, 15),
        ([(11, 15), (16, 19)], 11, 16.5, 19),
        ([(11, 15), (16, 19)], 15.5, 15.6, None),
        # Overlapping, as SQL may write them.
        ([(11, 20), (12, 13)], 11, 12.5, 20),
        ([(22, 26)], 22, 25, 26),
        ([(-14, -9), (11, 15)], -14, 10, -9),
    ],
)
def test_when_the_shift_ends_that_a_driver_is_in(
    shifts: Sequence[tuple[float, float]], on_since: float | None, now: float, ends: float | None
) -> None:
    planned = [Planned(hour(begin), hour(end)) for begin, end in shifts]
    assert planned_end(planned, hour(on_since), hour(now)) == hour(ends)


def at(minutes: float) -> datetime:
    return timezone.now() + timedelta(minutes=minutes)


def planned(driver: Driver, begins: float, ends: float) -> Shift:
    """Minutes from now."""
    return Shift.objects.create(driver=driver, city=driver.city, starts_at=at(begins), ends_at=at(ends))


def test_one_question_tells_it_of_all_who_are_on_shift(
    new_driver: Callable[..., Driver], django_assert_num_queries: Callable
) -> None:
    working, later, unplanned = (new_driver() for _ in range(3))
    off = new_driver(on_shift=False, status="offline")
    shift = planned(working, -60, 60)
    planned(later, 60, 120)
    planned(off, -60, 60)
    drivers = list(Driver.objects.all())
    with django_assert_num_queries(1):
        assert planned_ends(drivers, timezone.now()) == {working.pk: shift.ends_at}
    assert unplanned in drivers


def test_since_when_a_driver_works_is_the_databases_to_say(driver: Driver) -> None:
    driver.refresh_from_db()
    since = driver.on_shift_since
    assert since is not None
    actions.set_shift(driver.pk, True)
    driver.refresh_from_db()
    assert driver.on_shift_since == since
    actions.set_shift(driver.pk, False)
    driver.refresh_from_db()
    assert driver.on_shift_since is None
    with connection.cursor() as cursor:
        # As an ordering platform brings a driver to work.
        cursor.execute("UPDATE drivers SET status = 'idle'")
        cursor.execute("INSERT INTO drivers (name, status) VALUES ('Ada', 'idle'), ('Bo', 'offline')")
    since_when = dict(Driver.objects.values_list("name", "on_shift_since"))
    assert {name: since is not None for name, since in since_when.items()} == {
        driver.name: True,
        "Ada": True,
        "Bo": False,
    }


def test_a_row_read_long_ago_and_saved_does_not_forget_it(driver: Driver) -> None:
    assert driver.on_shift_since is None  # as it was written
    driver.save()
    driver.refresh_from_db()
    assert driver.on_shift_since is not None


@pytest.mark.parametrize(("begins", "ends"), [(60, 60), (60, 0)])
def test_a_shift_ends_after_it_began(driver: Driver, begins: float, ends: float) -> None:
    now = timezone.now()
    with pytest.raises(IntegrityError), transaction.atomic():
        Shift.objects.create(
            driver=driver,
            city=driver.city,
            starts_at=now + timedelta(minutes=begins),
            ends_at=now + timedelta(minutes=ends),
        )


def test_a_driver_has_one_shift_at_a_time(driver: Driver) -> None:
    shift = planned(driver, 0, 60)
    shift.full_clean()
    for begins, ends in ((-30, 30), (10, 20), (59, 120), (-30, 120)):
        with pytest.raises(ValidationError, match="another shift"):
            Shift(driver=driver, city=driver.city, starts_at=at(begins), ends_at=at(ends)).full_clean()
    with pytest.raises(ValidationError, match="24 hours"):
        Shift(driver=driver, city=driver.city, starts_at=at(120), ends_at=at(120 + 25 * 60)).full_clean()
    after = Shift(driver=driver, city=driver.city, starts_at=shift.ends_at, ends_at=at(120))
    after.full_clean()


# ------------------------------------------------------------------------------------------------- the planner


def off_at(driver: Driver) -> float:
    instance, _ = Workload.of([driver]).instance(timezone.now())
    (vehicle,) = instance.vehicles
    return vehicle.off_at


def test_the_planner_knows_when_a_shift_ends(driver: Driver) -> None:
    driver.refresh_from_db()
    assert off_at(driver) == inf
    shift = planned(driver, -60, 60)
    assert off_at(driver) == shift.ends_at.timestamp()


def problems(order: Order) -> dict[str, Problem | None]:
    names = dict(Driver.objects.values_list("pk", "name"))
    return {names[p.vehicle]: p.problem for p in assignment.propose(order.pk).ranked}


def test_who_is_past_the_planned_end_works_on_and_gets_nothing_new(
    order: Order, new_order: Callable[..., Order], new_driver: Callable[..., Driver], city: City
) -> None:
    City.objects.update(assignment="auto")
    hours_ago = {"on_shift_since": at(-300)}
    late = new_driver(name="Late", **hours_ago)
    soon, free = new_driver(name="Soon", **hours_ago), new_driver(name="Free")
    mine = new_order()
    assign(mine, late)
    before = plan(late)
    planned(late, -240, -5)
    planned(soon, -240, 1)
    planned(free, -60, 240)
    assert problems(order) == {"Free": None, "Late": Problem.SHIFT_OVER, "Soon": Problem.SHIFT_ENDS}
    city.refresh_from_db()
    assert assignment.assign_pending(city) == 1
    order.refresh_from_db()
    assert order.driver == free
    late.refresh_from_db()
    assert late.on_shift
    assert plan(late) == before
    # A dispatcher may all the same.
    another = new_order()
    assign(another, late)
    assert len(plan(late)) == 4
