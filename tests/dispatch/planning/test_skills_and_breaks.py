"""Who lacks what an order needs, and who is on a break: Doorstep offers and gives them nothing new."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from dispatch.errors import Invalid
from dispatch.models import City, Driver, Order, Stop
from dispatch.orders import actions, breaks
from dispatch.planning import assignment, replanning
from routing.problems import Problem
from tests.dispatch.story import assign, bring_to, check_everything, status

pytestmark = pytest.mark.usefixtures("skills")


@pytest.fixture
def auto(city: City) -> City:
    City.objects.update(assignment=City.Assignment.AUTO)
    return city


def problems(order: Order) -> dict[str, Problem | None]:
    names = dict(Driver.objects.values_list("pk", "name"))
    return {names[p.vehicle]: p.problem for p in assignment.propose(order.pk).ranked}


def eta(order: Order) -> datetime:
    """At the customer's door."""
    return Stop.objects.get(order=order, kind="dropoff").eta


# ---------------------------------------------------------------------------------------------------- skills


def test_only_who_has_all_that_an_order_needs_is_proposed(
    new_order: Callable[..., Order], driver_at: Callable[..., Driver]
) -> None:
    order = new_order(needs=["alcohol", "hot_bag"])
    driver_at(90, 100, name="Near")
    driver_at(90, 200, name="Half", skills=["alcohol"])
    driver_at(90, 1500, name="Far", skills=["hot_bag", "alcohol"])
    assert problems(order) == {"Far": None, "Half": Problem.LACKS_SKILL, "Near": Problem.LACKS_SKILL}
    assert set(problems(new_order()).values()) == {None}


def test_only_they_are_given_it(
    auto: City, new_order: Callable[..., Order], driver_at: Callable[..., Driver]
) -> None:
    order = new_order(needs=["alcohol"])
    driver_at(90, 100, name="Near")
    assert assignment.assign_pending(auto) == 0
    order.refresh_from_db()
    assert (order.status, order.trouble) == ("pending", Problem.LACKS_SKILL)
    able = driver_at(90, 1500, name="Far", skills=["alcohol"])
    assert assignment.assign_pending(auto) == 1
    order.refresh_from_db()
    assert (order.driver, order.trouble) == (able, None)


def test_a_dispatcher_knows_better(new_order: Callable[..., Order], driver: Driver) -> None:
    order = new_order(needs=["alcohol"])
    assign(order, driver)
    assert status(order) == "assigned"


def test_a_skill_that_nobody_knows_is_refused(new_order: Callable[..., Order]) -> None:
    with pytest.raises(Invalid, match="No skill has the code 'alkohol'; there are alcohol, hot_bag"):
        new_order(needs=["alkohol"])
    assert not Order.objects.exists()


# ---------------------------------------------------------------------------------------------------- breaks


def test_a_driver_on_a_break_is_proposed_and_given_nothing(
    auto: City, order: Order, driver: Driver, new_driver: Callable[..., Driver]
) -> None:
    breaks.begin(driver.pk)
    assert problems(order) == {driver.name: Problem.ON_BREAK}
    assert assignment.assign_pending(auto) == 0
    assert Order.objects.get(pk=order.pk).trouble == Problem.ON_BREAK
    breaks.end(driver.pk)
    assert problems(order) == {driver.name: None}
    assert assignment.assign_pending(auto) == 1
    check_everything()


def test_a_break_ends_by_itself(auto: City, order: Order, driver: Driver) -> None:
    breaks.begin(driver.pk, 20)
    Driver.objects.update(break_until=timezone.now() - timedelta(seconds=1))
    assert assignment.assign_pending(auto) == 1


@pytest.mark.parametrize(("minutes", "lasts"), [(None, 30), (12, 12)])
def test_how_long_it_is(driver: Driver, minutes: int | None, lasts: int) -> None:
    breaks.begin(driver.pk, minutes)
    driver.refresh_from_db()
    left = driver.break_until - timezone.now()
    assert left.total_seconds() == pytest.approx(lasts * 60, abs=5)


def test_what_is_on_hand_stays_and_waits_for_the_end(
    auto: City, new_order: Callable[..., Order], driver: Driver, driver_at: Callable[..., Driver]
) -> None:
    bag, own = new_order(), new_order()
    bring_to(bag, driver, "picked_up")
    replanning.replan(driver.pk)
    before = eta(bag)
    breaks.begin(driver.pk, 40)
    assert replanning.replan(driver.pk)
    assert (eta(bag) - before).total_seconds() == pytest.approx(40 * 60, abs=20)
    assign(own, driver)
    driver_at(90, 50)
    assert assignment.assign_pending(auto) == 0
    assert [status(order) for order in (bag, own)] == ["picked_up", "assigned"]
    breaks.end(driver.pk)
    actions.unassign(own.pk, actor=actions.SYSTEM)
    replanning.refresh_etas()
    assert (eta(bag) - before).total_seconds() == pytest.approx(0, abs=20)


def test_a_dispatcher_may_give_an_order_to_who_is_on_a_break(order: Order, driver: Driver) -> None:
    breaks.begin(driver.pk)
    assign(order, driver)
    assert status(order) == "assigned"


def test_who_is_off_shift_takes_no_break(new_driver: Callable[..., Driver]) -> None:
    driver = new_driver(on_shift=False, status="offline")
    with pytest.raises(Invalid, match="off shift"):
        breaks.begin(driver.pk)
    breaks.end(driver.pk)


@pytest.mark.parametrize("shifts", [(False,), (False, True)])
def test_the_end_of_the_shift_is_the_end_of_the_break(driver: Driver, shifts: tuple[bool, ...]) -> None:
    breaks.begin(driver.pk)
    for on in shifts:
        actions.set_shift(driver.pk, on)
    driver.refresh_from_db()
    assert driver.break_until is None


def test_a_shift_that_goes_on_leaves_the_break(driver: Driver) -> None:
    breaks.begin(driver.pk)
    actions.set_shift(driver.pk, True)
    driver.refresh_from_db()
    assert driver.break_until is not None
