"""Who is let in."""

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dispatch import api_keys
from dispatch.errors import Conflict, Invalid, NotFound
from dispatch.models import ApiKey, City, Order, Restaurant, Scope, User
from tests.conftest import DENVER
from tests.dispatch.api.conftest import Asker, problem

KEYS = reverse("admin:dispatch_apikey_changelist")


def asker_for(city: City | None, *scopes: str) -> Asker:
    _, secret = api_keys.issue("Key", scopes or Scope.values, cities=None if city is None else [city])
    return Asker(secret)


@pytest.fixture
def boulder(db: None) -> City:
    return City.objects.create(name="Boulder", lat=40.015, lng=-105.27)


def test_a_key_is_stored_as_its_digest(city: City) -> None:
    key, secret = api_keys.issue("Shop", ["orders:read"], cities=[city])
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_keys::text FROM api_keys")
        [(row,)] = cursor.fetchall()
    assert secret not in row
    assert key.digest == ApiKey.digest_of(secret)
    assert len(secret) > 40


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer doorstep_none",
        "Basic ZG9vcjpzdGVw",
        f"Bearer {'x' * 100_000}",
        "Bearer ümläut",
    ],
)
def test_without_a_key_nobody_is_let_in(asker: Asker, header: str) -> None:
    answer = asker.get("/orders", Authorization=header)
    problem(answer, 401, "unauthorized")
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("debug", [False, True])
def test_no_key_gets_into_a_log(asker: Asker, caplog: pytest.LogCaptureFixture, debug: bool) -> None:
    with override_settings(DEBUG=debug), caplog.at_level("DEBUG"):
        for header in (f"Bearer {asker.secret}", f"Token {asker.secret}", f"Bearer {asker.secret}x"):
            asker.get("/orders/none", Authorization=header)
    assert "/api/v1/orders/none" in caplog.text
    assert asker.secret not in caplog.text


def test_a_key_in_use(asker: Asker) -> None:
    assert asker.get("/orders").status_code == 200
    assert asker.get("/orders", Authorization=f"bearer {asker.secret}").status_code == 200


def test_a_revoked_key_opens_nothing_at_once(asker: Asker) -> None:
    key = ApiKey.objects.get()
    api_keys.revoke(key.pk)
    problem(asker.get("/orders"), 401, "unauthorized")
    with pytest.raises(NotFound):
        api_keys.revoke(key.pk)


def test_a_key_expires(asker: Asker) -> None:
    ApiKey.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    assert asker.get("/orders").status_code == 200
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    problem(asker.get("/orders"), 401, "unauthorized")


def test_its_use_is_noted_once_a_minute(asker: Asker) -> None:
    assert asker.get("/cities").status_code == 200
    used = ApiKey.objects.get().last_used_at
    assert used is not None
    with CaptureQueriesContext(
        connection,
    ) as queries:
        asker.get("/cities")
    assert not [query for query in queries if "UPDATE" in query["sql"]]
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    asker.get("/cities")
    assert ApiKey.objects.get().last_used_at > used


@pytest.mark.parametrize(
    ("scope", "asked"),
    [
        ("orders:read", ("GET", "/orders")),
        ("orders:write", ("POST", "/orders")),
        ("restaurants:write", ("POST", "/restaurants")),
        ("drivers:write", ("POST", "/drivers")),
    ],
)
def test_each_scope_opens_its_own(db: None, scope: str, asked: tuple[str, str]) -> None:
    others = [one for one in Scope.values if one != scope]
    told = problem(asker_for(None, *others).ask(*asked), 403, "forbidden")
    assert scope in told["detail"]
    _, secret = api_keys.issue("Other", [scope], cities=None)
    assert Asker(secret).ask(*asked).status_code in (200, 422)


def test_every_key_reads_cities_and_restaurants(restaurant: Restaurant) -> None:
    asker = asker_for(None, "drivers:write")
    assert [one["name"] for one in asker.get("/cities").json()["cities"]] == ["Denver"]
    assert [one["name"] for one in asker.get("/restaurants").json()["restaurants"]] == ["Larimer Noodles"]


def test_a_key_of_one_city_reaches_nothing_of_another(
    order: Order, boulder: City, new_body: Callable[..., dict[str, Any]], restaurant: Restaurant
) -> None:
    Order.objects.filter(pk=order.pk).update(external_id="A-1")
    asker = asker_for(boulder)
    for named in (str(order.pk), "external:A-1"):
        problem(asker.get(f"/orders/{named}"), 404, "not_found")
        problem(asker.patch(f"/orders/{named}", {"bags": 2}), 404, "not_found")
        problem(asker.post(f"/orders/{named}/cancel"), 404, "not_found")
    assert asker.get("/orders").json()["orders"] == []
    assert asker.get(f"/orders?city_id={restaurant.city_id}").json()["orders"] == []
    told = problem(asker.post("/orders", new_body()), 422, "invalid")
    assert told["errors"] == [{"pointer": "#/restaurant_id", "message": "There is no such restaurant."}]
    assert asker.get("/restaurants").json()["restaurants"] == []
    problem(asker.patch(f"/restaurants/{restaurant.pk}", {"name": "X"}), 404, "not_found")
    assert [one["name"] for one in asker.get("/cities").json()["cities"]] == ["Boulder"]
    order.refresh_from_db()
    assert (order.status, order.bags) == ("pending", 1)


def test_a_key_of_its_city_reaches_it(order: Order, city: City) -> None:
    assert asker_for(city).get(f"/orders/{order.pk}").status_code == 200


def test_a_city_that_is_gone_leaves_its_key_with_nothing(boulder: City, order: Order) -> None:
    asker = asker_for(boulder)
    boulder.delete()
    assert asker.get("/cities").json()["cities"] == []
    problem(asker.get(f"/orders/{order.pk}"), 404, "not_found")


def test_orders_of_no_city_are_for_keys_of_all(city: City, new_order: Callable[..., Order]) -> None:
    nowhere = Restaurant.objects.create(name="Nowhere", lat=DENVER.lat, lng=DENVER.lng)
    order = new_order(restaurant_id=nowhere.pk)
    problem(asker_for(city).get(f"/orders/{order.pk}"), 404, "not_found")
    _, secret = api_keys.issue("All", ["orders:read"], cities=None)
    assert Asker(secret).get(f"/orders/{order.pk}").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["orders:eat"]},
        {"scopes": ["orders:read", "orders:read"]},
        {"name": " "},
        {"cities": []},
        {"expires_at": timezone.now() - timedelta(days=1)},
    ],
)
def test_keys_that_make_no_sense(db: None, wrong: dict[str, Any]) -> None:
    fields: dict[str, Any] = {"name": "Shop", "scopes": ["orders:read"], "cities": None} | wrong
    with pytest.raises(Invalid):
        api_keys.issue(fields.pop("name"), fields.pop("scopes"), **fields)


def test_a_name_is_free_again_once_its_key_is_revoked(asker: Asker) -> None:
    with pytest.raises(Conflict):
        api_keys.issue("Shop", ["orders:read"], cities=None)
    api_keys.revoke(ApiKey.objects.get().pk)
    api_keys.issue("Shop", ["orders:read"], cities=None)


# ------------------------------------------------------------------------------------------------ manage.py


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("api_key", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_by_command(city: City) -> None:
    secret = command("create", "Shop", "--scope", "orders:read", "--city", "Denver", "--days", "30").strip()
    assert Asker(secret).get("/orders").status_code == 200
    assert re.fullmatch(
        r"Shop: orders:read; Denver; last used .* UTC, expires .* UTC\n", listed := command("list")
    )
    assert secret not in listed
    assert command("revoke", "Shop") == "Shop opens nothing any more.\n"
    assert ", revoked " in command("list")
    problem(Asker(secret).get("/orders"), 401, "unauthorized")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["create", "Shop", "--scope", "orders:read", "--city", "Atlantis"], "no city named Atlantis"),
        (["create", "Shop", "--all-cities"], "one scope or more"),
        (["create", "Shop", "--scope", "orders:read", "--all-cities", "--days", "1e300"], "up to 3650 days"),
        (["create", "Shop", "--scope", "orders:read"], "--city"),
        (["revoke", "Shop"], "No key named Shop"),
    ],
)
def test_commands_that_make_no_sense(db: None, arguments: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        command(*arguments)


# ------------------------------------------------------------------------------------------------ the admin


def signed_in(*groups: str, superuser: bool = False) -> Client:
    user = User.objects.create_user("dana", is_staff=True, is_superuser=superuser)
    user.groups.add(*Group.objects.filter(name__in=groups))
    client = Client()
    client.force_login(user)
    return client


def entered(**more: Any) -> dict[str, Any]:
    return {"name": "Shop", "scopes": ["orders:read"], "expires_at_0": "", "expires_at_1": ""} | more


def test_the_admin_shows_a_new_key_once(city: City) -> None:
    client = signed_in(superuser=True)
    answer = client.post(reverse("admin:dispatch_apikey_add"), entered(only_cities=[city.pk]))
    assert "no-store" in answer["Cache-Control"]
    [secret] = re.findall(r"<code>(doorstep_[\w-]+)</code>", answer.content.decode())
    assert Asker(secret).get("/orders").status_code == 200
    key = ApiKey.objects.get()
    assert (key.name, key.scopes, list(key.cities.all())) == ("Shop", ["orders:read"], [city])
    for page in (KEYS, reverse("admin:dispatch_apikey_change", args=[key.pk])):
        shown = client.get(page).content.decode()
        assert "Shop" in shown
        assert secret not in shown
        assert key.digest not in shown


def test_the_admin_wants_to_know_where(city: City) -> None:
    client = signed_in(superuser=True)
    for where in ({}, {"only_cities": [city.pk], "all_cities": "on"}):
        answer = client.post(reverse("admin:dispatch_apikey_add"), entered(**where))
        assert "Choose all cities" in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_the_admin_revokes(asker: Asker) -> None:
    client = signed_in(superuser=True)
    client.post(KEYS, {"action": "revoke", "_selected_action": [str(ApiKey.objects.get().pk)]})
    problem(asker.get("/orders"), 401, "unauthorized")


def test_keys_are_nobodys_but_administrators(asker: Asker) -> None:
    client = signed_in("staff", "dispatcher")
    assert client.get(KEYS).status_code == 403
    assert client.get(reverse("admin:dispatch_apikey_add")).status_code == 403
