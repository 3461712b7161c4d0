from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dispatch.messages.quiet_hours import QuietHours

DENVER = ZoneInfo("America/Denver")
NIGHT = QuietHours(time(21, 30), time(8), DENVER)


def there(shown: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(shown).replace(tzinfo=DENVER, fold=fold)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-28 21:29:59", None),
        ("2026-11-28 21:30", "2026-11-29 08:00"),
        ("2026-11-28 23:59", "2026-11-29 08:00"),
        ("2026-11-29 00:00", "2026-11-29 08:00"),
        ("2026-11-29 07:59:59", "2026-11-29 08:00"),
        ("2026-11-29 08:00", None),
        ("2026-12-31 22:00", "2027-01-01 08:00"),
        # Clocks go forward, and back, in that night.
        ("2027-03-13 22:00", "2027-03-14 08:00"),
        ("2026-10-31 22:00", "2026-11-01 08:00"),
    ],
)
def test_across_midnight(now: str, until: str | None) -> None:
    assert NIGHT.until(there(now)) == (there(until) if until else None)


def test_the_night_in_which_clocks_go_back_is_an_hour_longer() -> None:
    slept = NIGHT.until(there("2026-10-31 22:00"))
    assert slept
    assert slept - there("2026-10-31 22:00").astimezone(UTC) == timedelta(hours=11)


def test_within_a_day() -> None:
    siesta = QuietHours(time(13), time(15), DENVER)
    assert siesta.until(there("2026-11-28 14:00")) == there("2026-11-28 15:00")
    assert siesta.until(there("2026-11-28 12:59")) is None
    assert siesta.until(there("2026-11-28 15:00")) is None


def test_an_end_that_clocks_leave_out_comes_after_the_gap() -> None:
    quiet = QuietHours(time(22), time(2, 30), DENVER)
    ends = quiet.until(there("2027-03-14 01:00"))
    assert ends == there("2027-03-14 03:30")


def test_an_hour_that_clocks_show_twice_is_quiet_twice() -> None:
    quiet = QuietHours(time(22), time(1, 30), DENVER)
    first, second = there("2026-11-01 01:15"), there("2026-11-01 01:15", fold=1)
    assert second.astimezone(UTC) - first.astimezone(UTC) == timedelta(hours=1)
    ends = quiet.until(first)
    again = quiet.until(second)
    assert ends == there("2026-11-01 01:30").astimezone(UTC)
    assert again == there("2026-11-01 01:30", fold=1).astimezone(UTC)


@given(
    st.times(),
    st.times(),
    st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["America/Denver", "Europe/Madrid", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
)
def test_they_end_and_it_is_not_quiet_then(begins: time, ends: time, now: datetime, zone: str) -> None:
    begins, ends = begins.replace(second=0, microsecond=0), ends.replace(second=0, microsecond=0)
    assume(begins != ends)
    quiet = QuietHours(begins, ends, ZoneInfo(zone))
    until = quiet.until(now)
    other = QuietHours(ends, begins, ZoneInfo(zone)).until(now)
    assert (until is None) != (other is None)  # it is one or the other
    if until is not None:
        assert now < until <= now + timedelta(hours=49)
        assert quiet.until(until) is None
