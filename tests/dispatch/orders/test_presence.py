"""Shifts, silence, and how a driver's status follows from the stops over a whole day."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
import time_machine
from django.utils import timezone

from dispatch.models import Driver, Order
from dispatch.orders import actions, geofence_actions
from tests.dispatch.story import DANA, arrive, assign, bring_to, leave, report, set_out, status


def silence(driver: Driver, seconds: float) -> None:
    """Of an app that is known to send every five seconds."""
    _heard_last(driver, seconds, heard_every_s=5.0)


def _heard_last(driver: Driver, seconds: float, **more: float) -> None:
    """So many seconds ago."""
    at = timezone.now() - timedelta(seconds=seconds)
    Driver.objects.filter(pk=driver.pk).update(last_seen_at=at, **more)


def hear(driver: Driver, silent_s: float) -> list[str]:
    """The driver's next message after so long, and the statuses seen by a job of every twenty seconds until then."""
    seen = []
    for seconds in (*range(10, int(silent_s), 20), silent_s):
        _heard_last(driver, seconds)
        geofence_actions.mark_silent_drivers()
        seen.append(status(driver))
    geofence_actions.heard_of(driver.pk)
    return seen


def version(driver: Driver) -> int:
    driver.refresh_from_db()
    return driver.version


# ---------------------------------------------------------------------------------------------------- shifts


def test_a_shift_begins_and_ends(new_driver: Callable[..., Driver]) -> None:
    driver = new_driver(on_shift=False, status="offline", last_seen_at=None)
    began = timezone.now()
    actions.set_shift(driver.pk, on=True)
    assert (status(driver), driver.on_shift) == ("idle", True)
    assert began <= driver.last_seen_at <= timezone.now()
    actions.set_shift(driver.pk, on=False)
    assert (status(driver), driver.on_shift) == ("offline", False)


@pytest.mark.parametrize("on", [True, False])
def test_every_change_of_shift_makes_a_new_version(new_driver: Callable[..., Driver], on: bool) -> None:
    driver = new_driver(on_shift=not on, status="offline", last_seen_at=None)
    actions.set_shift(driver.pk, on=on)
    assert version(driver) > 1


def test_orders_stay_with_a_driver_who_ends_the_shift(order: Order, driver: Driver) -> None:
    assign(order, driver)
    actions.set_shift(driver.pk, on=False)
    order.refresh_from_db()
    assert (order.status, order.driver_id, status(driver)) == ("assigned", driver.pk, "offline")
    actions.set_shift(driver.pk, on=True)
    assert status(driver) == "to_restaurant"


# --------------------------------------------------------------------------------------------------- silence


@pytest.mark.parametrize(("seconds", "offline"), [(0, False), (115, False), (125, True), (10**6, True)])
def test_who_is_silent_for_two_minutes_goes_offline(driver: Driver, seconds: float, offline: bool) -> None:
    silence(driver, seconds)
    assert geofence_actions.mark_silent_drivers() == offline
    assert status(driver) == ("offline" if offline else "idle")
    assert (version(driver) > 1) == offline


def test_who_was_never_heard_of_goes_offline(new_driver: Callable[..., Driver]) -> None:
    driver = new_driver(last_seen_at=None)
    assert geofence_actions.mark_silent_drivers() == 1
    assert status(driver) == "offline"


@pytest.mark.parametrize("every_s", [65, 120, 180])
def test_an_app_that_is_slow_is_not_one_that_is_gone(
    new_driver: Callable[..., Driver], every_s: float
) -> None:
    """From the beginning of the shift, and after some fixes at once on the way."""
    driver = new_driver(on_shift=False, status="offline", last_seen_at=None)
    actions.set_shift(driver.pk, on=True)
    hear(driver, 1)
    for silent_s in (every_s, every_s, every_s + 5, 1, 1, 1, 1, 1, every_s, every_s - 5, every_s):
        assert {*hear(driver, silent_s)} == {"idle"}
    assert "offline" in hear(driver, 2.2 * every_s)


def test_an_app_that_becomes_slow_goes_offline_once_at_most(driver: Driver) -> None:
    for _ in range(30):
        hear(driver, 5)
    seen = [status for _ in range(5) for status in hear(driver, 180)]
    assert sum(before != after for before, after in pairwise(seen)) <= 2


@pytest.mark.parametrize("before", [5.0, 180.0], ids=["always fast", "slow before"])
def test_a_phone_that_dies_goes_offline_soon_however_slow_it_once_was(driver: Driver, before: float) -> None:
    hear(driver, before)
    for _ in range(8 if before == 5 else 12):
        hear(driver, 5)
    seen = hear(driver, 140)
    assert (seen[5], seen[-1]) == ("idle", "offline")


def test_a_tunnel_of_ten_minutes_says_nothing_of_the_app(driver: Driver) -> None:
    for silent_s in (*[5] * 30, 600, 5):
        hear(driver, silent_s)
    assert "offline" in hear(driver, 140)


def test_a_shift_that_is_begun_again_and_again_hides_no_silence(new_driver: Callable[..., Driver]) -> None:
    """An app may say so each time that it connects."""
    driver = new_driver(heard_every_s=5.0)
    for _ in range(2):
        _heard_last(driver, 180)
        actions.set_shift(driver.pk, on=True)
    assert {*hear(driver, 180)} == {"idle"}


def test_a_new_shift_may_be_another_phones(new_driver: Callable[..., Driver]) -> None:
    driver = new_driver(heard_every_s=5.0)
    actions.set_shift(driver.pk, on=False)
    actions.set_shift(driver.pk, on=True)
    assert {*hear(driver, 180)} == {"idle"}


def test_who_is_offline_stays_so_without_a_new_version(driver: Driver) -> None:
    silence(driver, 150)
    geofence_actions.mark_silent_drivers()
    before = version(driver)
    assert geofence_actions.mark_silent_drivers() == 0
    assert version(driver) == before


def test_only_silent_drivers_go_offline(new_driver: Callable[..., Driver]) -> None:
    silent, loud, gone = new_driver(), new_driver(), new_driver(on_shift=False, status="offline")
    silence(silent, 150)
    silence(gone, 150)
    assert geofence_actions.mark_silent_drivers() == 1
    assert [status(driver) for driver in (silent, loud, gone)] == ["offline", "idle", "offline"]


@pytest.mark.parametrize("ahead", [timedelta(days=400), timedelta(days=-400)], ids=["ahead", "behind"])
def test_who_is_silent_is_told_by_the_databases_clock(
    new_driver: Callable[..., Driver], ahead: timedelta
) -> None:
    silent, loud = new_driver(), new_driver()
    silence(silent, 150)
    silence(loud, 10)
    with time_machine.travel(timezone.now() + ahead, tick=False):  # this worker's clock, not the database's
        assert geofence_actions.mark_silent_drivers() == 1
    assert [status(driver) for driver in (silent, loud)] == ["offline", "idle"]


@pytest.mark.parametrize(
    "is_heard",
    [
        lambda driver: geofence_actions.heard_of(driver.pk),
        lambda driver: actions.set_shift(driver.pk, on=True),
    ],
    ids=["fixes", "shift"],
)
def test_whoever_is_heard_of_is_so_by_the_databases_clock(
    driver: Driver, is_heard: Callable[[Driver], None]
) -> None:
    silence(driver, 150)
    began = timezone.now()
    with time_machine.travel(began + timedelta(days=400), tick=False):
        is_heard(driver)
    driver.refresh_from_db()
    assert began <= driver.last_seen_at <= timezone.now()
    assert status(driver) == "idle"


@pytest.mark.parametrize("before", ["assigned", "picked_up"])
def test_a_silent_driver_keeps_the_orders_and_takes_up_where_they_were(
    order: Order, driver: Driver, before: str
) -> None:
    bring_to(order, driver, before)
    silence(driver, 150)
    geofence_actions.mark_silent_drivers()
    assert status(driver) == "offline"
    geofence_actions.heard_of(driver.pk)
    assert status(driver) == ("to_restaurant" if before == "assigned" else "delivering")
    assert status(order) == before


def test_who_is_off_shift_is_heard_of_and_stays_offline(new_driver: Callable[..., Driver]) -> None:
    driver = new_driver(on_shift=False, status="offline", last_seen_at=None)
    geofence_actions.heard_of(driver.pk)
    assert status(driver) == "offline"
    assert driver.last_seen_at is not None


def test_the_time_of_silence_is_a_setting(driver: Driver, settings: object) -> None:
    settings.DRIVER_OFFLINE_AFTER_S = 600
    silence(driver, 500)
    assert geofence_actions.mark_silent_drivers() == 0


# ------------------------------------------------------------------------------------------------- a whole day


def test_a_drivers_day(new_order: Callable[..., Order], new_driver: Callable[..., Driver]) -> None:
    driver = new_driver(on_shift=False, status="offline", last_seen_at=None)
    ann, bob, cyd = (new_order(customer_name=name) for name in ("Ann", "Bob", "Cyd"))
    day = [
        (lambda: actions.set_shift(driver.pk, on=True), "idle"),
        (lambda: assign(ann, driver), "to_restaurant"),
        (lambda: set_out(driver, ann), "to_restaurant"),
        (lambda: arrive(driver, "pickup", ann), "to_restaurant"),
        (lambda: report(driver, ann, "picked_up"), "delivering"),
        (lambda: assign(bob, driver), "delivering"),
        (lambda: arrive(driver, "dropoff", ann), "delivering"),
        (lambda: report(driver, ann, "delivered"), "to_restaurant"),
        (lambda: arrive(driver, "pickup", bob), "to_restaurant"),
        (lambda: leave(driver, "pickup", bob), "delivering"),
        (lambda: assign(cyd, driver), "delivering"),
        (lambda: actions.unassign(cyd.pk, actor=DANA), "delivering"),
        (lambda: silence(driver, 150), "delivering"),
        (lambda: geofence_actions.mark_silent_drivers(), "offline"),
        (lambda: geofence_actions.heard_of(driver.pk), "delivering"),
        (lambda: report(driver, bob, "failed"), "idle"),
        (lambda: assign(cyd, driver), "to_restaurant"),
        (lambda: actions.cancel(cyd.pk, actor=DANA), "idle"),
        (lambda: actions.set_shift(driver.pk, on=False), "offline"),
    ]
    for n, (step, expected) in enumerate(day):
        step()
        assert status(driver) == expected, f"step {n}"
