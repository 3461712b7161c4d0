"""What dispatchers should know of the texts of the day."""

from datetime import datetime

from django.conf import settings

from dispatch.messages import stop_list
from dispatch.messages.city_settings import segments_left
from dispatch.models import MessageSettings


def current_notices(now: datetime) -> list[str]:
    """Sentences; none while texts go out as they should, or none is to go out at all."""
    if not settings.NOTIFY_URLS:
        return []
    found = [
        f"{city.city}: the day’s budget for texts is used up. Only tracking links go out until midnight."
        for city in MessageSettings.objects.exclude(daily_segments=None).select_related("city")
        if _is_used_up(city, now)
    ]
    if stop_list.is_unreadable():
        found.append("No texts go out: STOP_LIST_KEY is not the one that numbers were stopped with.")
    return found


def _is_used_up(city: MessageSettings, now: datetime) -> bool:
    left = segments_left(city, city.city.locale, now)
    return left is not None and left <= 0
