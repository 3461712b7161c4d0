"""What a text would look like, how long it is and what a month of it costs, before anybody gets it."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db.models import Count

from dispatch.locales import Locale
from dispatch.messages import texts
from dispatch.messages.segments import Length, measure
from dispatch.models import City, Message, MessageKind, MessageSettings, Restaurant

MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Preview:
    """`cost`: by currency, of as many as were sent in the month before; without those of cities that no price is
    known of.
    """

    text: str
    length: Length
    sent: int
    cost: dict[str, Decimal]


def preview(text: str, kind: MessageKind, city: City | None, language: str, now: datetime) -> Preview:
    """`city`: None is all of them. Raises texts.BadText."""
    texts.check(text, kind)
    filled = texts.fill(text, texts.values(_sample(city, now)))
    length = measure(filled)
    sent = _sent_by_city(kind, city, language, now)
    cost: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in MessageSettings.objects.all():
        if row.segment_price is not None and row.city_id in sent:
            cost[row.currency] += sent[row.city_id] * length.segments * row.segment_price
    return Preview(filled, length, sum(sent.values()), dict(cost))


def _sample(city: City | None, now: datetime) -> texts.Facts:
    kitchen = Restaurant.objects.filter(city=city).order_by("name").first() if city else None
    return texts.Facts(
        number="1001",
        restaurant=kitchen.name if kitchen else "Larimer Noodles",
        city=city.name if city else "Denver",
        driver="Grace",
        link=f"{settings.PUBLIC_URL}/track/?t={'0123456789abcdef' * 2}",
        promised_at=now,
        arrival=now + timedelta(minutes=12),
        locale=city.locale if city else Locale.of_no_city(),
    )


def _sent_by_city(
    kind: MessageKind, city: City | None, language: str, now: datetime
) -> dict[UUID | None, int]:
    sent = Message.objects.filter(kind=kind, language=language, sent_at__gte=now - MONTH)
    if city is not None:
        sent = sent.filter(city=city)
    return dict(sent.order_by().values_list("city").annotate(Count("pk")))
