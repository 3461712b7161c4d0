"""What the geocoder has said already, kept in the database for GEOCODER_CACHE_DAYS: it is asked no address twice."""

import hashlib
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from routing.addresses.geocoder import Geocoder
from routing.addresses.index import Area
from routing.addresses.matching import Hit, Precision
from routing.addresses.parse import words_of
from routing.geo import Point
from routing.models import GeocoderAnswer

#: Restaurants nearer to each other than that (degrees) get the same answer.
_GRID = 0.1


def known(geocoder: Geocoder, text: str, area: Area) -> GeocoderAnswer | None:
    """Its last answer to the same question, while that is not too old."""
    since = timezone.now() - timedelta(days=settings.GEOCODER_CACHE_DAYS)
    return GeocoderAnswer.objects.filter(pk=_digest(geocoder, text, area), answered_at__gte=since).first()


def ask(geocoder: Geocoder, text: str, area: Area) -> GeocoderAnswer:
    """Asks it now, and keeps what it says. Unavailable."""
    hit = geocoder.find(text, area)
    answer, _ = GeocoderAnswer.objects.update_or_create(
        digest=_digest(geocoder, text, area),
        defaults={
            "lat": hit.point.lat if hit else None,
            "lng": hit.point.lng if hit else None,
            "sure": bool(hit and hit.sure),
            "answered_at": timezone.now(),
        },
    )
    return answer


def forget_old() -> int:
    """Returns how many."""
    since = timezone.now() - timedelta(days=settings.GEOCODER_CACHE_DAYS)
    gone, _ = GeocoderAnswer.objects.filter(answered_at__lt=since).delete()
    return gone


def hit_of(answer: GeocoderAnswer) -> Hit | None:
    if answer.lat is None or answer.lng is None:
        return None
    return Hit(
        Point(answer.lat, answer.lng), answer.sure, Precision.DOOR if answer.sure else Precision.STREET, ""
    )


def _digest(geocoder: Geocoder, text: str, area: Area) -> str:
    about = f"{area.near.lat / _GRID:.0f} {area.near.lng / _GRID:.0f} {area.within_m:.0f}"
    asked = " ".join((*geocoder.service, about, *words_of(text)))
    return hashlib.sha256(asked.encode()).hexdigest()
