"""Restaurants and drivers as a platform keeps them."""

from typing import Any

import pytest

from dispatch import api_keys
from dispatch.access import Claim, drivers_by_claim
from dispatch.models import City, Driver, Order, Restaurant
from tests.dispatch import story
from tests.dispatch.api.conftest import Asker, problem

pytestmark = pytest.mark.django_db


def test_cities(asker: Asker, city: City) -> None:
    assert asker.get("/cities").json() == {
        "cities": [
            {"id": str(city.pk), "name": "Denver", "time_zone": "America/Denver", "promise_minutes": 45}
        ]
    }


def test_a_restaurant_is_added_and_changed(asker: Asker, city: City) -> None:
    body = {"name": "Two", "address": "2 St", "city_id": str(city.pk), "lat": 39.75, "lng": -104.99}
    answer = asker.post("/restaurants", body)
    told = answer.json()
    assert answer.status_code == 201
    assert told == body | {"id": told["id"], "geofence_radius": 200}
    changed = asker.patch(f"/restaurants/{told['id']}", {"lat": 39.76}).json()
    assert changed == told | {"lat": 39.76}
    assert asker.get("/restaurants").json()["restaurants"] == [changed]
    assert asker.get(f"/restaurants?city_id={city.pk}").json()["restaurants"] == [changed]
    nowhere = "00000000-0000-0000-0000-000000000000"
    assert asker.get(f"/restaurants?city_id={nowhere}").json()["restaurants"] == []
    problem(asker.get("/restaurants?city_id=x"), 422, "invalid")


def test_a_restaurant_that_moves_has_its_drivers_planned_anew(
    asker: Asker, order: Order, driver: Driver, restaurant: Restaurant
) -> None:
    story.assign(order, driver)
    before = Driver.objects.get().version
    assert asker.patch(f"/restaurants/{restaurant.pk}", {"lat": 39.76}).status_code == 200
    assert Driver.objects.get().version > before


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"lat": 91}, "#/lat"),
        ({"geofence_radius": 5}, "#/geofence_radius"),
        ({"name": ""}, "#/name"),
        ({"city_id": "x"}, "#/city_id"),
        ({"name": None}, "#/name"),
    ],
)
def test_restaurants_that_make_no_sense(
    asker: Asker, restaurant: Restaurant, change: dict[str, Any], pointer: str
) -> None:
    told = problem(asker.patch(f"/restaurants/{restaurant.pk}", change), 422, "invalid")
    assert [one["pointer"] for one in told["errors"]] == [pointer]


def test_nothing_is_added_where_the_key_does_not_reach(city: City) -> None:
    boulder = City.objects.create(name="Boulder", lat=40.0, lng=-105.0)
    _, secret = api_keys.issue("Boulder", ["restaurants:write", "drivers:write"], cities=[boulder])
    asker = Asker(secret)
    for path, body in {
        "/restaurants": {"name": "Two", "city_id": str(city.pk), "lat": 39.7, "lng": -105.0},
        "/drivers": {"name": "Grace", "city_id": str(city.pk)},
    }.items():
        told = problem(asker.post(path, body), 422, "invalid")
        assert told["errors"] == [{"pointer": "#/city_id", "message": "There is no such city."}]
    assert not Driver.objects.exists()


def test_a_drivers_way_in_and_out(asker: Asker, city: City) -> None:
    body = {"name": "Grace", "phone": "+1 303 555 0177", "city_id": str(city.pk), "capacity": 4}
    added = asker.post("/drivers", body)
    told = added.json()
    assert added.status_code == 201
    assert told == body | {
        "id": told["id"],
        "phone": "+13035550177",
        "vehicle": "car",
        "status": "offline",
        "on_shift": False,
    }
    path = f"/drivers/{told['id']}"
    assert asker.ask("PUT", f"{path}/shift", {"on": True}).json()["on_shift"]
    first, second = (asker.ask("PUT", f"{path}/token").json()["token"] for _ in range(2))
    assert [bool(drivers_by_claim([Claim(token)])) for token in (first, second)] == [False, True]
    assert asker.ask("DELETE", f"{path}/token").status_code == 204
    assert not drivers_by_claim([Claim(second)])
    assert not asker.ask("PUT", f"{path}/shift", {"on": False}).json()["on_shift"]
    problem(asker.ask("PUT", f"{path}/shift", {"on": "yes"}), 422, "invalid")


def test_drivers_of_other_cities_are_not_there(driver: Driver) -> None:
    boulder = City.objects.create(name="Boulder", lat=40.0, lng=-105.0)
    _, secret = api_keys.issue("Boulder", ["drivers:write"], cities=[boulder])
    asker = Asker(secret)
    for driver_id in (driver.pk, "00000000-0000-0000-0000-000000000000"):
        path = f"/drivers/{driver_id}"
        problem(asker.ask("PUT", f"{path}/shift", {"on": False}), 404, "not_found")
        problem(asker.ask("PUT", f"{path}/token"), 404, "not_found")
        problem(asker.ask("DELETE", f"{path}/token"), 404, "not_found")
    problem(asker.ask("PUT", "/drivers/x/token"), 422, "invalid")
    driver.refresh_from_db()
    assert (driver.on_shift, driver.token_digest) == (True, None)
