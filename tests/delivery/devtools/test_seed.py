import json
import stat
from math import cos, radians
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Q

from delivery.devtools import fleet
from delivery.devtools.loadtest.schedule import LEG, METRES_PER_STEP
from delivery.devtools.management.commands.seed import DOOR, KITCHEN
from delivery.devtools.simulation.places import RESTAURANTS
from dispatch import access
from dispatch.models import City, Driver, Order, OrderEvent, Restaurant, Stop, User
from dispatch.orders import actions
from dispatch.planning import replanning
from routing.errors import NoSegment
from routing.geo import destination, distance_m
from routing.osrm import Osrm
from routing.roads.cities import CITIES

#: The box in which load tools walk by default: centre and half a side (degrees).
BOX_LAT, BOX_LNG, BOX_HALF = 39.7392, -104.9903, 0.03


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "seed.json"


def seed(target: Path | str, drivers: int, orders: int, *more: str) -> None:
    call_command("seed", "--drivers", str(drivers), "--orders", str(orders), "--json", str(target), *more)


@pytest.mark.django_db(transaction=True)
def test_seed_writes_drivers_orders_and_customers(target):
    seed(target, 3, 4, "--customers-per-order", "2")
    seeded = json.loads(target.read_text())
    ids = [driver["id"] for driver in seeded["drivers"]]
    assert [order["driverId"] for order in seeded["orders"]] == [ids[0], ids[1], ids[2], ids[0]]
    assert [(each["token"], each["driverId"]) for each in seeded["customers"]] == [
        (order["trackingToken"], order["driverId"]) for order in seeded["orders"] for _ in range(2)
    ]
    for each in seeded["drivers"]:
        (driver,) = access.drivers_by_claim([access.Claim(each["token"], each["id"])]).values()
        assert (driver.on_shift, driver.status, driver.simulated) == (True, "delivering", False)
    for each in seeded["orders"]:
        order = access.order_by_token(each["trackingToken"])
        assert (str(order.pk), str(order.driver_id), order.status) == (
            each["id"],
            each["driverId"],
            "picked_up",
        )
    steps = OrderEvent.objects.filter(order_id=seeded["orders"][0]["id"]).values_list("to_status", flat=True)
    assert list(steps) == ["pending", "assigned", "picked_up"]
    to_visit = Stop.objects.filter(driver_id=ids[0], done_at=None)
    assert [stop.kind for stop in to_visit] == ["dropoff", "dropoff"]


@pytest.mark.django_db(transaction=True)
def test_each_seed_adds_and_drivers_without_orders_are_idle(target):
    seed(target, 2, 0)
    seed(target, 1, 1)
    assert (Driver.objects.count(), Order.objects.count(), Restaurant.objects.count()) == (3, 1, 1)
    assert sorted(Driver.objects.values_list("status", flat=True)) == ["delivering", "idle", "idle"]


def test_seeded_fences_lie_far_out_of_the_walked_box():
    for place in (KITCHEN, DOOR):
        outside_lat = abs(place.lat - BOX_LAT) - BOX_HALF
        outside_lng = (abs(place.lng - BOX_LNG) - BOX_HALF) * cos(radians(place.lat))
        assert max(outside_lat, outside_lng) * 111_000 > 3_000


@pytest.mark.django_db(transaction=True)
def test_only_the_owner_reads_the_file_even_where_it_was_there_before(target):
    target.touch(mode=0o644)
    seed(target, 1, 0)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.django_db(transaction=True)
def test_a_dash_is_stdout(capsys):
    seed("-", 1, 1)
    assert len(json.loads(capsys.readouterr().out)["orders"]) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("drivers", "orders", "message"),
    [(0, 1, "Orders need drivers"), (-1, 0, "must be 0 or more"), (1, -1, "0 or more")],
)
def test_impossible_numbers_are_refused(target, drivers, orders, message):
    with pytest.raises(CommandError, match=message):
        seed(target, drivers, orders)
    assert not target.exists()


@pytest.mark.django_db(transaction=True)
def test_a_file_that_cannot_be_written_is_found_out_first(tmp_path):
    with pytest.raises(CommandError, match=r"Cannot write .*: No such file or directory\. Choose another"):
        seed(tmp_path / "nowhere" / "seed.json", 1, 0)
    assert not Driver.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_whole_fleet_is_as_actions_would_have_left_it(target):
    seed(target, 9, 6, "--bulk")
    seeded = json.loads(target.read_text())
    assert {city.name for city in City.objects.all()} == {city.name for city in CITIES}
    for each in seeded["drivers"]:
        (driver,) = access.drivers_by_claim([access.Claim(each["token"], each["id"])]).values()
        assert driver.on_shift
        assert (driver.current_lat, driver.current_lng) == tuple(each["start"])
    assert sorted(Driver.objects.values_list("status", flat=True)) == (
        ["delivering"] * 3 + ["idle"] * 3 + ["to_restaurant"] * 3
    )
    assert [order["driverId"] for order in seeded["orders"]] == [d["id"] for d in seeded["drivers"][:6]]
    for each in seeded["orders"]:
        order = access.order_by_token(each["trackingToken"])
        assert str(order.pk) == each["id"]
        assert order.restaurant.city_id == order.driver.city_id
        open_stops = [stop.kind for stop in Stop.objects.filter(order=order, done_at=None)]
        assert open_stops == {"picked_up": ["dropoff"], "to_restaurant": ["pickup", "dropoff"]}[order.status]
        assert Stop.objects.filter(order=order).count() == 2
        steps = OrderEvent.objects.filter(order=order).values_list("to_status", flat=True)
        assert list(steps) == ["pending", "assigned", order.status]


@pytest.mark.django_db(transaction=True)
def test_a_whole_fleet_gets_etas_along_roads_and_its_fences_lie_out_of_its_reach(target, settings):
    seed(target, 30, 30, "--bulk")
    replanning.refresh_etas()
    assert not Order.objects.filter(Q(eta_minutes=None) | ~Q(problem=""))
    for stop in Stop.objects.filter(done_at=None).select_related("order__restaurant", "driver"):
        radius_m = max(fleet.FENCE_M, settings.CUSTOMER_GEOFENCE_M)
        for north_m in (0, LEG * METRES_PER_STEP):
            assert distance_m(destination(stop.driver.point, 0, north_m), stop.point) > radius_m


@pytest.mark.django_db(transaction=True)
def test_a_whole_fleet_wants_an_empty_database(target):
    seed(target, 1, 0)
    before = target.read_text()
    with pytest.raises(CommandError, match="not empty"):
        seed(target, 1, 0, "--bulk")
    assert target.read_text() == before


# ---------------------------------------------------------------------------------------------- sample data


@pytest.fixture
def password(monkeypatch, settings) -> str:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick
    monkeypatch.setenv("DOORSTEP_DEMO_PASSWORD", "correct-horse")
    return "correct-horse"


@pytest.mark.django_db(transaction=True)
def test_sample_data_can_be_made_again_and_again(password, client):
    call_command("sample_data")
    assert set(City.objects.values_list("name", flat=True)) == {city.name for city in CITIES}
    assert Restaurant.objects.count() == len(RESTAURANTS) == 24
    assert not Driver.objects.exists()
    moved = Restaurant.objects.get(name="Copper Ladle")
    moved.lat, moved.geofence_radius = 39.75, 333
    actions.change_restaurant(moved)
    assert client.post("/admin/login/", {"username": "dispatcher", "password": password}).status_code == 302
    assert client.get("/admin/").status_code == 200

    call_command("sample_data")
    assert (City.objects.count(), Restaurant.objects.count(), User.objects.count()) == (3, 24, 1)
    moved.refresh_from_db()
    assert (moved.lat, moved.geofence_radius) == (39.75, 333)
    assert client.get("/admin/").status_code == 200  # still signed in
    user = User.objects.get()
    assert access.may_dispatch(user)
    assert user.has_perm("dispatch.change_restaurant")


@pytest.mark.django_db(transaction=True)
def test_sample_data_sets_a_new_password(password, monkeypatch):
    call_command("sample_data")
    monkeypatch.setenv("DOORSTEP_DEMO_PASSWORD", "battery-staple")
    call_command("sample_data")
    assert User.objects.get().check_password("battery-staple")


@pytest.mark.django_db(transaction=True)
def test_sample_data_wants_a_password(monkeypatch):
    monkeypatch.delenv("DOORSTEP_DEMO_PASSWORD", raising=False)
    with pytest.raises(CommandError, match="Set DOORSTEP_DEMO_PASSWORD to the password"):
        call_command("sample_data")
    assert not City.objects.exists()


def test_sample_restaurants_stand_at_the_streets_of_their_addresses(osrm: Osrm):
    for place in RESTAURANTS:
        try:
            street = osrm.nearest((place.lat, place.lng))
        except NoSegment:
            pytest.fail(f"{place.name} is off the map")
        assert street.distance_m < 20, place.name
        assert street.name in place.address, place.name
