"""What staff see of ETAs in the admin, and what they may say instead of what was learned."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dispatch.etas.travel_time_model import TravelTimeModel
from dispatch.models import (
    City,
    EtaPrediction,
    HandoverTime,
    KitchenTime,
    Order,
    Restaurant,
    SpeedFactor,
    User,
)

REPORT = reverse("admin:dispatch_etaprediction_changelist")


@pytest.fixture
def staff(db: None) -> Client:
    user = User.objects.create_user("dana", is_staff=True)
    user.groups.add(Group.objects.get(name="staff"))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def measured(order: Order) -> None:
    for hours in (1, 2 * 24):
        made_at = timezone.now() - timedelta(hours=hours)
        EtaPrediction.objects.create(
            order=order,
            made_at=made_at,
            arrives_at=made_at + timedelta(minutes=12),
            approximate=False,
            error_s=90 * hours,
        )


@pytest.mark.parametrize(
    ("days", "figures"),
    [("1", ("1", "+1.5", "1.5")), ("7", ("2", "+36.8", "36.8")), ("x", ("2", "+36.8", "36.8"))],
)
def test_how_good_etas_are(staff: Client, measured: None, days: str, figures: tuple[str, str, str]) -> None:
    page = staff.get(REPORT, {"days": days})
    assert page.status_code == 200
    html = page.content.decode()
    predictions, bias, median = figures
    row = f"<td>1</td><td>{predictions}</td><td>{bias}</td><td>{median}</td>"
    assert f'<th scope="row">10–15 min</th>{row}' in html
    assert html.count("<svg viewBox") == 2
    assert html.count('class="eta-median"') == html.count('class="eta-bias"') >= 2


def test_before_the_first_delivery_there_is_nothing_to_see(staff: Client) -> None:
    assert "No order that was delivered" in staff.get(REPORT).content.decode()


def test_who_has_no_permission_sees_nothing_of_it(db: None) -> None:
    client = Client()
    client.force_login(User.objects.create_user("erin", is_staff=True))
    assert client.get(REPORT).status_code == 403


def test_nobody_edits_what_was_predicted(staff: Client, measured: None) -> None:
    pk = EtaPrediction.objects.first().pk
    assert staff.get(reverse("admin:dispatch_etaprediction_add")).status_code == 403
    assert staff.post(reverse("admin:dispatch_etaprediction_delete", args=[pk])).status_code in (302, 403)
    assert EtaPrediction.objects.filter(pk=pk).exists()


def test_staff_set_a_speed_factor_in_the_list(staff: Client, city: City) -> None:
    factor = SpeedFactor.objects.create(city=city, hour=113, learned=1.234, observations=7)
    url = reverse("admin:dispatch_speedfactor_changelist")
    html = staff.get(url).content.decode()
    assert "Friday 17:00" in html
    assert "1.23" in html
    form = {
        "form-TOTAL_FORMS": 1,
        "form-INITIAL_FORMS": 1,
        "form-0-id": factor.pk,
        "form-0-override": "1.5",
        "_save": "Save",
    }
    assert staff.post(url, form).status_code == 302
    assert TravelTimeModel.current().factors == {(city.pk, 113): 1.5}
    assert "less than or equal to 5" in staff.post(url, form | {"form-0-override": "50"}).content.decode()


def test_staff_know_a_city_and_a_kitchen_before_anything_is_learned(
    staff: Client, city: City, restaurant: Restaurant
) -> None:
    for model, form in (
        ("speedfactor", {"city": city.pk, "hour": 18, "override": 1.3}),
        ("handovertime", {"city": city.pk, "override_s": 200}),
        ("kitchentime", {"restaurant": restaurant.pk, "late_override_s": 300}),
    ):
        answer = staff.post(reverse(f"admin:dispatch_{model}_add"), form)
        assert answer.status_code == 302, answer.content.decode()
    travel_times = TravelTimeModel.current()
    assert travel_times.factors == {(city.pk, 18): 1.3}
    assert travel_times.door_s(city.pk) == 200
    assert (travel_times.pickup(restaurant.pk).late_s, travel_times.pickup(restaurant.pk).handover_s) == (
        300,
        travel_times.pickup_s,
    )
    assert travel_times.learned == frozenset()
    for model in (HandoverTime, KitchenTime):
        page = staff.get(reverse(f"admin:dispatch_{model._meta.model_name}_changelist"))
        assert page.status_code == 200
