"""The round that opens and ends alerts, on real rows: each fires once, and ends when its reason is over."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dispatch import signals, tasks
from dispatch.alerts import actions as alerts
from dispatch.alerts import rounds
from dispatch.errors import NotFound
from dispatch.leases import lease
from dispatch.models import Alert, City, Driver, Order, OrderEvent, Restaurant, Shift, Stop, Whereabouts
from dispatch.orders import actions, buttons
from dispatch.planning import replanning
from routing.geo import Point, destination
from tests.conftest import DENVER
from tests.dispatch.story import DANA, assign, bring_to, set_out

WEST = destination(DENVER, 270, 1000)


def ago(minutes: float) -> datetime:
    return timezone.now() - timedelta(minutes=minutes)


def pending_since(order: Order, minutes: float) -> None:
    OrderEvent.objects.filter(order=order, to_status="pending").update(created_at=ago(minutes))


def assigned_since(order: Order, minutes: float) -> None:
    OrderEvent.objects.filter(order=order, to_status="assigned").update(created_at=ago(minutes))


def seen_at(driver: Driver, place: Point, minutes_ago: float) -> None:
    """The driver's last fix."""
    Driver.objects.filter(pk=driver.pk).update(
        current_lat=place.lat, current_lng=place.lng, fix_at=ago(minutes_ago), last_seen_at=timezone.now()
    )


def open_kinds() -> list[str]:
    rounds.run()
    return sorted(Alert.objects.filter(ended_at=None).values_list("kind", flat=True))


# ------------------------------------------------------------------------------------------------ by kind


def test_an_order_without_a_driver(order: Order, driver: Driver) -> None:
    pending_since(order, 4)
    assert open_kinds() == []
    pending_since(order, 6)
    assert open_kinds() == open_kinds() == ["unassigned"]
    (alert,) = Alert.objects.all()
    assert (alert.order, alert.driver, alert.city) == (order, None, driver.city)
    assign(order, driver)
    assert open_kinds() == []
    alert.refresh_from_db()
    assert alert.ended_at is not None
    # Another occasion: it counts anew.
    actions.unassign(order.pk, actor=DANA)
    OrderEvent.objects.filter(order=order, to_status="pending").first().delete()
    assert open_kinds() == []
    pending_since(order, 6)
    assert open_kinds() == ["unassigned"]
    assert Alert.objects.count() == 2


def test_an_order_that_is_wanted_later_waits_for_nobody(order: Order) -> None:
    pending_since(order, 60)
    Order.objects.update(
        status="scheduled", wanted_at=timezone.now() + timedelta(hours=3), dispatch_at=timezone.now()
    )
    assert open_kinds() == []


def test_a_driver_who_has_not_set_out(order: Order, driver: Driver) -> None:
    assign(order, driver)
    assigned_since(order, 4)
    assert open_kinds() == []
    assigned_since(order, 6)
    assert open_kinds() == ["not_set_out"]
    (alert,) = Alert.objects.all()
    assert (alert.driver, alert.order) == (driver, order)
    set_out(driver, order)
    assert open_kinds() == []


def test_who_was_busy_until_now_could_not_set_out_before(
    new_order: Callable[..., Order], driver: Driver
) -> None:
    first, second = new_order(), new_order()
    bring_to(first, driver, "picked_up")
    assign(second, driver)
    assigned_since(second, 20)
    assert open_kinds() == []
    buttons.report(driver.pk, first.pk, "delivered")
    assert open_kinds() == []
    Stop.objects.filter(order=first, done_at__isnull=False).update(done_at=ago(6))
    assert open_kinds() == ["not_set_out"]


def test_food_that_is_not_ready_yet_gives_time(order: Order, driver: Driver) -> None:
    assign(order, driver)
    assigned_since(order, 30)
    Order.objects.update(ready_at=timezone.now() + timedelta(minutes=20))
    Stop.objects.filter(kind="pickup").update(eta=timezone.now() + timedelta(minutes=5))
    assert open_kinds() == []
    Stop.objects.filter(kind="pickup").update(eta=timezone.now() + timedelta(minutes=26))
    assert open_kinds() == ["not_set_out"]


def test_a_driver_who_waits_at_the_restaurant(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_at_restaurant")
    Stop.objects.filter(kind="pickup").update(arrived_at=ago(16))
    assert open_kinds() == ["at_restaurant"]
    buttons.report(driver.pk, order.pk, "picked_up")
    assert open_kinds() == []


def test_a_driver_who_is_silent_with_food_on_board(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    Driver.objects.update(last_seen_at=ago(6))
    assert open_kinds() == ["silent"]
    Driver.objects.update(last_seen_at=timezone.now())
    assert open_kinds() == []


def test_a_driver_who_stands_on_the_way(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    halfway = destination(DENVER, 90, 700)
    seen_at(driver, halfway, 9)
    assert open_kinds() == []
    seen_at(driver, destination(halfway, 0, 30), 0)
    assert open_kinds() == ["standing"]
    seen_at(driver, destination(halfway, 90, 200), 0)
    assert open_kinds() == []


@pytest.mark.parametrize("place", [DENVER, destination(DENVER, 90, 1500)], ids=["restaurant", "door"])
def test_whoever_is_at_a_stop_does_not_stand_on_the_way(
    new_order: Callable[..., Order], driver: Driver, place: Point
) -> None:
    bring_to(new_order(), driver, "picked_up")
    bring_to(new_order(), driver, "to_restaurant")
    seen_at(driver, destination(place, 0, 60), 30)
    assert open_kinds() == []
    seen_at(driver, destination(place, 0, 60), 0)
    assert "standing" not in open_kinds()


def test_a_driver_who_is_off_the_road(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    seen_at(driver, destination(DENVER, 90, 300), 8)
    assert replanning.replan(driver.pk)
    assert open_kinds() == []
    for minutes in (7, 5, 3, 1):
        # Ever farther north, which a new plan follows each time.
        seen_at(driver, destination(destination(DENVER, 90, 300), 0, 1000 - 100 * minutes), minutes)
        replanning.refresh_etas()
        found = open_kinds()
        assert found == (["off_route"] if minutes == 1 else [])
    seen_at(driver, destination(DENVER, 90, 1100), 0)
    replanning.refresh_etas()
    rounds.run()
    assert not Alert.objects.filter(ended_at=None, kind="off_route").exists()


def test_a_shift_that_ends_with_stops_left(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    shift = Shift.objects.create(
        driver=driver, city=driver.city, starts_at=ago(200), ends_at=timezone.now() + timedelta(minutes=14)
    )
    Stop.objects.update(eta=shift.ends_at - timedelta(minutes=3))
    assert open_kinds() == []
    Stop.objects.update(eta=shift.ends_at + timedelta(minutes=3))
    assert open_kinds() == ["shift_ending"]
    assert Alert.objects.get().due_at == shift.ends_at
    shift.ends_at += timedelta(minutes=1)
    shift.save()
    assert open_kinds() == ["shift_ending"]
    (alert,) = Alert.objects.all()
    assert (alert.due_at, alert.version) == (shift.ends_at, 2)
    buttons.report(driver.pk, order.pk, "delivered")
    assert open_kinds() == []


# ------------------------------------------------------------------------------------------ what cities want


def test_each_city_has_its_own_limits_and_0_is_never(
    new_order: Callable[..., Order], restaurant: Restaurant
) -> None:
    slow = City.objects.create(name="Slow", lat=0, lng=0, unassigned_alert_minutes=30)
    never = City.objects.create(name="Never", lat=0, lng=0, unassigned_alert_minutes=0)
    cities = (restaurant.city, slow, never, None)
    orders = {}
    for city in cities:
        kitchen = Restaurant.objects.create(name="Kitchen", city=city, lat=DENVER.lat, lng=DENVER.lng)
        orders[city] = new_order(restaurant_id=kitchen.pk)
        pending_since(orders[city], 20)
    rounds.run()
    alerted = set(Alert.objects.values_list("order", flat=True))
    assert alerted == {orders[restaurant.city].pk, orders[None].pk}
    City.objects.filter(pk=restaurant.city.pk).update(unassigned_alert_minutes=0)
    rounds.run()
    assert Alert.objects.get(ended_at=None).order == orders[None]


def test_a_limit_is_of_a_day_at_most_and_none_is_negative(city: City) -> None:
    for minutes in (-1, 601):
        with pytest.raises(IntegrityError), transaction.atomic():
            City.objects.update(silent_alert_minutes=minutes)


# ---------------------------------------------------------------------------------------------- once, for all


@pytest.fixture
def announced() -> Any:
    heard: list[frozenset] = []

    def hear(alerts: frozenset, **_: object) -> None:
        heard.append(alerts)

    signals.alerts_changed.connect(hear)
    yield heard
    signals.alerts_changed.disconnect(hear)


def test_what_fires_and_ends_is_announced_once(
    order: Order, driver: Driver, announced: list, django_capture_on_commit_callbacks: Callable
) -> None:
    pending_since(order, 6)
    with django_capture_on_commit_callbacks(execute=True):
        rounds.run()
        rounds.run()
    (alert,) = Alert.objects.all()
    assert announced == [{alert.pk}]
    with django_capture_on_commit_callbacks(execute=True):
        assign(order, driver)
        rounds.run()
        rounds.run()
    assert announced == [{alert.pk}] * 2


def test_one_that_is_seen_is_quiet_until_it_is_over(
    order: Order, driver: Driver, announced: list, django_capture_on_commit_callbacks: Callable
) -> None:
    pending_since(order, 6)
    rounds.run()
    (alert,) = Alert.objects.all()
    with django_capture_on_commit_callbacks(execute=True):
        alerts.see(alert.pk, "dana")
    rounds.run()
    alert.refresh_from_db()
    assert (alert.seen_by, alert.version, announced) == ("dana", 2, [{alert.pk}])
    alerts.see(alert.pk, "")
    alert.refresh_from_db()
    assert alert.seen_by == ""
    assign(order, driver)
    rounds.run()
    with pytest.raises(NotFound):
        alerts.see(alert.pk, "dana")


def test_a_round_that_comes_too_late_finds_the_work_done(order: Order) -> None:
    pending_since(order, 6)
    with lease("raise_alerts") as held:
        assert held
        tasks.raise_alerts()
        assert not Alert.objects.exists()
    found = rounds._subject(Alert(kind="unassigned", order=order)), rounds._unassigned()
    tasks.raise_alerts()
    (alert,) = Alert.objects.all()
    assert rounds._subject(alert) == found[0]
    rounds._store({}, {found[0]: _found(order)}, timezone.now())
    assert list(Alert.objects.all()) == [alert]


def _found(order: Order) -> rounds.Found:
    (unassigned,) = rounds._unassigned()
    (found,) = rounds.rules.of_order(unassigned, rounds._limits()[order.city_id], timezone.now())
    return found


def test_two_open_alerts_of_a_kind_can_not_be(order: Order, driver: Driver) -> None:
    def alert(**of: Any) -> Alert:
        return Alert.objects.create(since=ago(6), fired_at=ago(1), **of)

    alert(kind="silent", driver=driver, order=order, ended_at=ago(0))
    alert(kind="silent", driver=driver, order=order)
    alert(kind="unassigned", order=order)
    for of in (
        {"kind": "silent", "driver": driver},
        {"kind": "unassigned", "order": order},
        {"kind": "silent"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            alert(**of)


def test_nothing_is_remembered_of_who_has_nothing_to_do(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    rounds.run()
    assert Whereabouts.objects.get().driver == driver
    buttons.report(driver.pk, order.pk, "delivered")
    rounds.run()
    assert not Whereabouts.objects.exists()


def test_roads_are_read_and_written_where_they_are_needed_only(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    seen_at(driver, destination(DENVER, 90, 300), 2)
    replanning.replan(driver.pk)
    rounds.run()
    leg = Whereabouts.objects.get().leg
    assert leg
    Stop.objects.update(leg=None)
    seen_at(driver, Point(*reversed(leg[len(leg) // 2])), 1)
    with CaptureQueriesContext(connection) as queries:
        rounds.run()
    assert Whereabouts.objects.get().leg == leg
    (stored,) = [
        q["sql"] for q in queries.captured_queries if q["sql"].startswith('INSERT INTO "whereabouts"')
    ]
    assert 'EXCLUDED."lat"' in stored
    assert 'EXCLUDED."leg"' not in stored


def test_as_many_questions_for_many_as_for_one(
    new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    def work(count: int) -> None:
        for _ in range(count):
            pending_since(new_order(), 6)
            for status in ("assigned", "driver_at_restaurant", "picked_up"):
                bring_to(new_order(), new_driver(), status)

    work(1)
    rounds.run()
    work(1)
    with CaptureQueriesContext(connection) as few:
        rounds.run()
    work(6)
    with CaptureQueriesContext(connection) as many:
        rounds.run()
    assert Alert.objects.filter(kind="unassigned").count() == 8
    assert len(many.captured_queries) == len(few.captured_queries)


def test_alerts_of_long_ago_are_forgotten(order: Order) -> None:
    for ended_at in (ago(60 * 24 * 31), ago(60 * 24 * 29), None):
        Alert.objects.create(
            kind="unassigned", order=order, since=ago(60), fired_at=ago(50), ended_at=ended_at
        )
    tasks.forget_alerts()
    assert Alert.objects.count() == 2
