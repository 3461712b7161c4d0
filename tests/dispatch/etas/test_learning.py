"""The nightly lesson, on the real roads: trips as they were driven in, ETAs as drivers and customers see them out."""

import logging
import tracemalloc
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from uuid import uuid4

import pytest
import time_machine
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.utils import timezone

from dispatch import tasks
from dispatch.etas import learning
from dispatch.etas.learning import Lesson
from dispatch.etas.travel_time_model import TravelTimeModel
from dispatch.leases import lease
from dispatch.models import (
    City,
    Driver,
    EtaPrediction,
    EtaSpread,
    HandoverTime,
    KitchenTime,
    Lease,
    Order,
    OrderEvent,
    Restaurant,
    SpeedFactor,
    Stop,
)
from dispatch.planning import replanning
from routing.eta import hour_of_week
from routing.geo import destination
from routing.osrm import osrm_from_settings
from tests.conftest import DENVER
from tests.dispatch.story import NO_OSRM, bring_to

DOOR = destination(DENVER, 90, 1200)


@pytest.fixture
def hour(city: City) -> int:
    """The hour of the week it is: trips of a week ago tell of it."""
    return hour_of_week(timezone.now(), TravelTimeModel.current().zones[city.pk])


@pytest.fixture
def a_week_ago(city: City) -> datetime:
    return timezone.now() - timedelta(days=7)


@pytest.fixture
def delivered(restaurant: Restaurant, city: City) -> Callable[..., None]:
    """Deliveries as they went: an order, its two stops with their times, and when the driver was told."""

    def make(
        set_out: datetime,
        *,
        count: int = 60,
        drive_s: float = 300,
        counter_s: float = 120,
        door_s: float = 90,
        ready_s: float | None = None,
        assigned_s: float = -900,
        **stop: object,
    ) -> None:
        """`set_out`: from the restaurant; the other times are seconds."""
        drivers = [Driver(id=uuid4(), name="Earlier", city=city) for _ in range(count)]
        orders = [
            Order(
                id=uuid4(),
                restaurant=restaurant,
                driver=driver,
                customer_lat=DOOR.lat,
                customer_lng=DOOR.lng,
                status="delivered",
                delivered_at=set_out + timedelta(seconds=drive_s + door_s),
                ended_at=set_out + timedelta(seconds=drive_s + door_s),
                ready_at=None if ready_s is None else set_out + timedelta(seconds=ready_s),
            )
            for driver in drivers
        ]
        Driver.objects.bulk_create(drivers)
        Order.objects.bulk_create(orders)
        OrderEvent.objects.bulk_create(
            OrderEvent(
                order=order,
                driver=order.driver,
                to_status="assigned",
                actor="system",
                happened_at=set_out + timedelta(seconds=assigned_s),
            )
            for order in orders
        )
        there = set_out + timedelta(seconds=drive_s)
        Stop.objects.bulk_create(
            Stop(order=order, driver=order.driver, kind=kind, position=position, **times)
            for order in orders
            for position, (kind, times) in enumerate(
                [
                    ("pickup", {"arrived_at": set_out - timedelta(seconds=counter_s), "done_at": set_out}),
                    ("dropoff", {"arrived_at": there, "done_at": there + timedelta(seconds=door_s)} | stop),
                ]
            )
        )

    return make


@pytest.fixture
def routed_s() -> float:
    return osrm_from_settings().route([DENVER, DOOR]).duration_s


def eta(order: Order) -> datetime:
    """At the customer's door, as planned anew."""
    assert replanning.replan(order.driver_id)
    return order.stops.get(kind="dropoff").eta


def eta_s(order: Order) -> float:
    """The same in seconds from now, however long the planning takes."""
    with time_machine.travel(timezone.now(), tick=False):
        return (eta(order) - timezone.now()).total_seconds()


# ------------------------------------------------------------------------------------------------- streets


def test_slow_streets_are_learned_by_the_hour_and_make_etas_later(
    delivered: Callable[..., None],
    a_week_ago: datetime,
    hour: int,
    city: City,
    new_order: Callable[..., Order],
    driver: Driver,
    routed_s: float,
) -> None:
    order = new_order(customer_lat=DOOR.lat, customer_lng=DOOR.lng)
    bring_to(order, driver, "picked_up")
    driving_s = eta_s(order)
    delivered(a_week_ago, drive_s=1.4 * routed_s)
    delivered(a_week_ago - timedelta(hours=9), drive_s=routed_s)
    assert learning.learn().drives == 120
    slow = SpeedFactor.objects.get(city=city, hour=hour)
    fast = SpeedFactor.objects.get(city=city, hour=(hour - 9) % 168)
    assert (slow.observations, fast.observations) == (60, 60)
    assert slow.value == pytest.approx(1.4, abs=0.05)
    assert fast.value == pytest.approx(1.0, abs=0.05)
    assert eta_s(order) == pytest.approx(slow.value * driving_s, abs=3)


def test_what_staff_set_goes_before_what_is_learned_and_stays(
    delivered: Callable[..., None],
    a_week_ago: datetime,
    hour: int,
    city: City,
    new_order: Callable[..., Order],
    driver: Driver,
) -> None:
    order = new_order(customer_lat=DOOR.lat, customer_lng=DOOR.lng)
    bring_to(order, driver, "picked_up")
    driving_s = eta_s(order)
    SpeedFactor.objects.create(city=city, hour=hour, override=2.0)
    delivered(a_week_ago)
    learning.learn()
    factor = SpeedFactor.objects.get(city=city, hour=hour)
    assert (factor.override, factor.observations) == (2.0, 60)
    assert eta_s(order) == pytest.approx(2 * driving_s, abs=3)


@pytest.mark.parametrize(
    "trip",
    [
        pytest.param({"assigned_s": 120}, id="told of the stop only later"),
        pytest.param({"counter_s": 9000}, id="closed by the office after hours"),
        pytest.param({"drive_s": -60}, id="a clock was set"),
        pytest.param({"done_at": None}, id="still there"),
    ],
)
def test_drives_of_which_nobody_knows_the_beginning_are_left_out(
    delivered: Callable[..., None], a_week_ago: datetime, trip: dict
) -> None:
    delivered(a_week_ago, count=3, **trip)
    assert learning.learn().drives == 0


def test_streets_learn_nothing_of_bicycles_with_roads_of_their_own(
    delivered: Callable[..., None], a_week_ago: datetime, settings: object
) -> None:
    delivered(a_week_ago, count=4)
    Driver.objects.update(vehicle="bicycle")
    assert learning.learn().drives == 4  # as a car, if with patience
    settings.OSRM_URL_BICYCLE = NO_OSRM
    lesson = learning.learn()
    assert (lesson.drives, lesson.pickups, lesson.dropoffs) == (0, 4, 4)


def test_an_automatic_pickup_ends_when_the_driver_left(
    delivered: Callable[..., None], a_week_ago: datetime, routed_s: float
) -> None:
    """`done_at` is when we heard of it."""
    delivered(a_week_ago, drive_s=routed_s)
    Stop.objects.filter(kind="pickup").update(
        left_at=a_week_ago - timedelta(seconds=60), done_at=a_week_ago + timedelta(hours=1)
    )
    learning.learn()
    found = SpeedFactor.objects.filter(observations=60).get()
    assert found.learned == pytest.approx((routed_s + 60) / routed_s, rel=0.05)


def test_a_worker_whose_clock_is_wrong_learns_the_same(
    delivered: Callable[..., None], a_week_ago: datetime
) -> None:
    delivered(a_week_ago, count=5)
    with time_machine.travel(timezone.now() + timedelta(days=400), tick=False):
        assert learning.learn().drives == 5


def test_the_roads_are_asked_once(
    delivered: Callable[..., None], a_week_ago: datetime, settings: object, routed_s: float
) -> None:
    delivered(a_week_ago, count=5)
    learning.learn()
    kept = Stop.objects.filter(kind="dropoff").values_list("routed_s", flat=True)
    assert list(kept) == [pytest.approx(routed_s)] * 5
    settings.OSRM_URL = NO_OSRM
    assert learning.learn().drives == 5


def test_without_roads_the_rest_is_learned_and_the_drives_the_next_night(
    delivered: Callable[..., None], a_week_ago: datetime, settings: object, caplog: pytest.LogCaptureFixture
) -> None:
    delivered(a_week_ago, count=5)
    with_roads, settings.OSRM_URL = settings.OSRM_URL, NO_OSRM
    with caplog.at_level(logging.WARNING):
        assert learning.learn() == Lesson(drives=0, pickups=5, dropoffs=5, predictions=0)
    assert [record.levelname for record in caplog.records if record.name == "dispatch.etas.learning"] == [
        "WARNING"
    ]
    settings.OSRM_URL = with_roads
    assert learning.learn().drives == 5


def test_a_door_off_the_map_does_not_keep_others_from_being_learned_from(
    delivered: Callable[..., None], a_week_ago: datetime
) -> None:
    delivered(a_week_ago, count=4)
    Order.objects.filter(pk=Order.objects.first().pk).update(customer_lat=48.8566, customer_lng=2.3522)
    assert learning.learn().drives == 3


def test_a_stop_where_nobody_saw_the_driver_parts_the_drives(
    delivered: Callable[..., None], a_week_ago: datetime
) -> None:
    """Else the detour to it, and the time there, would count as the drive to the next one."""
    delivered(a_week_ago, count=1)
    pickup, dropoff = Stop.objects.order_by("position")
    driver, between = pickup.driver, Order.objects.create(restaurant=pickup.order.restaurant)
    unseen = Stop.objects.create(
        order=between,
        driver=driver,
        kind="dropoff",
        position=1,
        done_at=pickup.done_at + timedelta(seconds=60),
    )
    assert learning.learn() == Lesson(drives=0, pickups=1, dropoffs=1, predictions=0)
    Stop.objects.filter(pk=unseen.pk).update(done_at=dropoff.done_at + timedelta(seconds=60))
    assert learning.learn().drives == 1


def test_a_button_counts_from_when_it_was_pressed(
    delivered: Callable[..., None], a_week_ago: datetime, city: City
) -> None:
    """Without a connection it reaches us later: nobody stood at the door for so long."""
    delivered(a_week_ago, door_s=1500)
    OrderEvent.objects.bulk_create(
        OrderEvent(
            order=stop.order,
            driver=stop.driver,
            to_status="delivered",
            actor="driver",
            happened_at=stop.arrived_at + timedelta(seconds=60),
        )
        for stop in Stop.objects.filter(kind="dropoff")
    )
    learning.learn()
    assert TravelTimeModel.current().door_s(city.pk) == pytest.approx(60, rel=0.15)


# ------------------------------------------------------------------------------------- kitchens and doors


def test_a_kitchen_that_is_late_makes_its_orders_late(
    delivered: Callable[..., None],
    a_week_ago: datetime,
    restaurant: Restaurant,
    new_order: Callable[..., Order],
    driver: Driver,
) -> None:
    order = new_order(
        customer_lat=DOOR.lat, customer_lng=DOOR.lng, ready_at=timezone.now() + timedelta(minutes=20)
    )
    bring_to(order, driver, "assigned")
    before = eta(order)
    # Ready eight minutes after the promised time, while the drivers waited for it.
    delivered(a_week_ago, counter_s=600, ready_s=-480)
    learning.learn()
    kitchen = KitchenTime.objects.get(restaurant=restaurant)
    assert (kitchen.late_observations, kitchen.handover_observations) == (60, 0)
    assert kitchen.late_s == pytest.approx(480, abs=45)
    SpeedFactor.objects.update(override=1.0)
    assert (eta(order) - before).total_seconds() == pytest.approx(kitchen.late_s, abs=3)
    KitchenTime.objects.update(late_override_s=60)
    assert (eta(order) - before).total_seconds() == pytest.approx(60, abs=3)


def test_handovers_are_learned(
    delivered: Callable[..., None], a_week_ago: datetime, restaurant: Restaurant, city: City
) -> None:
    delivered(a_week_ago, counter_s=45, door_s=200)
    learning.learn()
    travel_times = TravelTimeModel.current()
    assert travel_times.pickup(restaurant.pk).handover_s == pytest.approx(45, rel=0.15)
    assert travel_times.door_s(city.pk) == pytest.approx(200, rel=0.15)
    HandoverTime.objects.update(override_s=70)
    assert TravelTimeModel.current().door_s(city.pk) == 70


def test_where_nothing_is_known_the_settings_hold(restaurant: Restaurant, city: City) -> None:
    assert learning.learn() == Lesson(0, 0, 0, 0)
    travel_times = TravelTimeModel.current()
    assert travel_times.pickup(restaurant.pk).handover_s == configured.PICKUP_SERVICE_S
    assert travel_times.door_s(city.pk) == configured.DROPOFF_SERVICE_S
    assert travel_times.factor(city.pk, timezone.now()) == 1.0
    assert travel_times.learned == frozenset()


# ------------------------------------------------------------------------------------------------- ranges


@pytest.fixture
def predicted(new_order: Callable[..., Order]) -> Callable[..., None]:
    """What was predicted 12 minutes ahead of 100 arrivals, which were one minute early to `worst_s` late."""

    def make(worst_s: float, **fields: object) -> None:
        made_at = timezone.now() - timedelta(days=2)
        orders = [new_order() for _ in range(100)]
        for number, order in enumerate(orders):
            EtaPrediction.objects.create(
                **{
                    "order": order,
                    "made_at": made_at,
                    "arrives_at": made_at + timedelta(minutes=12),
                    "approximate": False,
                    "learned": True,
                    "error_s": -60 + number / 99 * (worst_s + 60),
                }
                | fields
            )

    return make


def test_ranges_are_our_own_errors(predicted: Callable[..., None], city: City) -> None:
    before = TravelTimeModel.current().ranges.minutes(city.pk, 12 * 60)
    predicted(120)
    assert learning.learn().predictions == 100
    learned = TravelTimeModel.current().ranges.minutes(city.pk, 12 * 60)
    assert learned[1] - learned[0] < before[1] - before[0]
    EtaPrediction.objects.all().delete()
    predicted(900)
    learning.learn()
    assert TravelTimeModel.current().ranges.minutes(city.pk, 12 * 60)[1] > learned[1]


@pytest.mark.parametrize("fields", [{"learned": False}, {"approximate": True}, {"error_s": None}], ids=str)
def test_predictions_that_tell_nothing_of_ranges(predicted: Callable[..., None], fields: dict) -> None:
    predicted(120, **fields)
    assert learning.learn().predictions == 0
    assert set(EtaSpread.objects.values_list("observations", flat=True)) == {0}


def test_an_order_counts_once_at_each_horizon(predicted: Callable[..., None]) -> None:
    predicted(120)
    for earlier in list(EtaPrediction.objects.all()):
        for minutes in (11, 3):
            earlier.pk, earlier.made_at = None, earlier.arrives_at - timedelta(minutes=minutes)
            earlier.save()
    assert learning.learn().predictions == 200


def test_an_order_tells_its_range_while_the_roads_answer(
    order: Order, driver: Driver, settings: object
) -> None:
    bring_to(order, driver, "picked_up")
    replanning.replan(driver.pk)
    order.refresh_from_db()
    assert 1 <= order.eta_low <= order.eta_minutes <= order.eta_high
    settings.OSRM_URL = NO_OSRM
    replanning.refresh_etas()
    order.refresh_from_db()
    assert order.eta_approximate
    assert (order.eta_low, order.eta_high) == (None, None)


def test_predictions_say_whether_they_were_learned(
    delivered: Callable[..., None], a_week_ago: datetime, order: Order, driver: Driver
) -> None:
    bring_to(order, driver, "picked_up")
    replanning.refresh_etas()
    delivered(a_week_ago, count=1)
    learning.learn()
    replanning.refresh_etas()
    assert list(EtaPrediction.objects.order_by("pk").values_list("learned", flat=True)) == [False, True]


# -------------------------------------------------------------------------------------------- night and day


def test_a_lesson_of_more_trips_takes_hardly_more_memory(
    delivered: Callable[..., None], a_week_ago: datetime
) -> None:
    """Of each a few numbers stay and the driver's own, where its rows take kilobytes."""

    def peak_bytes() -> int:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        learning.learn()
        return tracemalloc.get_traced_memory()[1] - before

    delivered(a_week_ago, count=50, routed_s=300)
    learning.learn()
    tracemalloc.start()
    try:
        few = peak_bytes()
        delivered(a_week_ago, count=500, routed_s=300)
        many = peak_bytes()
    finally:
        tracemalloc.stop()
    assert (many - few) / 500 < 500


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "learn", [tasks.learn_etas, lambda: call_command("learn_etas", stdout=StringIO())], ids=["job", "command"]
)
def test_every_night(
    delivered: Callable[..., None], a_week_ago: datetime, order: Order, learn: Callable[[], None]
) -> None:
    delivered(a_week_ago, count=3)
    old = timezone.now() - timedelta(days=configured.ETA_PREDICTIONS_DAYS + 1)
    EtaPrediction.objects.create(order=order, made_at=old, arrives_at=old, approximate=False)
    learn()
    assert SpeedFactor.objects.filter(observations=3).count() == 1
    assert not EtaPrediction.objects.exists()


def test_the_command(delivered: Callable[..., None], a_week_ago: datetime) -> None:
    delivered(a_week_ago, count=3)
    out = StringIO()
    call_command("learn_etas", stdout=out)
    assert out.getvalue() == (
        "Learned from 3 drives, 3 visits to restaurants, 3 to customers, and from how 0 predictions turned out.\n"
    )


def test_the_command_and_the_job_do_not_learn_at_the_same_time(
    delivered: Callable[..., None], a_week_ago: datetime
) -> None:
    delivered(a_week_ago, count=3)
    with lease("learn_etas"), pytest.raises(CommandError, match="Try again"):
        call_command("learn_etas")
    assert not SpeedFactor.objects.exists()
    call_command("learn_etas", stdout=StringIO())
    assert SpeedFactor.objects.exists()
    assert Lease.objects.get().done_at is not None
