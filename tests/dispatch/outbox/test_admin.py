"""What staff see of the outbox."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from dispatch.models import User
from tests.dispatch.outbox.conftest import Gateway, entry

LIST = "admin:dispatch_outboxentry_changelist"


def signed_in(group: str) -> Client:
    user = User.objects.create_user(group, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.usefixtures("gateway")
def test_staff_see_a_dead_letter_and_send_it_again() -> None:
    staff = signed_in("staff")
    dead = entry(state="dead", ended_at="2026-11-28T12:00Z", answer="no such number", answer_code=404)
    waiting = entry()
    shown = staff.get(reverse(LIST), {"state__exact": "dead"}).content.decode()
    assert "no such number" in shown
    assert str(waiting.message_id) not in shown
    page = staff.get(reverse("admin:dispatch_outboxentry_change", args=[dead.pk]))
    assert "no such number" in page.content.decode()
    asked = {"action": "resend", "_selected_action": [dead.pk, waiting.pk]}
    said = staff.post(reverse(LIST), asked, follow=True).content.decode()
    assert f"Message {dead.message_id} is sent again." in said
    assert "is tried without you" in said
    dead.refresh_from_db()
    assert (dead.state, dead.tries) == ("waiting", 0)


def test_dispatchers_send_nothing_again(gateway: Gateway) -> None:
    dispatcher = signed_in("dispatcher")
    dead = entry(state="dead", ended_at="2026-11-28T12:00Z")
    assert dispatcher.get(reverse(LIST)).status_code == 200
    dispatcher.post(reverse(LIST), {"action": "resend", "_selected_action": [dead.pk]})
    dead.refresh_from_db()
    assert dead.state == "dead"
