"""Anything may happen in any order: what must hold, holds after every step."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from random import Random

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dispatch.errors import DispatchError
from dispatch.models import Driver, Order, OrderEvent, Stop
from dispatch.orders import actions, geofence_actions
from dispatch.planning import handing_on, plan_store
from dispatch.planning.visiting_order import Wish
from dispatch.statuses import ACTIVE, BEFORE_PICKUP, FETCHES, StopKind
from tests.dispatch import story
from tests.dispatch.status_table import LIFE

DRIVERS, ORDERS = 2, 3


def _plan(driver: Driver, seed: int) -> None:
    """A visiting order at random, with pickups before their dropoffs, as planning finds one."""
    waiting, rng = list(Stop.objects.plans_of([driver.pk])), Random(seed)
    made_of = plan_store.Ahead.of(waiting)
    planned = []
    while waiting:
        to_fetch = {stop.order_id for stop in waiting if stop.kind in FETCHES}
        stop = rng.choice([one for one in waiting if one.kind in FETCHES or one.order_id not in to_fetch])
        waiting.remove(stop)
        planned.append(
            plan_store.PlannedStop(stop.pk, timezone.now() + timedelta(minutes=len(planned)), (1, 2))
        )
    plan_store.store(plan_store.Plan(driver.pk, made_of, planned))


def _silence(driver: Driver) -> None:
    Driver.objects.filter(pk=driver.pk).update(last_seen_at=None)
    geofence_actions.mark_silent_drivers()


def _hand_on(order: Order, to: Driver, seed: int) -> None:
    """All that the order's driver has."""
    order.refresh_from_db()
    held = Order.objects.filter(driver=order.driver_id, status__in=ACTIVE).values_list("pk", flat=True)
    if order.driver_id is not None:
        moves = [handing_on.Move(pk, to.pk) for pk in held]
        handing_on.hand_on(order.driver_id, moves, end_shift=seed % 2 == 0, actor=story.DANA)


def _hand_back(order: Order, to: Driver, seed: int) -> None:
    """All orders, whoever has them."""
    stops = Stop.objects.filter(done_at=None).exclude(kind=StopKind.RETURN)
    wishes = [Wish(stop.order_id, StopKind(stop.kind), pinned=False) for stop in stops]
    handing_on.hand_back(to.pk, wishes, on_shift=seed % 2 == 0, actor=story.DANA)


#: What may happen to an order and a driver; the number is a moment (seconds) or a seed.
STEPS: dict[str, Callable[[Order, Driver, int], object]] = {
    "assign": lambda order, driver, _: story.assign(order, driver),
    "propose": lambda order, driver, _: story.assign(order, driver, only_pending=True),
    "unassign": lambda order, driver, _: actions.unassign(order.pk, actor=story.DANA),
    "cancel": lambda order, driver, _: actions.cancel(order.pk, actor=story.DANA, reason="rain"),
    "platform cancels": lambda order, driver, _: actions.cancel(order.pk, actor=actions.PLATFORM),
    "picked up": lambda order, driver, _: story.report(driver, order, "picked_up"),
    "delivered": lambda order, driver, _: story.report(driver, order, "delivered"),
    "failed": lambda order, driver, _: story.report(driver, order, "failed"),
    "set out": lambda order, driver, n: story.set_out(driver, order, seconds=n),
    "arrive": lambda order, driver, n: story.arrive(driver, "pickup", order, seconds=n),
    "nearby": lambda order, driver, n: story.arrive(driver, "dropoff", order, seconds=n),
    "leave": lambda order, driver, n: story.leave(driver, "pickup", order, seconds=n),
    "leave the door": lambda order, driver, n: story.leave(driver, "dropoff", order, seconds=n),
    "undo the pickup": lambda order, driver, _: actions.undo_pickup(order.pk, actor=story.DANA),
    "close": lambda order, driver, n: actions.close_for_driver(
        order.pk, ("delivered", "failed")[n % 2], actor=story.DANA, reason="the driver called"
    ),
    "begin the shift": lambda order, driver, _: actions.set_shift(driver.pk, on=True),
    "end the shift": lambda order, driver, _: actions.set_shift(driver.pk, on=False),
    "fall silent": lambda order, driver, _: _silence(driver),
    "be heard of": lambda order, driver, _: geofence_actions.heard_of(driver.pk),
    "hand on": _hand_on,
    "hand back": _hand_back,
    "plan": lambda order, driver, seed: _plan(driver, seed),
}

_lives = st.lists(
    st.tuples(
        st.sampled_from(sorted(STEPS)),
        st.integers(0, ORDERS - 1),
        st.integers(0, DRIVERS - 1),
        st.integers(0, 1000),
    ),
    min_size=10,
    max_size=20,
)


@given(_lives)
@settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],  # shrinking would live through it for minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_happens_what_must_be_true_is(
    new_order: Callable[..., Order], new_driver: Callable[..., Driver], life: list[tuple[str, int, int, int]]
) -> None:
    with transaction.atomic():
        drivers = [new_driver() for _ in range(DRIVERS)]
        orders = [new_order() for _ in range(ORDERS)]
        for name, order, driver, n in life:
            before, events = _statuses(), OrderEvent.objects.count()
            with suppress(DispatchError):
                STEPS[name](orders[order], drivers[driver], n)
            changed = {pk for pk, now in _statuses().items() if now != before[pk]}
            # Delivered without having been picked up is two steps at once.
            inferred = sum(name == "delivered" and before[pk][0] in BEFORE_PICKUP for pk in changed)
            assert OrderEvent.objects.count() - events == len(changed) + inferred, name
        story.check_everything()
        transaction.set_rollback(True)


def _statuses() -> dict[object, tuple[str, object]]:
    """Of each order its status and whose it is: either changes by a step, which is an event."""
    return {
        pk: (status, driver) for pk, status, driver in Order.objects.values_list("pk", "status", "driver_id")
    }


def test_a_whole_life(order: Order, driver: Driver) -> None:
    for n, step in enumerate(["assign", "set out", "arrive", "picked up", "nearby", "delivered"]):
        STEPS[step](order, driver, n)
    assert story.timeline(order) == LIFE
    story.check_everything()


@pytest.mark.parametrize(
    "steps",
    [
        ["assign", "picked up", "delivered"],
        ["assign", "arrive", "leave", "failed"],
        ["assign", "arrive", "leave", "undo the pickup", "picked up", "nearby", "leave the door", "close"],
    ],
)
def test_steps_may_be_skipped_forward(order: Order, driver: Driver, steps: list[str]) -> None:
    for step in steps:
        STEPS[step](order, driver, 10)
    story.check_everything()
    assert len(story.timeline(order)) == len(steps) + ("leave the door" not in steps)
