"""What may be asked by an address of the admin: by what filters offer, and by nothing else that is typed."""

from collections import defaultdict

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import models
from django.test import Client
from django.urls import reverse

from dispatch.models import (
    City,
    Driver,
    EtaPrediction,
    HandoverTime,
    KitchenTime,
    Order,
    Restaurant,
    SpeedFactor,
    User,
)

pytestmark = pytest.mark.django_db

#: That of predictions is a report, which reads its period only.
LISTS = sorted(
    (model for model in admin.site._registry if model is not EtaPrediction), key=lambda model: model.__name__
)


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("dana"))
    return client


@pytest.fixture(autouse=True)
def one_of_each(order: Order, driver: Driver) -> None:
    """So that filters have something to offer, and a choice."""
    City.objects.create(name="Elsewhere", lat=0, lng=0)
    SpeedFactor.objects.create(city=driver.city, hour=0, learned=1.0)
    HandoverTime.objects.create(city=driver.city)
    KitchenTime.objects.create(restaurant=order.restaurant)


def address(model: type[models.Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model.__name__)
def test_what_no_filter_offers_is_refused(model: type[models.Model], staff: Client) -> None:
    columns = [field.name for field in model._meta.concrete_fields]
    for lookup in [f"{columns[-1]}__range", f"{columns[0]}__regex", "pk__in", "pk", "no_such_column"]:
        assert staff.get(address(model), {lookup: "x"}).status_code == 400, lookup


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model.__name__)
def test_every_choice_of_every_filter_works(model: type[models.Model], staff: Client) -> None:
    shown = staff.get(address(model)).context["cl"]
    choices = [choice["query_string"] for spec in shown.filter_specs for choice in spec.choices(shown)]
    assert bool(choices) == bool(shown.list_filter)
    for query in choices:
        assert staff.get(address(model) + query).status_code == 200, query


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model.__name__)
def test_search_order_pages_and_popups_work(model: type[models.Model], staff: Client) -> None:
    key = model._meta.pk.name
    for query in ["q=x", "o=1", "o=-1", "p=1", "all=", "e=1", "_facets=True", f"_popup=1&_to_field={key}"]:
        assert staff.get(f"{address(model)}?{query}").status_code == 200, query


@pytest.mark.django_db(transaction=True)
def test_a_list_stays_filtered_while_one_of_it_is_changed(staff: Client, driver: Driver) -> None:
    filtered = f"{address(Driver)}?city__id__exact={driver.city_id}"
    [page] = [
        word.split('"')[1].replace("&amp;", "&")
        for word in staff.get(filtered).content.decode().split()
        if word.startswith(f'href="/admin/dispatch/driver/{driver.pk}/change/')
    ]
    assert "_changelist_filters=" in page
    fields = {"name": "Nadia", "phone": "", "city": str(driver.city_id), "vehicle": "car"}
    saved = staff.post(page, fields)
    assert saved.status_code == 302
    assert saved["Location"] == filtered


# ------------------------------------------------------------------------------------------------- other pages


def test_only_what_a_form_completes_is_completed(staff: Client) -> None:
    """Of all relations between tables, whichever way."""
    answers: defaultdict[int, set[tuple[str, str]]] = defaultdict(set)
    for model in apps.get_models():
        for field in model._meta.get_fields(include_hidden=True):
            asked = {
                "app_label": model._meta.app_label,
                "model_name": model._meta.model_name,
                "field_name": field.name,
            }
            status = staff.get(reverse("admin:autocomplete"), asked).status_code
            answers[status].add((model.__name__, field.name))
    assert answers.keys() == {200, 403, 404}
    assert answers[200] == {("KitchenTime", "restaurant"), ("Order", "restaurant"), ("Shift", "driver")}


def test_a_form_begins_with_what_can_be(staff: Client, order: Order) -> None:
    add = reverse("admin:dispatch_order_add")
    restaurant = order.restaurant
    assert restaurant.name in staff.get(add, {"restaurant": restaurant.pk}).content.decode()
    assert staff.get(add, {"restaurant": ""}).status_code == 200
    assert staff.get(add, {"restaurant": "1,2"}).status_code == 400


def test_an_empty_field_to_refer_to_is_none(staff: Client, order: Order) -> None:
    for page in ("change", "delete"):
        address = reverse(f"admin:dispatch_restaurant_{page}", args=[order.restaurant_id])
        assert staff.get(address, {"_to_field": ""}).status_code == 200


@pytest.mark.parametrize("sent", ["ü", "(", "1" * 5000, "c0ffee00"])
@pytest.mark.parametrize("model", [Order, Driver, Restaurant, SpeedFactor], ids=lambda model: model.__name__)
def test_a_form_that_is_sent_what_no_key_can_be_is_refused(
    model: type[models.Model], sent: str, staff: Client
) -> None:
    """Shown again with its errors, it would look that up."""
    name = next(field.name for field in model._meta.concrete_fields if isinstance(field, models.ForeignKey))
    add = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
    for method in (staff.post, staff.get):
        assert method(add, {name: sent}).status_code in (400, 403, 405)


@pytest.mark.parametrize(
    ("begins", "status"), [("2026-12-24T18:30", 200), ("2026-12-24", 200), ("soon", 400)]
)
def test_a_form_may_begin_with_a_time(begins: str, status: int, staff: Client) -> None:
    answer = staff.get(reverse("admin:dispatch_order_add"), {"ready_at": begins})
    assert answer.status_code == status
    assert status == 400 or "2026-12-24" in answer.content.decode()
