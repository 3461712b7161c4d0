"""What staff and dispatchers see and write of texts."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from dispatch.access import tracking_url
from dispatch.messages import stop_list
from dispatch.messages.gateway_urls import parse_gateways
from dispatch.models import (
    City,
    Message,
    MessageKind,
    MessageSettings,
    MessageState,
    MessageText,
    Order,
    StoppedNumber,
    User,
    WhyNot,
)

pytestmark = pytest.mark.django_db

PAGE = "/dispatch/messages/"
TEXTS = reverse("admin:dispatch_messagetext_add")
PREVIEW = reverse("admin:dispatch_messagetext_preview")
SETTINGS = reverse("admin:dispatch_messagesettings_add")
STOPPED = reverse("admin:dispatch_stoppednumber_changelist")
TWILIO = f"twilio://AC{'0' * 32}:t0psecret@13035550100/{{phone}}"


def signed_in(*groups: str, **fields: Any) -> Client:
    user = User.objects.create_user("Dana", password="x", is_staff=True, **fields)
    user.groups.set(Group.objects.filter(name__in=groups))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def admin() -> Client:
    return signed_in(is_superuser=True)


@pytest.fixture(autouse=True)
def gateways(settings: Settings) -> None:
    settings.NOTIFY_URLS = parse_gateways(f"{TWILIO} boulder=console://")


def texted(order: Order, kind: MessageKind = MessageKind.LINK, **fields: Any) -> Message:
    now = timezone.now()
    sent = {
        "event": Message.objects.count(),
        "city": order.city,
        "state": MessageState.SENT,
        "language": "en",
        "phone_ending": "142",
        "gateway": "default",
        "text": "Follow it: {link} Bye",
        "segments": 1,
        "sent_at": now,
        "expires_at": now + timedelta(hours=1),
    }
    return Message.objects.create(order=order, kind=kind, **sent | fields)


# ------------------------------------------------------------------------------------------- the page of texts


def test_the_page_shows_texts_with_their_links_the_newest_first(order: Order) -> None:
    texted(order)
    texted(
        order,
        MessageKind.NEARBY,
        state=MessageState.NOT_SENT,
        why_not=WhyNot.STOPPED,
        text="",
        segments=0,
        sent_at=None,
        phone_ending="",
    )
    page = signed_in("dispatcher").get(PAGE)
    shown = page.content.decode()
    assert shown.index("The customer answered STOP") < shown.index("Follow it:")
    assert f'<a href="{tracking_url(order)}">{tracking_url(order)}</a> Bye' in shown
    assert "to …142" in shown
    assert "1 segment, en, gateway default." in shown
    assert "t0psecret" not in shown
    assert (page["Cache-Control"], page["Referrer-Policy"]) == ("no-store", "no-referrer")


def test_a_customer_can_not_write_into_the_page(order: Order) -> None:
    texted(order, text="<script>alert(1)</script> {link}")
    assert "<script>alert" not in signed_in("dispatcher").get(PAGE).content.decode()


@pytest.mark.parametrize("groups", [[], ["staff"]])
def test_who_may_not_dispatch_sees_no_texts(groups: list[str]) -> None:
    assert signed_in(*groups).get(PAGE).status_code == 403


def test_who_may_dispatch_and_not_see_texts_sees_none() -> None:
    client = signed_in()
    client.session.save()
    user = User.objects.get(username="Dana")
    user.user_permissions.add(Permission.objects.get(codename="dispatch_orders"))
    assert client.get(PAGE).status_code == 403
    assert client.get("/dispatch/").status_code == 200


def test_who_is_not_signed_in_is_asked_to() -> None:
    assert Client().get(PAGE)["Location"].startswith("/admin/login/")


def test_a_page_leads_to_the_one_before(order: Order) -> None:
    for number in range(51):
        texted(order, promised_at=timezone.now() + timedelta(minutes=number))
    client = signed_in("dispatcher")
    first, oldest = client.get(PAGE).content.decode(), Message.objects.earliest("id")
    assert first.count("<li data-state") == 50
    assert f"?before={oldest.pk + 1}" in first
    assert client.get(f"{PAGE}?before={oldest.pk + 1}").content.decode().count("<li data-state") == 1
    for nonsense in ("x", "-1", "9" * 30, "²"):
        assert client.get(PAGE, {"before": nonsense}).status_code == 200


def test_the_page_says_why_no_texts_go_out(settings: Settings) -> None:
    client = signed_in("dispatcher")
    assert "No texts yet" in client.get(PAGE).content.decode()
    settings.NOTIFY_URLS = {}
    assert "NOTIFY_URLS names no gateway" in client.get(PAGE).content.decode()


@pytest.mark.parametrize("page", [PAGE, "/dispatch/", "/dispatch/messages/notices"])
def test_a_budget_that_is_used_up_is_told(order: Order, city: City, page: str) -> None:
    client = signed_in("dispatcher")
    MessageSettings.objects.create(city=city, daily_segments=3)
    texted(order, segments=2)
    told = "Denver: the day’s budget for texts is used up. Only tracking links go out until midnight."
    assert told not in client.get(page).content.decode()
    texted(order, MessageKind.NEARBY)
    assert told in client.get(page).content.decode()


@pytest.mark.parametrize("page", [PAGE, "/dispatch/", "/dispatch/messages/notices"])
def test_a_stop_list_that_nobody_can_read_is_told(settings: Settings, page: str) -> None:
    client = signed_in("dispatcher")
    stop_list.stop("+13035550142")
    assert "STOP_LIST_KEY" not in client.get(page).content.decode()
    settings.STOP_LIST_KEY = "another"
    assert "No texts go out: STOP_LIST_KEY is not the one" in client.get(page).content.decode()


def test_who_may_not_dispatch_is_told_no_notices() -> None:
    assert signed_in("staff").get("/dispatch/messages/notices").status_code == 403
    assert Client().get("/dispatch/messages/notices").status_code == 403


def test_an_orders_page_says_what_its_customer_was_texted_and_why_not(admin: Client, order: Order) -> None:
    texted(order)
    texted(
        order, MessageKind.NEARBY, state=MessageState.NOT_SENT, why_not=WhyNot.QUIET, text="", sent_at=None
    )
    shown = admin.get(reverse("admin:dispatch_order_change", args=[order.pk])).content.decode()
    assert "It was quiet hours, and after them it would have been old." in shown
    assert "…142" in shown


# ------------------------------------------------------------------------------------------------ writing texts


def written(**fields: Any) -> dict[str, Any]:
    return {"city": "", "language": "en", "kind": "nearby", "text": "{driver} is nearby."} | fields


def errors(answer: HttpResponse) -> str:
    return str(answer.context["adminform"].form.errors)


def test_staff_write_a_text(order: Order, city: City) -> None:
    client = signed_in("staff")
    assert client.post(TEXTS, written(city=city.pk)).status_code == 302
    row = MessageText.objects.get()
    assert (row.city, row.language, row.kind, row.text) == (city, "en", "nearby", "{driver} is nearby.")
    assert "already exists" in errors(client.post(TEXTS, written(city=city.pk)))


def test_of_all_cities_there_is_one_text_as_well(admin: Client) -> None:
    assert admin.post(TEXTS, written()).status_code == 302
    assert "already exists" in errors(admin.post(TEXTS, written()))


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"text": "{name}"}, "There is no placeholder {name}; there are {number}"),
        ({"text": "{eta}"}, "{eta} is not known when this text is sent"),
        ({"kind": "link", "text": "We have it."}, "it needs {link}"),
        ({"language": "english"}, "A language is two or three small letters"),
        ({"kind": "other"}, "Select a valid choice"),
    ],
)
def test_a_text_that_can_not_be_filled_is_refused(
    admin: Client, fields: dict[str, str], complaint: str
) -> None:
    assert complaint in errors(admin.post(TEXTS, written(**fields)))
    assert not MessageText.objects.exists()


def test_a_preview_shows_text_length_and_what_a_month_of_it_costs(
    admin: Client, order: Order, city: City
) -> None:
    MessageSettings.objects.create(city=city, segment_price=Decimal("0.0083"))
    for days in (0, 10, 31):
        texted(
            order,
            MessageKind.LATER,
            promised_at=timezone.now() + timedelta(days=days),
            sent_at=timezone.now() - timedelta(days=days),
        )
    shown = admin.post(PREVIEW, written(kind="later", text="{restaurant}: {minutes} min late. ¡Sí!")).json()
    assert shown["text"] == "Larimer Noodles: 12 min late. ¡Sí!"
    assert shown["length"] == (
        "1 segment, 34 places of UCS-2. í can’t be told in GSM-7: a segment has 70 places instead of 160."
    )
    assert (
        shown["month"] == "2 of these were sent in the last 30 days: like this they would have cost 0.02 USD."
    )
    assert shown["problem"] == ""
    assert "{minutes}: how many minutes later than promised that is" in shown["placeholders"]
    longer = admin.post(PREVIEW, written(kind="later", city=city.pk, text="x" * 161)).json()
    assert longer["length"] == "2 segments, 161 places of GSM-7."
    assert longer["month"].endswith("cost 0.03 USD.")


def test_a_preview_without_a_price_or_a_month(admin: Client, order: Order) -> None:
    assert admin.post(PREVIEW, written()).json()["month"] == "None of these were sent in the last 30 days."
    texted(order, MessageKind.NEARBY)
    assert (
        "once the cities’ texts have the price of a segment" in admin.post(PREVIEW, written()).json()["month"]
    )


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"kind": ""}, "Choose what the text tells."),
        ({"kind": "x"}, "Choose what the text tells."),
        (
            {"text": "{name}"},
            "There is no placeholder {name}; there are {number}, {restaurant}, {city}, {driver}, {link}.",
        ),
        ({"text": ""}, "Doorstep’s own: Your order from {restaurant} is almost there"),
        ({"city": "x"}, "“x” is not a valid UUID."),
    ],
)
def test_a_preview_of_what_can_not_be_shown_says_why(
    admin: Client, fields: dict[str, str], problem: str
) -> None:
    shown = admin.post(PREVIEW, written(**fields)).json()
    assert problem in shown["problem"]
    assert shown["text"] == ""


def test_who_may_not_see_texts_gets_no_preview() -> None:
    client = signed_in()
    assert client.post(PREVIEW, written()).status_code == 403
    assert client.get(TEXTS).status_code == 403


# ---------------------------------------------------------------------------------------------- a city's texts


def of_city(city: City, **fields: Any) -> dict[str, Any]:
    return {
        "city": city.pk,
        "gateway": "",
        "language": "en",
        "link_from": "placed",
        "quiet_from": "",
        "quiet_until": "",
        "daily_segments": "",
        "segment_price": "",
        "currency": "USD",
    } | fields


def test_staff_say_how_a_city_texts(city: City) -> None:
    client = signed_in("staff")
    fields = of_city(
        city,
        gateway="boulder",
        quiet_from="21:30",
        quiet_until="08:00",
        daily_segments="500",
        segment_price="0.0079",
    )
    assert client.post(SETTINGS, fields).status_code == 302
    row = MessageSettings.objects.get()
    assert (row.gateway, str(row.quiet_from), row.daily_segments) == ("boulder", "21:30:00", 500)
    page = client.get(reverse("admin:dispatch_messagesettings_change", args=[city.pk])).content.decode()
    assert "t0psecret" not in page


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"gateway": "denver"}, "NOTIFY_URLS has no gateway of this name; there are default, boulder."),
        ({"quiet_from": "21:30"}, "Say both from when and until when, or neither."),
        ({"quiet_until": "08:00"}, "Say both from when and until when, or neither."),
        ({"quiet_from": "08:00", "quiet_until": "08:00"}, "the quiet hours would never end"),
        ({"language": "EN"}, "A language is two or three small letters"),
        ({"daily_segments": "-1"}, "greater than or equal to 0"),
    ],
)
def test_what_makes_no_sense_is_refused(
    admin: Client, city: City, fields: dict[str, str], complaint: str
) -> None:
    assert complaint in errors(admin.post(SETTINGS, of_city(city, **fields)))
    assert not MessageSettings.objects.exists()


# -------------------------------------------------------------------------------------------- stopped numbers


def test_the_admin_finds_a_number_that_stopped_by_the_whole_of_it(admin: Client) -> None:
    stop_list.stop("+13035550142")
    stop_list.stop("+13035550199")
    count: Callable[[str], int] = lambda typed: len(  # noqa: E731
        admin.get(STOPPED, {"q": typed}).context["cl"].result_list
    )
    assert (count(""), count("(303) 555-0142"), count("303 555 0143"), count("142")) == (2, 1, 0, 0)


def test_nobody_says_stop_or_start_for_a_customer(admin: Client) -> None:
    stop_list.stop("+13035550142")
    [row] = StoppedNumber.objects.all()
    assert admin.get(reverse("admin:dispatch_stoppednumber_add")).status_code == 403
    assert admin.post(reverse("admin:dispatch_stoppednumber_delete", args=[row.pk])).status_code == 403
    page = admin.get(reverse("admin:dispatch_stoppednumber_change", args=[row.pk])).content.decode()
    assert "…142" in page
    assert row.digest not in page
