"""How a city's customers are texted: what staff set, and what of the day's budget is left."""

from datetime import datetime
from uuid import UUID

from django.db.models import Sum

from dispatch.locales import Locale
from dispatch.messages import gateways
from dispatch.messages.quiet_hours import QuietHours
from dispatch.messages.rules import City
from dispatch.models import Message, MessageSettings


def settings_of(city_id: UUID | None) -> MessageSettings:
    """Of no city, and of one that nobody has set anything of: as a new city begins."""
    found = MessageSettings.objects.filter(city=city_id).first() if city_id else None
    return found or MessageSettings()


def rules_of(settings: MessageSettings, locale: Locale, now: datetime) -> City:
    """What the rules want to know of a city."""
    return City(
        gateways.named(settings.gateway) is not None,
        quiet_hours(settings, locale),
        segments_left(settings, locale, now),
    )


def quiet_hours(settings: MessageSettings, locale: Locale) -> QuietHours | None:
    if settings.quiet_from is None or settings.quiet_until is None:
        return None
    return QuietHours(settings.quiet_from, settings.quiet_until, locale.zone)


def segments_left(settings: MessageSettings, locale: Locale, now: datetime) -> int | None:
    """Of the budget of the city's day; None where there is none. Below zero once tracking links went beyond it."""
    if settings.daily_segments is None:
        return None
    midnight = now.astimezone(locale.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    today = Message.objects.filter(city=settings.city_id, sent_at__gte=midnight)
    used: int = today.aggregate(used=Sum("segments", default=0))["used"]
    return settings.daily_segments - used
