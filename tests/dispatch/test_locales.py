"""How times are told where a city is."""

from datetime import UTC, datetime

import pytest

from dispatch.locales import Clock, Locale, Units
from dispatch.models import City

#: Saturday, November 28, 18:42:07 in Denver.
MOMENT = datetime(2026, 11, 29, 1, 42, 7, tzinfo=UTC)
DENVER = Locale("America/Denver", Clock.TWELVE, Units.MILES)
BERLIN = Locale("Europe/Berlin", Clock.TWENTY_FOUR, Units.KILOMETRES)


@pytest.mark.parametrize(
    ("locale", "time", "seconds", "day"),
    [
        (DENVER, "6:42 PM", "6:42:07 PM", "Saturday, November 28 at 6:42 PM"),
        (BERLIN, "02:42", "02:42:07", "Sunday, November 29 at 02:42"),
    ],
)
def test_times(locale: Locale, time: str, seconds: str, day: str) -> None:
    assert locale.time(MOMENT) == time
    assert locale.time_with_seconds(MOMENT) == seconds
    assert locale.day_and_time(MOMENT) == day


def test_the_day_is_told_where_it_is_another_one() -> None:
    assert DENVER.time_from(datetime(2026, 11, 28, 7, tzinfo=UTC), MOMENT) == "6:42 PM"
    assert DENVER.time_from(datetime(2026, 11, 28, 6, 59, tzinfo=UTC), MOMENT) == "Sat, Nov 28, 6:42 PM"
    assert BERLIN.time_from(datetime(2026, 11, 28, 7, tzinfo=UTC), MOMENT) == "Sun, Nov 29, 02:42"


def test_a_city_tells_as_it_always_did_unless_staff_say_otherwise() -> None:
    assert City(name="Denver", time_zone="America/Denver").locale == DENVER
