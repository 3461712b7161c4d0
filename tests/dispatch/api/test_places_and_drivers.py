"""Restaurants and drivers as a platform keeps them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import ANY

import pytest
from django.utils import timezone

from dispatch import api_keys
from dispatch.access import Claim, drivers_by_claim
from dispatch.models import City, Driver, Order, Restaurant, Scope
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


# ----------------------------------------------------------------------------------------- where drivers are


def test_a_driver_and_where_the_app_last_was(asker: Asker, new_driver: Callable[..., Driver]) -> None:
    driver = new_driver(skills=["alcohol"], fix_at=timezone.now() - timedelta(seconds=90))
    told = asker.get(f"/drivers/{driver.pk}").json()
    assert (told["name"], told["status"], told["skills"]) == (driver.name, "idle", ["alcohol"])
    position = told["position"]
    assert (position["lat"], position["lng"]) == (driver.current_lat, driver.current_lng)
    assert datetime.fromisoformat(position["at"]) == driver.fix_at
    assert 90 <= position["age_s"] < 120
    assert asker.get("/drivers").json() == {"drivers": [told | {"position": ANY}], "next": None}
    never = new_driver(current_lat=None, current_lng=None, fix_at=None)
    assert asker.get(f"/drivers/{never.pk}").json()["position"] is None


def test_drivers_a_page_at_a_time(asker: Asker, new_driver: Callable[..., Driver], city: City) -> None:
    boulder = City.objects.create(name="Boulder", lat=40.0, lng=-105.0)
    here = {str(new_driver().pk) for _ in range(4)} | {str(new_driver(on_shift=False, status="offline").pk)}
    there = str(new_driver(city=boulder).pk)

    def listed(query: str = "") -> list[str]:
        found, cursor = [], ""
        while True:
            told = asker.get(f"/drivers?limit=2{query}{cursor}").json()
            found += [one["id"] for one in told["drivers"]]
            if told["next"] is None:
                return found
            assert len(told["drivers"]) == 2
            cursor = f"&cursor={told['next']}"

    assert sorted(listed()) == listed() == sorted(here | {there})
    assert set(listed(f"&city_id={city.pk}")) == here
    assert set(listed(f"&city_id={boulder.pk}&on_shift=true")) == {there}
    assert len(listed("&on_shift=false")) == 1
    for wrong in ("limit=0", "cursor=x", "on_shift=perhaps", "city=Denver"):
        problem(asker.get(f"/drivers?{wrong}"), 422, "invalid")


def test_who_may_see_where_drivers_are(driver: Driver, city: City) -> None:
    boulder = City.objects.create(name="Boulder", lat=40.0, lng=-105.0)
    elsewhere = Asker(api_keys.issue("Boulder", Scope.values, cities=[boulder])[1])
    assert elsewhere.get("/drivers").json()["drivers"] == []
    assert elsewhere.get(f"/drivers?city_id={city.pk}").json()["drivers"] == []
    problem(elsewhere.get(f"/drivers/{driver.pk}"), 404, "not_found")
    others = [scope for scope in Scope.values if scope != Scope.DRIVERS_READ]
    blind = Asker(api_keys.issue("Blind", others, cities=None)[1])
    for path in ("/drivers", f"/drivers/{driver.pk}"):
        problem(blind.get(path), 403, "forbidden")
