"""Quiet hours and the day’s budget, the whole way."""

from datetime import time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from dispatch.models import (
    City,
    Message,
    MessageSettings,
    MessageState,
    OutboxEntry,
    WhyNot,
)
from tests.dispatch.messages.conftest import Phone
from tests.dispatch.messages.words import DELIVERED, LINK, NEARBY, Make, Steps, Work, became


def quiet_now(city: City) -> MessageSettings:
    there = timezone.now().astimezone(ZoneInfo(city.time_zone))
    begins, ends = there - timedelta(hours=1), there + timedelta(hours=2)
    return MessageSettings.objects.create(
        city=city, quiet_from=time(begins.hour, begins.minute), quiet_until=time(ends.hour, ends.minute)
    )


def test_in_quiet_hours_the_link_of_an_order_for_now_goes_out_and_nearby_does_not(
    phone: Phone, city: City, new_order: Make, steps: Steps, work: Work
) -> None:
    quiet_now(city)
    order = new_order()
    work()
    steps(order, "assigned", "picked_up", "driver_nearby")
    work()
    assert became(order) == [(LINK, "sent", ""), (NEARBY, "not_sent", WhyNot.QUIET)]


def test_the_link_of_an_order_for_later_waits_for_the_end_of_the_quiet_hours(
    phone: Phone, city: City, new_order: Make, work: Work
) -> None:
    settings = quiet_now(city)
    order = new_order(wanted_at=timezone.now() + timedelta(hours=12))
    work()
    assert phone.texts == []
    message = Message.objects.get(order=order)
    assert message.state == MessageState.WAITING
    assert message.due_at.astimezone(ZoneInfo(city.time_zone)).time() == settings.quiet_until
    # It is morning.
    settings.delete()
    OutboxEntry.objects.update(due_at=timezone.now())
    work()
    assert len(phone.texts) == 1


def test_quiet_hours_that_began_meanwhile_hold_up_no_other_text(
    phone: Phone, city: City, new_order: Make, work: Work
) -> None:
    order = new_order(wanted_at=timezone.now() + timedelta(hours=12))
    settings = quiet_now(city)
    work()
    OutboxEntry.objects.update(due_at=timezone.now())  # as if it had been tried before them
    work()
    assert phone.texts == []
    assert became(order) == [(LINK, "waiting", "")]
    new_order()
    work()
    assert len(phone.texts) == 1
    settings.delete()
    OutboxEntry.objects.filter(state="waiting").update(due_at=timezone.now())
    work()
    assert len(phone.texts) == 2


def test_beyond_the_budget_only_links_go_out(
    phone: Phone, city: City, new_order: Make, steps: Steps, work: Work
) -> None:
    MessageSettings.objects.create(city=city, daily_segments=2)
    order = new_order()
    work()
    steps(order, "assigned", "picked_up", "driver_nearby")
    work()
    steps(order, "delivered")
    work()
    assert became(order) == [(LINK, "sent", ""), (NEARBY, "sent", ""), (DELIVERED, "not_sent", WhyNot.BUDGET)]
    another = new_order()
    work()
    assert became(another) == [(LINK, "sent", "")]
    # Yesterday's count for nothing.
    Message.objects.update(sent_at=timezone.now() - timedelta(days=1))
    steps(another, "assigned", "picked_up", "driver_nearby")
    work()
    assert became(another)[1] == (NEARBY, "sent", "")
