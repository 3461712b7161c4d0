"""What was predicted is kept, measured by what happened, reported, and forgotten in time."""

from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from dispatch.etas import prediction_log
from dispatch.models import Driver, EtaPrediction, Order, Stop
from dispatch.orders import actions, buttons
from dispatch.planning import plan_store
from routing.problems import Problem
from tests.dispatch.story import DANA, arrive, at, bring_to, report


def predict(driver: Driver, arrives_at: datetime, problem: Problem | None = None) -> bool:
    stops = Stop.objects.plans_of([driver.pk])
    made_of = plan_store.Ahead.of(stops)
    planned = [plan_store.PlannedStop(stop.pk, arrives_at, (12, 16), problem=problem) for stop in stops]
    return plan_store.store(plan_store.Plan(driver.pk, made_of, planned))


def made(order: Order) -> list[tuple[datetime, bool, float | None]]:
    return list(EtaPrediction.objects.filter(order=order).values_list("arrives_at", "approximate", "error_s"))


@pytest.fixture
def on_its_way(order: Order, driver: Driver) -> Order:
    bring_to(order, driver, "picked_up")
    return order


def test_every_prediction_is_kept_however_little_it_differs(on_its_way: Order, driver: Driver) -> None:
    for second, problem in enumerate((None, Problem.ROADS_AWAY)):
        predict(driver, at(1000 + second), problem)
    assert made(on_its_way) == [(at(1000), False, None), (at(1001), True, None)]


def test_at_the_door_nothing_is_predicted_any_more(on_its_way: Order, driver: Driver) -> None:
    predict(driver, at(1000))
    arrive(driver, "dropoff", on_its_way, seconds=1200)
    predict(driver, at(1200))
    assert [arrives_at for arrives_at, *_ in made(on_its_way)] == [at(1000)]


def test_a_plan_that_is_not_stored_predicts_nothing(on_its_way: Order, driver: Driver) -> None:
    assert not plan_store.store(plan_store.Plan(driver.pk, [], []))
    assert made(on_its_way) == []


def test_the_arrival_decides_how_far_it_was_off(on_its_way: Order, driver: Driver) -> None:
    predict(driver, at(1000))
    predict(driver, at(1300))
    arrive(driver, "dropoff", on_its_way, seconds=1200)
    assert [error for *_, error in made(on_its_way)] == [None, None]
    report(driver, on_its_way, "delivered")
    assert [error for *_, error in made(on_its_way)] == [200, -100]


def test_without_an_arrival_the_button_does(on_its_way: Order, driver: Driver) -> None:
    predict(driver, at(1000))
    buttons.report(driver.pk, on_its_way.pk, "delivered", happened_at=at(1060))
    assert [error for *_, error in made(on_its_way)] == [60]


@pytest.mark.parametrize(("arrives", "errors"), [(True, [200]), (False, [None])])
def test_a_dispatchers_word_says_nothing_of_the_time(
    on_its_way: Order, driver: Driver, arrives: bool, errors: list[float | None]
) -> None:
    predict(driver, at(1000))
    if arrives:
        arrive(driver, "dropoff", on_its_way, seconds=1200)
    actions.close_for_driver(on_its_way.pk, "delivered", actor=DANA, reason="the customer called")
    assert [error for *_, error in made(on_its_way)] == errors


def test_what_was_not_handed_over_has_no_error(on_its_way: Order, driver: Driver) -> None:
    predict(driver, at(1000))
    report(driver, on_its_way, "failed")
    assert [error for *_, error in made(on_its_way)] == [None]


@pytest.fixture
def measured(new_order: Callable[..., Order]) -> datetime:
    """Ten orders, each predicted once 12 and once 3 minutes ahead; returns when."""
    made_at = timezone.now().replace(hour=2, minute=0, second=0, microsecond=0) - timedelta(days=1)
    for number in range(10):
        order = new_order()
        for ahead, error in ((12, 60 * (number - 3)), (3, 6 * number)):
            EtaPrediction.objects.create(
                order=order,
                made_at=made_at,
                arrives_at=made_at + timedelta(minutes=ahead),
                approximate=False,
                error_s=error,
            )
        EtaPrediction.objects.create(
            order=order, made_at=made_at, arrives_at=made_at, approximate=True, error_s=999
        )
        EtaPrediction.objects.create(order=order, made_at=made_at, arrives_at=made_at, approximate=False)
    return made_at


def test_a_report_by_city_and_horizon(measured: datetime) -> None:
    near, far = prediction_log.report(measured)
    assert (near.city, near.horizon, near.predictions, near.orders) == ("Denver", "under 5 min", 10, 10)
    assert (near.bias_s, near.median_s, near.p80_s) == pytest.approx((27, 27, 43.2))
    # Errors of −3 to +6 minutes: their sizes are 0 1 1 2 2 3 3 4 5 6.
    assert far.horizon == "10–15 min"
    assert (far.bias_s, far.median_s, far.p80_s) == pytest.approx((90, 150, 252))
    assert list(prediction_log.report(measured + timedelta(seconds=1))) == []
    assert [row.median_s for row in prediction_log.report(measured, approximate=True)] == [999]


def test_hours_are_those_of_the_citys_clocks(measured: datetime) -> None:
    # 2:00 UTC is 19:00 or 20:00 of the day before in Denver.
    assert {row.hour for row in prediction_log.report(measured, by_hour=True)} <= {19, 20}


def test_the_command(measured: datetime) -> None:
    out = StringIO()
    call_command("eta_report", days=3, stdout=out)
    head, near, far = out.getvalue().splitlines()
    assert head.split() == ["city", "predicted", "ETAs", "orders", "bias", "median", "80", "%"]
    assert near.split() == ["Denver", "under", "5", "min", "10", "10", "+0.5", "0.5", "0.7"]
    assert far.split() == ["Denver", "10–15", "min", "10", "10", "+1.5", "2.5", "4.2"]
    call_command("eta_report", days=3, by_hour=True, stdout=out)
    assert "hour" in out.getvalue()


@pytest.mark.django_db
def test_the_command_without_anything_to_tell() -> None:
    out = StringIO()
    call_command("eta_report", stdout=out)
    assert out.getvalue() == "No order that was delivered has predictions from the last 7 days.\n"


def test_old_predictions_are_forgotten(order: Order, settings: object) -> None:
    settings.ETA_PREDICTIONS_DAYS = 60
    now = timezone.now()
    for days in (59, 61):
        EtaPrediction.objects.create(
            order=order, made_at=now - timedelta(days=days), arrives_at=now, approximate=False
        )
    with time_machine.travel(
        now + timedelta(days=400), tick=False
    ):  # this worker's clock, not the database's
        assert prediction_log.forget_old() == 1
    assert EtaPrediction.objects.get().made_at == now - timedelta(days=59)
