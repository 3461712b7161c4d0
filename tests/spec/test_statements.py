"""What an ordering platform writes by SQL, with no more columns than it knows, is made whole and heard."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.db import IntegrityError, connection, transaction
from django.test import Client

from dispatch.errors import Invalid, WrongStatus
from dispatch.models import Driver, Order, Restaurant, Stop
from dispatch.orders import actions, buttons
from dispatch.planning import assignment, replanning
from routing.geo import Point, destination
from routing.problems import Problem
from tests.conftest import DENVER
from tests.tracking.sockets.clients import Socket, customer_socket, dispatcher_socket
from tracking.models import LocationHistory
from tracking.sockets import broadcast, snapshots
from tracking.sockets.fleet_snapshots import FleetSnapshots

DOOR = destination(DENVER, 90, 1500)
WEST = destination(DENVER, 270, 1000)


def sql(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """As its own transaction, as far as the database's triggers can tell; what it returns."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall() if cursor.description else []
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    return rows


def one(statement: str, *values: Any) -> Any:
    ((value,),) = sql(statement, *values)
    return value


@pytest.fixture
def kitchen(db: None) -> UUID:
    """A restaurant with nothing but what a driver needs."""
    values = ("Pasta", *DENVER)
    return one("INSERT INTO restaurants (name, lat, lng) VALUES (%s, %s, %s) RETURNING id", *values)


@pytest.fixture
def courier(db: None) -> UUID:
    """A driver whose place and status came by SQL."""
    courier = one("INSERT INTO drivers (name) VALUES ('Carlos') RETURNING id")
    sql(
        "UPDATE drivers SET current_lat = %s, current_lng = %s, updated_at = now() WHERE id = %s",
        *WEST,
        courier,
    )
    sql("UPDATE drivers SET status = 'idle' WHERE id = %s", courier)
    return courier


@pytest.fixture
def ordered(kitchen: UUID) -> Callable[..., Order]:
    def insert(**columns: Any) -> Order:
        columns = {"restaurant_id": kitchen, "customer_lat": DOOR.lat, "customer_lng": DOOR.lng} | columns
        names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
        pk = one(f"INSERT INTO orders ({names}) VALUES ({places}) RETURNING id", *columns.values())  # noqa: S608
        return Order.objects.get(pk=pk)

    return insert


def now_is(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)


def stops(order: Order) -> list[tuple[str, bool]]:
    """Kind and whether it is done of each, in visiting order."""
    return [(stop.kind, stop.done_at is not None) for stop in order.stops.order_by("position")]


def timeline(order: Order) -> list[tuple[str | None, str]]:
    return list(order.events.order_by("id").values_list("from_status", "to_status"))


def is_now(moment: datetime | None) -> bool:
    return moment is not None and abs(datetime.now(UTC) - moment) < timedelta(seconds=30)


BOTH_AHEAD = [("pickup", False), ("dropoff", False)]
ON_BOARD = [("pickup", True), ("dropoff", False)]
BOTH_DONE = [("pickup", True), ("dropoff", True)]

# --------------------------------------------------------------------------------------------------- NULLs


def test_what_an_order_does_not_know(ordered: Callable[..., Order]) -> None:
    nothing = dict.fromkeys(("customer_name", "customer_address", "status", "tracking_token", "created_at"))
    order = ordered(**nothing)
    assert (order.customer_name, order.customer_address, order.status) == ("", "", "pending")
    assert len(order.tracking_token) == 32
    assert is_now(order.created_at)
    assert order.promise == order.created_at + timedelta(minutes=45)
    assert timeline(order) == [(None, "pending")]


def test_what_an_order_does_not_know_any_longer(ordered: Callable[..., Order]) -> None:
    order = ordered(customer_name="Ada", customer_address="1 Elm", customer_lat=None, customer_lng=None)
    sql("UPDATE orders SET customer_name = NULL, customer_address = NULL, eta_minutes = NULL")
    order = now_is(order)
    assert (order.customer_name, order.customer_address, order.customer_point) == ("", "", None)


def test_what_a_restaurant_does_not_know(db: None) -> None:
    sql(
        "INSERT INTO restaurants (name, address, lat, lng, geofence_radius) VALUES ('Tacos', NULL, 1, 2, NULL)"
    )
    restaurant = Restaurant.objects.get()
    assert (restaurant.address, restaurant.geofence_radius, restaurant.city) == ("", 200, None)


def test_what_a_driver_does_not_know(db: None) -> None:
    sql("INSERT INTO drivers (name, phone, status, updated_at) VALUES ('Ana', NULL, NULL, NULL)")
    driver = Driver.objects.get()
    assert (driver.phone, driver.status, driver.on_shift, driver.point) == ("", "offline", False, None)


def test_an_order_without_a_restaurant_waits(
    ordered: Callable[..., Order], courier: UUID, kitchen: UUID
) -> None:
    order = ordered(restaurant_id=None)
    assert (order.status, order.city_id, order.trouble) == ("pending", None, Problem.RESTAURANT_UNPLACED)
    for write in (
        lambda: sql("UPDATE orders SET driver_id = %s, status = 'assigned'", courier),
        lambda: ordered(restaurant_id=None, driver_id=courier),
    ):
        with pytest.raises(IntegrityError, match="without a restaurant") as refused, transaction.atomic():
            write()
        assert "Set restaurant_id" in str(refused.value.__cause__.diag.message_hint)
    with pytest.raises(Invalid, match="no restaurant"):
        actions.assign(order.pk, courier, actor=actions.SYSTEM)
    sql("UPDATE orders SET restaurant_id = %s", kitchen)
    actions.assign(order.pk, courier, actor=actions.SYSTEM)
    with pytest.raises(IntegrityError, match="without a restaurant"), transaction.atomic():
        sql("UPDATE orders SET restaurant_id = NULL")


@pytest.mark.usefixtures("servers")
def test_an_order_that_knows_nothing_is_on_every_page(
    ordered: Callable[..., Order], courier: UUID, admin_client: Client
) -> None:
    order = ordered(restaurant_id=None, customer_lat=None, customer_lng=None)
    pages = [
        f"/track/?t={order.tracking_token}",
        f"/admin/dispatch/order/{order.pk}/change/",
        "/admin/dispatch/order/",
        "/admin/dispatch/orderevent/",
    ]
    assert [admin_client.get(page).status_code for page in pages] == [200] * 4
    assert [proposal.problem for proposal in assignment.propose(order.pk).ranked] == [
        Problem.CUSTOMER_UNPLACED
    ]
    sql("UPDATE orders SET customer_lat = 39.7, customer_lng = -105")
    assert [proposal.problem for proposal in assignment.propose(order.pk).ranked] == [
        Problem.RESTAURANT_UNPLACED
    ]
    (state,) = snapshots.order_items([order])
    assert state.frame.restaurant_id is None
    assert FleetSnapshots().load([None])[None].items
    assert broadcast.fleet_messages([order.pk], [])
    for status in ("cancelled", "delivered"):
        sql("UPDATE orders SET status = %s", status)
        assert [admin_client.get(page).status_code for page in pages] == [200] * 4


def test_who_works_in_the_admin_chooses_the_restaurant(
    ordered: Callable[..., Order], kitchen: UUID, admin_client: Client
) -> None:
    order = ordered(restaurant_id=None)
    page = f"/admin/dispatch/order/{order.pk}/change/"
    assert "The order has no restaurant" in admin_client.get(page).content.decode()
    names = ("events", "promises", "messages", "stops")
    inlines = {f"{name}-{count}_FORMS": 0 for name in names for count in ("TOTAL", "INITIAL")}
    fields = {"restaurant": kitchen, "customer_lat": DOOR.lat, "customer_lng": DOOR.lng, "bags": 1}
    assert admin_client.post(page, inlines | fields).status_code == 302
    assert now_is(order).restaurant_id == kitchen


# -------------------------------------------------------------------------------------------------- drivers


@pytest.mark.parametrize("status", ["idle", "to_restaurant", "delivering"])
def test_a_driver_who_is_at_work_is_on_shift(db: None, status: str) -> None:
    sql("INSERT INTO drivers (name, status, current_lat, current_lng) VALUES ('Ana', %s, 39.7, -105)", status)
    driver = Driver.objects.get()
    assert (driver.status, driver.on_shift, driver.point) == (status, True, Point(39.7, -105))
    assert is_now(driver.last_seen_at)


def test_a_driver_whose_place_and_status_come_later(courier: UUID) -> None:
    driver = Driver.objects.get(pk=courier)
    assert (driver.status, driver.on_shift, driver.point) == ("idle", True, WEST)
    assert is_now(driver.last_seen_at)
    assert is_now(driver.fix_at)
    sql("UPDATE drivers SET status = 'offline'")
    assert Driver.objects.get(pk=courier).status == "offline"


def test_a_driver_who_fell_silent_and_whose_place_is_written_is_heard_of(courier: UUID) -> None:
    Driver.objects.filter(pk=courier).update(
        last_seen_at=datetime.now(UTC) - timedelta(hours=1), status="offline"
    )
    version = Driver.objects.get(pk=courier).version
    sql("UPDATE drivers SET current_lat = 39.76, updated_at = now() WHERE id = %s", courier)
    driver = Driver.objects.get(pk=courier)
    assert (driver.status, driver.version) == ("idle", version + 1)
    assert is_now(driver.last_seen_at)


# --------------------------------------------------------------------------------------------------- orders


@pytest.mark.parametrize(
    ("status", "visits"),
    [
        ("assigned", BOTH_AHEAD),
        ("to_restaurant", BOTH_AHEAD),
        ("driver_at_restaurant", BOTH_AHEAD),
        ("picked_up", ON_BOARD),
        ("driver_nearby", ON_BOARD),
    ],
)
def test_an_order_that_comes_with_its_driver(
    ordered: Callable[..., Order], courier: UUID, status: str, visits: list[tuple[str, bool]]
) -> None:
    order = ordered(driver_id=courier, status=status)
    assert (order.status, stops(order), timeline(order)) == (status, visits, [(None, status)])
    if status != "assigned":  # also of who brought it there
        with pytest.raises(WrongStatus):
            actions.undo_pickup(order.pk, actor=actions.dispatcher("Dana"))
    driver = Driver.objects.get(pk=courier)
    assert driver.status == ("to_restaurant" if visits == BOTH_AHEAD else "delivering")


def test_an_order_that_comes_with_its_driver_alone_is_assigned(
    ordered: Callable[..., Order], courier: UUID
) -> None:
    order = ordered(driver_id=courier)
    assert (order.status, stops(order)) == ("assigned", BOTH_AHEAD)


@pytest.mark.django_db(transaction=True)
def test_another_order_of_a_driver_is_in_the_plan_and_what_other_customers_see(
    ordered: Callable[..., Order], courier: UUID
) -> None:
    order = ordered(driver_id=courier)
    versions = Driver.objects.get(pk=courier).version, now_is(order).version
    ordered(driver_id=courier)
    assert (Driver.objects.get(pk=courier).version, now_is(order).version) == tuple(v + 1 for v in versions)


@pytest.mark.parametrize("status", ["delivered", "cancelled", "failed"])
def test_an_order_that_is_over_when_it_comes(
    ordered: Callable[..., Order], courier: UUID, status: str
) -> None:
    order = ordered(driver_id=courier, status=status)
    assert is_now(order.ended_at)
    assert (order.delivered_at is not None) == (status == "delivered")
    assert (stops(order), timeline(order)) == ([], [(None, status)])


def test_an_order_of_long_ago(ordered: Callable[..., Order]) -> None:
    then = datetime(2025, 3, 1, 12, tzinfo=UTC)
    order = ordered(status="delivered", created_at=then - timedelta(minutes=30), delivered_at=then)
    assert (order.delivered_at, order.ended_at) == (then, then)


@pytest.mark.parametrize(
    ("status", "visits"),
    [
        ("driver_at_restaurant", BOTH_AHEAD),
        ("picked_up", ON_BOARD),
        ("driver_nearby", ON_BOARD),
        ("delivered", BOTH_DONE),
        ("failed", BOTH_DONE),
        ("cancelled", []),
        ("pending", []),
    ],
)
def test_the_status_of_an_order_that_doorstep_gave_out(
    order: Order, driver: Driver, status: str, visits: list[tuple[str, bool]]
) -> None:
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    version = now_is(order).version
    sql("UPDATE orders SET status = %s WHERE id = %s", status, order.pk)
    order = now_is(order)
    assert (order.status, stops(order)) == (status, visits)
    assert timeline(order)[-1] == ("assigned", status)
    assert order.version > version
    assert (order.ended_at is None) == (status not in ("delivered", "failed", "cancelled"))
    assert (order.delivered_at is None) == (status != "delivered")
    assert (order.driver_id is None) == (status == "pending")
    driver.refresh_from_db()
    idle = all(done for _, done in visits)
    assert driver.status == ("idle" if idle else "to_restaurant" if visits == BOTH_AHEAD else "delivering")


def test_a_whole_order_by_sql(ordered: Callable[..., Order], courier: UUID) -> None:
    order = ordered()
    sql("UPDATE orders SET driver_id = %s, status = 'assigned' WHERE id = %s", courier, order.pk)
    for status in ("driver_at_restaurant", "picked_up", "driver_nearby", "delivered"):
        sql("UPDATE orders SET status = %s WHERE id = %s", status, order.pk)
    way = ["pending", "assigned", "driver_at_restaurant", "picked_up", "driver_nearby", "delivered"]
    assert [to for _, to in timeline(order)] == way
    assert stops(order) == BOTH_DONE
    assert all(stop.arrived_at for stop in order.stops.all())
    actor, name, reason = order.events.values_list("actor", "actor_name", "reason").latest("id")
    assert (actor, bool(name), reason) == ("platform", True, "Written into the database.")


def test_another_driver(ordered: Callable[..., Order], courier: UUID, driver: Driver) -> None:
    order = ordered(driver_id=courier, status="to_restaurant")
    sql("UPDATE orders SET driver_id = %s WHERE id = %s", driver.pk, order.pk)
    order = now_is(order)
    assert (order.status, stops(order)) == ("assigned", BOTH_AHEAD)
    assert {stop.driver_id for stop in order.stops.all()} == {driver.pk}
    assert [Driver.objects.get(pk=pk).status for pk in (courier, driver.pk)] == ["idle", "to_restaurant"]
    sql("UPDATE orders SET driver_id = NULL WHERE id = %s", order.pk)
    order = now_is(order)
    assert (order.status, stops(order)) == ("pending", [])


def test_what_is_over_may_go_on(ordered: Callable[..., Order], courier: UUID) -> None:
    order = ordered(driver_id=courier, status="picked_up")
    sql("UPDATE orders SET status = 'delivered', delivered_at = now() WHERE id = %s", order.pk)
    sql("UPDATE orders SET status = 'picked_up' WHERE id = %s", order.pk)
    order = now_is(order)
    assert (order.delivered_at, order.ended_at, stops(order)) == (None, None, ON_BOARD)


@pytest.mark.parametrize("status", ["assigned", "picked_up"])
def test_nobody_has_it_and_somebody_has_it_is_refused(ordered: Callable[..., Order], status: str) -> None:
    order = ordered()
    for write in (
        lambda: sql("UPDATE orders SET status = %s WHERE id = %s", status, order.pk),
        lambda: ordered(status=status),
    ):
        with pytest.raises(IntegrityError, match="has a driver") as refused, transaction.atomic():
            write()
        assert "Set driver_id as well" in str(refused.value.__cause__.diag.message_hint)


def test_minutes_that_somebody_else_works_out(order: Order, driver: Driver) -> None:
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    Order.objects.filter(pk=order.pk).update(eta_minutes=12, eta_low=10, eta_high=15)
    for minutes, rest in ((14, (10, 15)), (20, (None, None)), (None, (None, None))):
        sql("UPDATE orders SET eta_minutes = %s WHERE id = %s", minutes, order.pk)
        order = now_is(order)
        assert (order.eta_minutes, (order.eta_low, order.eta_high)) == (minutes, rest)


def test_an_action_is_told_once(order: Order, driver: Driver) -> None:
    """The database leaves alone what an action has seen to."""
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    buttons.report(driver.pk, order.pk, "delivered")
    version = now_is(order).version
    connection.check_constraints()
    assert [to for _, to in timeline(order)] == ["pending", "assigned", "picked_up", "delivered"]
    assert now_is(order).version == version


# ------------------------------------------------------------------------------------------ planned and heard


@pytest.mark.usefixtures("servers")
def test_stops_that_came_by_sql_are_planned(
    ordered: Callable[..., Order], courier: UUID, order: Order
) -> None:
    first, second = (
        ordered(driver_id=courier, status="assigned"),
        ordered(driver_id=courier, status="assigned"),
    )
    assert replanning.plan_new_stops() == 1
    for known in (first, second):
        assert now_is(known).eta_minutes is not None
    assert Stop.objects.filter(leg__isnull=False).count() > 1
    assert Stop.objects.exclude(eta=None).count() == 4
    assert replanning.plan_new_stops() == 0
    # What is left to do is another way than before.
    sql("UPDATE orders SET status = 'cancelled' WHERE id = %s", first.pk)
    assert replanning.plan_new_stops() == 1


async def test_everybody_hears_of_it(live_loop: None, order: Order, driver: Driver) -> None:
    async with customer_socket(order.tracking_token) as customer, await dispatcher_socket() as dispatcher:
        for socket in (customer, dispatcher):
            await socket.frame("ready")
        await sync_to_async(sql)(
            "UPDATE orders SET driver_id = %s, status = 'assigned' WHERE id = %s", driver.pk, order.pk
        )
        await customer.frame("status", status="assigned")
        await dispatcher.frame("order", orderId=str(order.pk), status="assigned")
        assert await dispatcher.until(lambda: _planned_stops(dispatcher, driver) == ["pickup", "dropoff"])
        await sync_to_async(sql)("UPDATE orders SET status = 'delivered' WHERE id = %s", order.pk)
        await customer.frame("status", status="delivered")
        await dispatcher.frame("order", orderId=str(order.pk), status="delivered")
        assert await dispatcher.until(lambda: _planned_stops(dispatcher, driver) == [])


def _planned_stops(socket: Socket, driver: Driver) -> list[str] | None:
    plans = [f for f in socket.frames if f["type"] == "plan" and f["driverId"] == str(driver.pk)]
    return [stop["kind"] for stop in plans[-1]["stops"]] if plans else None


# -------------------------------------------------------------------------------------------------- history


def test_several_places_of_a_driver_in_one_statement(driver: Driver) -> None:
    sql(
        "INSERT INTO location_history (driver_id, lat, lng, speed)"
        " SELECT %s, 39.7, -105, n FROM generate_series(1, 5000) AS n",
        driver.pk,
    )
    sql("INSERT INTO location_history (driver_id, lat, lng) VALUES (%s, 1, 1), (%s, 2, 2)", *[driver.pk] * 2)
    assert LocationHistory.objects.filter(driver=driver).count() == 5002
    newest = (
        LocationHistory.objects.filter(driver=driver).order_by("-recorded_at").values_list("lat", flat=True)
    )
    assert list(newest[:2]) == [2, 1]


def test_a_place_that_does_not_know_when_it_was(driver: Driver) -> None:
    sql(
        "INSERT INTO location_history (driver_id, lat, lng, recorded_at) VALUES (%s, 39.7, -105, NULL)",
        driver.pk,
    )
    assert is_now(LocationHistory.objects.get(driver=driver).recorded_at)


def test_a_place_that_says_when_it_was(driver: Driver) -> None:
    then = datetime.now(UTC) - timedelta(days=2)
    sql(
        "INSERT INTO location_history (driver_id, lat, lng, speed, recorded_at) VALUES (%s, 39.7, -105, 8.5, %s)",
        driver.pk,
        then,
    )
    assert LocationHistory.objects.get(driver=driver).recorded_at == then


# ------------------------------------------------------------------------------------------------- questions


def test_what_a_server_of_one_table_for_each_thing_asks(
    order: Order, driver: Driver, ordered: Callable[..., Order]
) -> None:
    """Whose orders, with what is needed for fences and ETAs."""
    ordered()
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    sql("CREATE INDEX fixes_of_a_driver ON location_history (driver_id, recorded_at DESC)")
    links = (
        "SELECT tracking_token FROM orders WHERE driver_id = %s AND status NOT IN ('delivered', 'pending')"
    )
    assert sql(links, driver.pk) == [(order.tracking_token,)]
    fences = """
        SELECT o.id, o.customer_lat, r.lat, r.geofence_radius FROM orders o
        JOIN restaurants r ON r.id = o.restaurant_id WHERE o.driver_id = %s AND o.status IN ('assigned', 'picked_up')
    """
    assert sql(fences, driver.pk) == [(order.pk, order.customer_lat, DENVER.lat, 200)]
    ways = """
        SELECT o.id, d.current_lat, r.lng FROM orders o JOIN drivers d ON d.id = o.driver_id
        LEFT JOIN restaurants r ON r.id = o.restaurant_id WHERE o.status = 'assigned' AND d.current_lat IS NOT NULL
    """
    assert sql(ways) == [(order.pk, driver.current_lat, DENVER.lng)]


# ------------------------------------------------------------------------------------------------ other rights


def test_a_platform_that_may_write_orders_and_no_more(ordered: Callable[..., Order], courier: UUID) -> None:
    order = ordered()
    sql("CREATE ROLE platform_of_a_test")
    sql("GRANT SELECT, UPDATE ON orders, restaurants, cities TO platform_of_a_test")
    sql("SET LOCAL ROLE platform_of_a_test")
    sql("UPDATE orders SET driver_id = %s, status = 'assigned' WHERE id = %s", courier, order.pk)
    sql("RESET ROLE")
    assert stops(order) == BOTH_AHEAD
