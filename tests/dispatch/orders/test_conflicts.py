"""Buttons that were pressed without a network and come when people have decided otherwise: kept, and settled once."""

import json
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from dispatch.errors import DispatchError, InConflict, NotFound, NotYours, WrongStatus
from dispatch.models import Conflict, Driver, Order, Stop
from dispatch.models.conflicts import Outcome
from dispatch.orders import actions, buttons, conflicts
from tests.dispatch.story import DANA, assign, bring_to, check_everything, last_event, plan, report, status
from tracking.protocol import frames


@pytest.fixture
def kim(new_driver: Callable[..., Driver]) -> Driver:
    return new_driver(name="Kim")


def presses(driver: Driver, order: Order, step: str, *, ago_s: float, reason: str | None = None) -> None:
    """A button that was pressed so long ago, and comes now."""
    pressed_at = timezone.now() - timedelta(seconds=ago_s)
    buttons.report(driver.pk, order.pk, step, happened_at=pressed_at, reason=reason)


def decided(order: Order, *, ago_s: float) -> None:
    """The latest step was taken so long ago, all others long before."""
    now = timezone.now()
    order.events.update(happened_at=now - timedelta(seconds=3600))
    order.events.filter(pk=last_event(order).pk).update(happened_at=now - timedelta(seconds=ago_s))


def conflict_of(order: Order) -> Conflict:
    return Conflict.objects.select_related("order__restaurant", "driver", "against").get(order=order)


def settle(conflict: Conflict, outcome: Outcome) -> None:
    conflicts.settle(conflict.pk, outcome, actor=DANA)
    check_everything()


@pytest.fixture
def given_away(order: Order, driver: Driver, kim: Driver) -> Order:
    """Dana gave it to Kim two minutes ago."""
    bring_to(order, driver, "to_restaurant")
    assign(order, kim)
    decided(order, ago_s=120)
    return order


def test_a_press_for_an_order_that_went_to_another_driver_is_kept(
    given_away: Order, driver: Driver, kim: Driver
) -> None:
    with pytest.raises(InConflict, match="A dispatcher hears what you say"):
        presses(driver, given_away, "picked_up", ago_s=180)
    assert status(given_away) == "assigned"
    conflict = conflict_of(given_away)
    assert (conflict.driver, conflict.says, conflict.outcome) == (driver, "picked_up", None)
    assert (conflict.against.to_status, conflict.against.actor_name) == ("assigned", "Dana")
    told = frames.conflict_state(conflict)
    assert (told.driver_name, told.says, told.against.by, told.settled) == (
        driver.name,
        "picked_up",
        "Dana",
        False,
    )
    assert told.pressed_at < told.against.at < told.told_at


def test_the_food_is_with_who_says_so(given_away: Order, driver: Driver, kim: Driver) -> None:
    with pytest.raises(InConflict):
        presses(driver, given_away, "picked_up", ago_s=180)
    settle(conflict_of(given_away), Outcome.DRIVER)
    given_away.refresh_from_db()
    assert (given_away.driver, given_away.status) == (driver, "picked_up")
    name = given_away.customer_name
    assert (plan(driver), plan(kim)) == ([f"dropoff {name}"], [])
    event = last_event(given_away)
    assert (event.actor, event.actor_name) == ("dispatcher", "Dana")
    assert event.reason == f"As {driver.name} said without a network."
    report(driver, given_away, "delivered")
    check_everything()


def test_it_was_delivered_by_who_says_so(given_away: Order, driver: Driver, kim: Driver) -> None:
    with pytest.raises(InConflict):
        presses(driver, given_away, "delivered", ago_s=60)  # pressed since, but without a network
    conflict = conflict_of(given_away)
    settle(conflict, Outcome.DRIVER)
    given_away.refresh_from_db()
    assert (given_away.driver, given_away.status) == (driver, "delivered")
    assert given_away.delivered_at == conflict.pressed_at
    assert plan(kim) == []


def test_what_stands_stays(given_away: Order, driver: Driver, kim: Driver) -> None:
    with pytest.raises(InConflict):
        presses(driver, given_away, "delivered", ago_s=180)
    before = plan(kim)
    settle(conflict_of(given_away), Outcome.STANDS)
    assert (status(given_away), plan(kim)) == ("assigned", before)
    conflict = conflict_of(given_away)
    assert (conflict.outcome, conflict.settled_by) == ("stands", "Dana")
    assert frames.conflict_state(conflict).settled


def test_it_is_settled_once(given_away: Order, driver: Driver) -> None:
    with pytest.raises(InConflict):
        presses(driver, given_away, "delivered", ago_s=180)
    conflict = conflict_of(given_away)
    assert conflict.version == 1
    settle(conflict, Outcome.STANDS)
    assert conflict_of(given_away).version == 2
    with pytest.raises(WrongStatus, match="Dana has settled it already"):
        settle(conflict, Outcome.DRIVER)
    assert status(given_away) == "assigned"
    with pytest.raises(NotFound):
        conflicts.settle(uuid4(), Outcome.STANDS, actor=DANA)


def test_an_app_that_says_it_again_makes_no_other_conflict(given_away: Order, driver: Driver) -> None:
    pressed_at = timezone.now() - timedelta(seconds=180)
    for _ in range(3):
        with pytest.raises(InConflict):
            buttons.report(driver.pk, given_away.pk, "delivered", happened_at=pressed_at)
    assert Conflict.objects.count() == 1


def test_taken_away_and_given_to_nobody(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_at_restaurant")
    actions.unassign(order.pk, actor=DANA)
    decided(order, ago_s=120)
    with pytest.raises(InConflict):
        presses(driver, order, "picked_up", ago_s=180)
    settle(conflict_of(order), Outcome.DRIVER)
    assert (status(order), plan(driver)) == ("picked_up", [f"dropoff {order.customer_name}"])


def test_delivered_though_it_was_cancelled_before(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    actions.cancel(order.pk, actor=DANA, reason="rain")
    decided(order, ago_s=120)
    with pytest.raises(InConflict):
        presses(driver, order, "delivered", ago_s=60)
    assert plan(driver) == [f"return {order.customer_name}"]
    settle(conflict_of(order), Outcome.DRIVER)
    assert (status(order), plan(driver)) == ("delivered", [])


def test_picked_up_though_it_was_cancelled_before_is_brought_back(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "to_restaurant")
    actions.cancel(order.pk, actor=actions.PLATFORM)
    decided(order, ago_s=120)
    with pytest.raises(InConflict):
        presses(driver, order, "picked_up", ago_s=60)
    assert frames.conflict_state(conflict_of(order)).against.by == "Ordering platform"
    settle(conflict_of(order), Outcome.DRIVER)
    assert (status(order), plan(driver)) == ("cancelled", [f"return {order.customer_name}"])


@pytest.mark.parametrize("closed_as", ["delivered", "failed"])
def test_a_dispatcher_had_closed_it_otherwise(order: Order, driver: Driver, closed_as: str) -> None:
    says = {"delivered": "failed", "failed": "delivered"}[closed_as]
    bring_to(order, driver, "picked_up")
    actions.close_for_driver(order.pk, closed_as, actor=DANA, reason="He told me so")
    decided(order, ago_s=120)
    with pytest.raises(InConflict):
        presses(driver, order, says, ago_s=180)
    settle(conflict_of(order), Outcome.DRIVER)
    order.refresh_from_db()
    assert order.status == says
    assert (order.delivered_at is not None) == (says == "delivered")


def test_food_that_could_not_be_handed_over_after_all_goes_back(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    actions.close_for_driver(order.pk, "delivered", actor=DANA, reason="He told me so")
    decided(order, ago_s=120)
    with pytest.raises(InConflict):
        presses(driver, order, "failed", ago_s=180, reason="nobody_home")
    settle(conflict_of(order), Outcome.DRIVER)
    assert (status(order), plan(driver)) == ("failed", [f"return {order.customer_name}"])


@pytest.mark.parametrize(("reason", "becomes"), [("vehicle", "assigned"), ("closed", "failed")])
def test_what_could_not_be_picked_up_is_another_drivers_or_over(
    given_away: Order, driver: Driver, kim: Driver, reason: str, becomes: str
) -> None:
    with pytest.raises(InConflict):
        presses(driver, given_away, "failed", ago_s=180, reason=reason)
    settle(conflict_of(given_away), Outcome.DRIVER)
    assert (status(given_away), plan(driver)) == (becomes, [])
    assert len(plan(kim)) == (2 if becomes == "assigned" else 0)


def test_what_another_driver_has_on_board_by_now_is_not_taken_from_there(
    given_away: Order, driver: Driver, kim: Driver
) -> None:
    with pytest.raises(InConflict):
        presses(driver, given_away, "picked_up", ago_s=180)
    report(kim, given_away, "picked_up")
    conflict = conflict_of(given_away)
    with pytest.raises(WrongStatus, match="can only stay as it is"):
        settle(conflict, Outcome.DRIVER)
    settle(conflict, Outcome.STANDS)
    assert status(given_away) == "picked_up"


# ----------------------------------------------------------------------------------------------- what is none


def test_who_has_a_network_hears_that_the_order_is_gone(given_away: Order, driver: Driver) -> None:
    with pytest.raises(NotYours):
        presses(driver, given_away, "picked_up", ago_s=1)
    assert not Conflict.objects.exists()


def test_what_was_never_with_the_driver_is_none_of_its_business(
    order: Order, driver: Driver, kim: Driver
) -> None:
    bring_to(order, kim, "picked_up")
    decided(order, ago_s=120)
    with pytest.raises(NotYours):
        presses(driver, order, "delivered", ago_s=180)


def test_what_both_say_is_no_conflict(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    actions.close_for_driver(order.pk, "delivered", actor=DANA, reason="He told me so")
    decided(order, ago_s=120)
    for step in ("delivered", "picked_up"):
        with pytest.raises(WrongStatus):
            presses(driver, order, step, ago_s=180)


def test_a_press_that_comes_twice_is_no_conflict(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "delivered")
    decided(order, ago_s=120)
    for step in ("picked_up", "delivered"):
        with pytest.raises(WrongStatus):
            presses(driver, order, step, ago_s=180)


def test_who_says_two_things_is_in_conflict_with_nobody_else(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "failed")
    decided(order, ago_s=120)
    with pytest.raises(WrongStatus):
        presses(driver, order, "delivered", ago_s=180)
    assert not Conflict.objects.exists()


# ------------------------------------------------------------------------------------------------ the dashboard


def test_a_dispatcher_settles_it(admin_client: Client, given_away: Order, driver: Driver) -> None:
    with pytest.raises(InConflict):
        presses(driver, given_away, "delivered", ago_s=180)
    path = f"/dispatch/conflicts/{conflict_of(given_away).pk}/settle"

    def post(body: dict[str, str]) -> int:
        return admin_client.post(path, json.dumps(body), content_type="application/json").status_code

    assert post({"outcome": "whoever"}) == 400
    assert post({"outcome": "driver"}) == 204
    assert status(given_away) == "delivered"
    assert conflict_of(given_away).settled_by == "admin"
    assert post({"outcome": "stands"}) == 409
    page = admin_client.get("/admin/dispatch/conflict/")
    assert given_away.customer_name in page.content.decode()
    page = admin_client.get(f"/admin/dispatch/conflict/{conflict_of(given_away).pk}/change/")
    assert "by admin" in page.content.decode()


def test_stops_of_a_settled_order_belong_to_one_driver(given_away: Order, driver: Driver) -> None:
    with pytest.raises(DispatchError):
        presses(driver, given_away, "picked_up", ago_s=180)
    settle(conflict_of(given_away), Outcome.DRIVER)
    assert set(Stop.objects.filter(order=given_away).values_list("driver", flat=True)) == {driver.pk}
    with pytest.raises(WrongStatus):
        actions.undo_pickup(given_away.pk, actor=DANA)
