"""Celery's way in: what is asked of a worker, and that two cycles never overlap."""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from redis import Redis

from delivery.celery import app
from dispatch import tasks
from dispatch.leases import lease
from dispatch.models import Driver, Lease, Order
from dispatch.orders import geofence_actions
from dispatch.planning import eta_rounds
from routing.problems import Problem
from tests.dispatch.story import assign, plan, status


@pytest.fixture
def queue(settings: object) -> Iterator[Callable[[], list[tuple[str, list]]]]:
    """The tasks that wait in Redis, and their arguments; not those of the outbox, which anything may ask for."""
    with Redis.from_url(settings.REDIS_URL) as redis:
        redis.flushdb()

        def waiting() -> list[tuple[str, list]]:
            messages = [json.loads(text) for text in redis.lrange(f"{settings.REDIS_PREFIX}celery", 0, -1)]
            tasks = [(m["headers"]["task"], json.loads(b64decode(m["body"]))[0]) for m in reversed(messages)]
            return [asked for asked in tasks if asked[0] != "dispatch.tasks.send_outbox"]

        yield waiting
        redis.flushdb()


def test_an_assignment_asks_a_worker_for_a_plan_when_it_has_committed(
    queue: Callable, order: Order, driver: Driver, django_capture_on_commit_callbacks: Callable
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assign(order, driver)
        assert queue() == []
    assert queue() == [("dispatch.tasks.replan", [str(driver.pk)])]


def test_a_drivers_first_position_asks_for_a_plan_of_the_stops_that_waited_for_it(
    queue: Callable,
    order: Order,
    new_driver: Callable[..., Driver],
    django_capture_on_commit_callbacks: Callable,
) -> None:
    nowhere = {"current_lat": None, "current_lng": None, "fix_at": None}
    driver, idle = new_driver(**nowhere), new_driver(**nowhere)
    assign(order, driver)
    tasks.replan(str(driver.pk))
    order.refresh_from_db()
    assert order.problem == Problem.DRIVER_UNPLACED
    fix_at = timezone.now()
    with django_capture_on_commit_callbacks(execute=True):
        for one in (driver, idle):
            geofence_actions.placed(one.pk, 39.75, -104.99, fix_at)
    assert queue() == [("dispatch.tasks.replan", [str(driver.pk)])]
    tasks.replan(str(driver.pk))
    order.refresh_from_db()
    assert (order.problem, order.eta_minutes is not None) == ("", True)


def test_a_position_that_is_there_already_stays(
    queue: Callable, order: Order, driver: Driver, django_capture_on_commit_callbacks: Callable
) -> None:
    """Its batch was stored before, perhaps with a newer one. The stops may not be planned by it yet."""
    assign(order, driver)
    before = (driver.current_lat, driver.current_lng, driver.fix_at)
    with django_capture_on_commit_callbacks(execute=True):
        geofence_actions.placed(driver.pk, 1.0, 2.0, timezone.now())
    driver.refresh_from_db()
    assert (driver.current_lat, driver.current_lng, driver.fix_at) == before
    assert queue() == [("dispatch.tasks.replan", [str(driver.pk)])]


def test_the_task_plans(order: Order, driver: Driver) -> None:
    assign(order, driver)
    tasks.replan(str(driver.pk))
    order.refresh_from_db()
    assert order.eta_minutes > 0
    assert len(plan(driver)) == 2


def test_the_cycle_refreshes_every_eta(order: Order, driver: Driver) -> None:
    assign(order, driver)
    tasks.refresh_etas()
    order.refresh_from_db()
    assert order.eta_minutes > 0


def test_other_workers_help_with_the_parts_of_a_cycle(
    queue: Callable,
    new_order: Callable[..., Order],
    new_driver: Callable[..., Driver],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(eta_rounds, "PART_DRIVERS", 1)
    for _ in range(3):
        assign(new_order(), new_driver())
    tasks.refresh_etas()
    asked = queue()
    assert [name for name, _ in asked] == ["dispatch.tasks.refresh_part_of_etas"] * 2
    # As if this worker had not come so far.
    Lease.objects.update(done_at=None)
    for _, arguments in asked:
        tasks.refresh_part_of_etas(*arguments)
    assert sorted(order.predictions.count() for order in Order.objects.all()) == [1, 2, 2]


@pytest.mark.parametrize(
    ("away", "vehicle", "times"),
    [(None, "car", 0), ("OSRM_URL", "car", 9), ("OSRM_URL_BICYCLE", "bicycle", 9)],
    ids=["there", "away", "a bicycle's away"],
)
def test_a_cycle_without_roads_is_mended_soon(
    queue: Callable,
    order: Order,
    new_driver: Callable[..., Driver],
    settings: object,
    away: str | None,
    vehicle: str,
    times: int,
) -> None:
    assign(order, new_driver(vehicle=vehicle))
    if away:
        setattr(settings, away, "http://127.0.0.1:2")
    tasks.refresh_etas()
    assert queue() == [("dispatch.tasks.mend_etas", [])] * times


def test_a_cycle_does_not_begin_while_another_one_runs(order: Order, driver: Driver) -> None:
    assign(order, driver)
    with lease("refresh_etas") as held:
        assert held
        tasks.refresh_etas()
        tasks.mend_etas()
        order.refresh_from_db()
        assert order.eta_minutes is None
    tasks.refresh_etas()
    order.refresh_from_db()
    assert order.eta_minutes is not None


def test_silent_drivers_go_offline(new_driver: Callable[..., Driver]) -> None:
    driver = new_driver(last_seen_at=timezone.now() - timedelta(hours=1))
    tasks.mark_silent_drivers()
    assert status(driver) == "offline"


def test_every_task_of_the_schedule_exists() -> None:
    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert scheduled <= set(app.tasks)
    names = ("refresh_etas", "assign_pending", "mark_silent_drivers")
    assert {f"dispatch.tasks.{name}" for name in names} <= scheduled
