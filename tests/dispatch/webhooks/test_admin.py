"""What staff see of webhooks, and do with them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dispatch import api_keys
from dispatch.models import ApiKey, OutboxEntry, User, WebhookEndpoint
from dispatch.webhooks import endpoints
from dispatch.webhooks.secrets import unseal

pytestmark = pytest.mark.django_db

LIST = reverse("admin:dispatch_webhookendpoint_changelist")
URL = "https://shop.example/hook"


@pytest.fixture
def key() -> ApiKey:
    return api_keys.issue("Shop", ["orders:read", "webhooks:write"], cities=None)[0]


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ada", password="x"))
    return client


@pytest.fixture
def act(staff: Client) -> Callable[..., Any]:
    """An action on all webhooks; its page."""

    def act(name: str) -> Any:
        chosen = list(WebhookEndpoint.objects.values_list("pk", flat=True))
        return staff.post(LIST, {"action": name, "_selected_action": chosen}, follow=True)

    return act


def test_a_new_one_shows_its_secret_once(staff: Client, key: ApiKey) -> None:
    add = reverse("admin:dispatch_webhookendpoint_add")
    assert staff.get(add).status_code == 200
    entered = {"key": key.pk, "url": URL, "events": ["order.created", "order.late"]}
    page = staff.post(add, entered, follow=True).content.decode()
    endpoint = WebhookEndpoint.objects.get()
    secret = unseal(endpoint.secret_sealed)
    assert secret in page
    change = reverse("admin:dispatch_webhookendpoint_change", args=[endpoint.pk])
    for shown in (LIST, change):
        text = staff.get(shown).content.decode()
        assert URL in text
        assert secret not in text
        assert endpoint.secret_sealed not in text
    staff.post(change, {"url": f"{URL}/2", "events": ["order.delivered"]})
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.events) == (f"{URL}/2", ["order.delivered"])


@pytest.mark.parametrize(
    ("entered", "says"),
    [
        ({"url": "https://127.0.0.1/"}, "private network"),
        ({"url": "shop.example"}, "https://"),
        ({"events": ["driver.shift"]}, "drivers:write"),
        ({"events": []}, "required"),
    ],
)
def test_what_makes_no_sense_is_said_on_the_form(
    staff: Client, key: ApiKey, entered: dict[str, Any], says: str
) -> None:
    whole = {"key": key.pk, "url": URL, "events": ["order.created"]} | entered
    page = staff.post(reverse("admin:dispatch_webhookendpoint_add"), whole).content.decode()
    assert says in page
    assert not WebhookEndpoint.objects.exists()


def test_an_address_twice_is_refused_on_the_form(staff: Client, key: ApiKey) -> None:
    endpoints.create(key, URL, ["order.created"])
    other, _ = endpoints.create(key, f"{URL}/2", ["order.created"])
    whole = {"key": key.pk, "url": URL, "events": ["order.created"]}
    for form in (
        reverse("admin:dispatch_webhookendpoint_add"),
        reverse("admin:dispatch_webhookendpoint_change", args=[other.pk]),
    ):
        assert "with this address already." in staff.post(form, whole).content.decode()
    assert WebhookEndpoint.objects.filter(url=URL).count() == 1


def test_actions(act: Callable[..., Any], staff: Client, key: ApiKey) -> None:
    endpoint, secret = endpoints.create(key, URL, ["order.created"])
    page = act("issue_secret").content.decode()
    endpoint.refresh_from_db()
    assert unseal(endpoint.previous_sealed) == secret
    assert unseal(endpoint.secret_sealed) in page
    act("send_test")
    assert OutboxEntry.objects.get().event == "webhook.test"
    act("disable")
    assert "Switched off by ada." in staff.get(LIST).content.decode()
    assert "is disabled. Switched off by ada." in staff.get(reverse("admin:index")).content.decode()
    act("enable")
    assert "Switched off by ada." not in staff.get(LIST).content.decode()
    assert "is disabled" not in staff.get(reverse("admin:index")).content.decode()
    confirmed = {"action": "delete_selected", "_selected_action": [endpoint.pk], "post": "yes"}
    staff.post(LIST, confirmed)
    assert not WebhookEndpoint.objects.exists()
    assert OutboxEntry.objects.get().state == "dropped"


def test_messages_are_filtered_by_their_webhook(staff: Client, key: ApiKey) -> None:
    sent = [endpoints.send_test(endpoints.create(key, f"{URL}/{n}", ["order.created"])[0]) for n in range(2)]
    shown = staff.get(reverse("admin:dispatch_outboxentry_changelist"), {"receiver": sent[0].receiver})
    assert str(sent[0].message_id) in shown.content.decode()
    assert str(sent[1].message_id) not in shown.content.decode()
