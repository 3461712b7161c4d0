"""What the domain tells the rest of the process: after the commit, by id, and never of what was rolled back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from django.db import connection, transaction
from django.dispatch import Signal
from django.utils import timezone

from dispatch import signals
from dispatch.errors import DispatchError
from dispatch.models import City, Driver, Order, OrderEvent, Restaurant, Stop
from dispatch.orders import actions, geofence_actions, switches
from dispatch.planning import plan_store
from dispatch.planning.plan_store import Ahead, Plan, PlannedStop
from tests.dispatch.story import DANA, NOON, arrive, assign, bring_to, leave, report, set_out
from tracking.ingest.history import connection_params

pytestmark = pytest.mark.usefixtures("unheard")


@dataclass
class Heard:
    """All that was announced."""

    orders: set[UUID] = field(default_factory=set)
    drivers: set[UUID] = field(default_factory=set)
    assignments: list[UUID] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    restaurants: list[UUID] = field(default_factory=list)
    cities: list[UUID] = field(default_factory=list)
    times: int = 0

    def fleet(self, orders: frozenset[UUID], drivers: frozenset[UUID], **_: object) -> None:
        self.orders |= orders
        self.drivers |= drivers
        self.times += 1

    def assignment(self, driver: UUID, **_: object) -> None:
        self.assignments.append(driver)

    def geofence(self, events: tuple[int, ...], **_: object) -> None:
        self.events += events

    def restaurant(self, restaurant: UUID, **_: object) -> None:
        self.restaurants.append(restaurant)

    def city(self, city: UUID, **_: object) -> None:
        self.cities.append(city)


@pytest.fixture
def heard() -> Iterator[Heard]:
    heard = Heard()
    receivers: list[tuple[Signal, Callable]] = [
        (signals.fleet_changed, heard.fleet),
        (signals.assignment_changed, heard.assignment),
        (signals.geofences_fired, heard.geofence),
        (signals.restaurant_changed, heard.restaurant),
        (signals.city_changed, heard.city),
    ]
    for signal, receiver in receivers:
        signal.connect(receiver)
    yield heard
    for signal, receiver in receivers:
        signal.disconnect(receiver)


@pytest.fixture
def committed(django_capture_on_commit_callbacks: Callable, heard: Heard) -> Callable[[Callable], Heard]:
    """What is heard of one action once it has committed."""

    def run(action: Callable[[], object]) -> Heard:
        with django_capture_on_commit_callbacks(execute=True):
            action()
            assert heard == Heard()
        return heard

    return run


def close(order: Order) -> None:
    actions.close_for_driver(order.pk, "delivered", actor=DANA, reason="the driver called")


def test_creating(committed: Callable, restaurant: Restaurant) -> None:
    heard = committed(
        lambda: actions.create_order(
            restaurant.pk, customer_name="", customer_address="", customer_lat=None, customer_lng=None
        )
    )
    assert heard == Heard({Order.objects.get().pk}, times=1)


def test_assigning(committed: Callable, order: Order, driver: Driver) -> None:
    heard = committed(lambda: assign(order, driver))
    assert heard == Heard({order.pk}, {driver.pk}, [driver.pk], times=1)


def test_reassigning_concerns_both_drivers(
    committed: Callable, order: Order, new_driver: Callable[..., Driver]
) -> None:
    first, second = new_driver(), new_driver()
    assign(order, first)
    heard = committed(lambda: assign(order, second))
    assert heard.orders == {order.pk}
    assert heard.drivers == set(heard.assignments) == {first.pk, second.pk}


def test_a_change_of_one_order_concerns_the_customers_of_all_others_of_the_driver(
    committed: Callable, new_order: Callable[..., Order], driver: Driver
) -> None:
    ann, bob, cyd = new_order(), new_order(), new_order()
    assign(ann, driver)
    assign(bob, driver)
    heard = committed(lambda: actions.unassign(ann.pk, actor=DANA))
    assert heard.orders == {ann.pk, bob.pk}
    assert cyd.pk not in heard.orders


@pytest.mark.parametrize(
    ("before", "action", "replanned"),
    [
        ("assigned", lambda order, driver: actions.cancel(order.pk, actor=DANA), True),
        ("assigned", lambda order, driver: report(driver, order, "picked_up"), True),
        ("picked_up", lambda order, driver: report(driver, order, "delivered"), True),
        ("assigned", lambda order, driver: set_out(driver, order), True),
        ("assigned", lambda order, driver: arrive(driver, "pickup", order), True),
        ("driver_at_restaurant", lambda order, driver: leave(driver, "pickup", order), True),
        ("driver_nearby", lambda order, driver: leave(driver, "dropoff", order, seconds=1500), True),
        ("picked_up by geofence", lambda order, driver: actions.undo_pickup(order.pk, actor=DANA), True),
        ("driver_nearby", lambda order, driver: close(order), True),
    ],
)
def test_every_step_is_announced(
    committed: Callable, order: Order, driver: Driver, before: str, action: Callable, replanned: bool
) -> None:
    if before == "picked_up by geofence":
        bring_to(order, driver, "driver_at_restaurant")
        leave(driver, "pickup", order)
    else:
        bring_to(order, driver, before)
    heard = committed(lambda: action(order, driver))
    assert (heard.orders, heard.drivers) == ({order.pk}, {driver.pk})
    assert heard.assignments == [driver.pk] * replanned


def test_what_is_no_step_leaves_the_plan(committed: Callable, order: Order, driver: Driver) -> None:
    bring_to(order, driver, "to_restaurant")
    assert committed(lambda: set_out(driver, order)).assignments == []


@pytest.mark.parametrize(
    ("change", "replanned"),
    [
        ({"customer_lat": 39.7}, True),
        ({"ready_at": NOON}, True),
        ({"promised_at": NOON}, True),
        ({"bags": 3}, True),
        ({"customer_name": "Bob", "customer_phone": "+1 303", "customer_address": "5 Elm"}, False),
    ],
    ids=str,
)
def test_a_correction_that_plans_are_made_of_makes_new_ones(
    committed: Callable, order: Order, driver: Driver, change: dict, replanned: bool
) -> None:
    assign(order, driver)
    order.refresh_from_db()
    for name, value in change.items():
        setattr(order, name, value)
    heard = committed(lambda: actions.change_order(order))
    assert heard.assignments == [driver.pk] * replanned


@pytest.mark.parametrize(("change", "replanned"), [({"lat": 39.7}, True), ({"geofence_radius": 50}, False)])
def test_a_restaurant_that_moves_makes_new_plans(
    committed: Callable, order: Order, driver: Driver, change: dict, replanned: bool
) -> None:
    assign(order, driver)
    restaurant = Restaurant.objects.get(pk=order.restaurant_id)
    for name, value in change.items():
        setattr(restaurant, name, value)
    heard = committed(lambda: actions.change_restaurant(restaurant))
    assert heard.assignments == [driver.pk] * replanned


def test_what_is_switched_on_is_told_with_the_orders_that_say_so(
    committed: Callable, order: Order, city: City
) -> None:
    place = order.restaurant_id
    assert committed(lambda: switches.pause(place, until=None)) == Heard(
        {order.pk}, restaurants=[place], times=1
    )


def test_what_is_switched_on_in_a_city(committed: Callable, order: Order, city: City) -> None:
    until = timezone.now() + timedelta(hours=1)
    assert committed(lambda: switches.promise_later(city.pk, 15, until=until)) == Heard(cities=[city.pk])


def test_a_city_that_is_changed(committed: Callable, city: City) -> None:
    assert committed(lambda: actions.change_city(city)) == Heard(cities=[city.pk])


def test_who_comes_back_to_a_door_gets_a_new_plan(committed: Callable, order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_nearby")
    leave(driver, "dropoff", order, seconds=1500)
    assert committed(lambda: arrive(driver, "dropoff", order, seconds=1600)).assignments == [driver.pk]


@pytest.mark.parametrize(
    ("before", "action"),
    [
        ("assigned", lambda order, driver: set_out(driver, order)),
        ("assigned", lambda order, driver: arrive(driver, "pickup", order)),
        ("picked_up", lambda order, driver: arrive(driver, "dropoff", order)),
        ("driver_at_restaurant", lambda order, driver: leave(driver, "pickup", order)),
    ],
)
def test_what_a_geofence_fired_is_announced_with_its_event(
    committed: Callable, order: Order, driver: Driver, before: str, action: Callable
) -> None:
    bring_to(order, driver, before)
    heard = committed(lambda: action(order, driver))
    assert heard.events == [OrderEvent.objects.latest("id").pk]


def test_a_geofence_that_fires_again_announces_no_event(
    committed: Callable, order: Order, driver: Driver
) -> None:
    bring_to(order, driver, "driver_at_restaurant")
    assert committed(lambda: arrive(driver, "pickup", order)).events == []


@pytest.mark.parametrize("on", [True, False])
def test_a_change_of_shift(committed: Callable, new_driver: Callable[..., Driver], on: bool) -> None:
    driver = new_driver(on_shift=not on, status="offline", last_seen_at=None)
    heard = committed(lambda: actions.set_shift(driver.pk, on=on))
    assert heard.drivers == {driver.pk}


def test_silence_and_its_end(committed: Callable, new_driver: Callable[..., Driver]) -> None:
    driver = new_driver(last_seen_at=timezone.now() - timedelta(hours=1))
    assert committed(geofence_actions.mark_silent_drivers).drivers == {driver.pk}


def test_nobody_silent_is_no_news(committed: Callable, driver: Driver) -> None:
    assert committed(geofence_actions.mark_silent_drivers) == Heard()


def test_a_new_eta(committed: Callable, order: Order, driver: Driver) -> None:
    assign(order, driver)
    stops = Stop.objects.plans_of([driver.pk])
    planned = [PlannedStop(stop.pk, NOON, None) for stop in stops]
    heard = committed(lambda: plan_store.store(Plan(driver.pk, Ahead.of(stops), planned, keep_roads=True)))
    assert (heard.orders, heard.drivers, heard.assignments) == ({order.pk}, {driver.pk}, [])


def test_many_plans_are_announced_once(
    committed: Callable, new_order: Callable, new_driver: Callable
) -> None:
    found, orders, drivers = [], [new_order() for _ in range(3)], [new_driver() for _ in range(3)]
    for order, driver in zip(orders, drivers, strict=True):
        assign(order, driver)
        stops = Stop.objects.plans_of([driver.pk])
        planned = [PlannedStop(stop.pk, NOON, None) for stop in stops]
        found.append(Plan(driver.pk, Ahead.of(stops), planned, keep_roads=True))
    actions.cancel(orders[1].pk, actor=DANA)
    stored: list[int] = []
    heard = committed(lambda: stored.append(plan_store.store_all(found)))
    assert stored == [2]
    assert (heard.times, heard.orders) == (1, {orders[0].pk, orders[2].pk})
    assert heard.drivers == {drivers[0].pk, drivers[2].pk}


def test_a_restaurant_that_moved(committed: Callable, restaurant: Restaurant) -> None:
    assert committed(lambda: actions.change_restaurant(restaurant)) == Heard(restaurants=[restaurant.pk])


@pytest.mark.parametrize(("metres_moved", "replanned"), [(0.0, False), (0.01, True)])
def test_a_door_that_moved_is_planned_anew(
    committed: Callable, order: Order, driver: Driver, metres_moved: float, replanned: bool
) -> None:
    assign(order, driver)
    order.refresh_from_db()
    order.customer_lat += metres_moved
    heard = committed(lambda: actions.change_order(order))
    assert heard.orders == {order.pk}
    assert heard.assignments == [driver.pk] * replanned


def test_nothing_is_announced_of_what_was_refused(committed: Callable, order: Order, driver: Driver) -> None:
    def refused() -> None:
        with pytest.raises(DispatchError):
            report(driver, order, "picked_up")

    assert committed(refused) == Heard()


def test_nothing_is_announced_of_what_was_rolled_back(
    committed: Callable, order: Order, driver: Driver
) -> None:
    def rolled_back() -> None:
        with transaction.atomic():
            assign(order, driver)
            transaction.set_rollback(True)

    assert committed(rolled_back) == Heard()
    order.refresh_from_db()
    assert order.status == "pending"


def test_one_transaction_is_announced_once(committed: Callable, new_order: Callable, driver: Driver) -> None:
    orders = [new_order(), new_order(), new_order()]
    for order in orders:
        assign(order, driver)
    assert committed(lambda: arrive(driver, "pickup", *orders)).times == 1


@pytest.mark.django_db(transaction=True)
def test_who_hears_of_it_can_read_it(order: Order, driver: Driver) -> None:
    """From another connection, as another process would."""
    seen: list[str] = []

    def read(orders: frozenset[UUID], **_: object) -> None:
        with psycopg.connect(**connection_params()) as other:
            seen.extend(
                status
                for (status,) in other.execute(
                    "SELECT status FROM orders WHERE id = ANY (%s)", [list(orders)]
                )
            )

    signals.fleet_changed.connect(read)
    try:
        assign(order, driver)
    finally:
        signals.fleet_changed.disconnect(read)
    assert seen == ["assigned"]
    assert not connection.in_atomic_block


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_fails_does_not_undo_what_was_done(
    order: Order, driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_: object) -> None:
        raise ZeroDivisionError

    signals.fleet_changed.connect(fail)
    try:
        assign(order, driver)
    finally:
        signals.fleet_changed.disconnect(fail)
    order.refresh_from_db()
    assert order.status == "assigned"
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    caplog.clear()
