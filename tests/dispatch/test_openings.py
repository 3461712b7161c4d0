"""When it is open: over midnight, on holidays, and while the clocks change."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.openings import LOOK_AHEAD, Exceptions, Span, WeekHours, is_open, opens_next, through

DENVER = ZoneInfo("America/Denver")


def span(hours: str) -> Span:
    opens, closes = hours.split("–")
    return Span(time.fromisoformat(opens), time.fromisoformat(closes))


def week(**days: str) -> WeekHours:
    """`mon="11:00–14:00 17:00–22:00"`."""
    names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    return {names.index(day): [span(one) for one in hours.split()] for day, hours in days.items()}


def there(moment: str) -> datetime:
    """In Denver, unless it says otherwise."""
    at = datetime.fromisoformat(moment)
    return (at if at.tzinfo else at.replace(tzinfo=DENVER)).astimezone(UTC)


# 2026-11-27 is a Friday.
LUNCH_AND_DINNER = week(fri="11:00–14:00 17:00–02:00", sat="17:00–02:00")
THANKS: Exceptions = {date(2026, 11, 27): [], date(2026, 11, 28): [span("12:00–15:00")]}


@pytest.mark.parametrize(
    ("hours", "exceptions", "moment", "next_at"),
    [
        ({}, {}, "2026-11-27 04:00", "2026-11-27 04:00"),
        (LUNCH_AND_DINNER, {}, "2026-11-27 10:59", "2026-11-27 11:00"),
        (LUNCH_AND_DINNER, {}, "2026-11-27 11:00", "2026-11-27 11:00"),
        (LUNCH_AND_DINNER, {}, "2026-11-27 13:59", "2026-11-27 13:59"),
        (LUNCH_AND_DINNER, {}, "2026-11-27 14:00", "2026-11-27 17:00"),
        # Past midnight it is still Friday's evening.
        (LUNCH_AND_DINNER, {}, "2026-11-28 01:59", "2026-11-28 01:59"),
        (LUNCH_AND_DINNER, {}, "2026-11-28 02:00", "2026-11-28 17:00"),
        (LUNCH_AND_DINNER, {}, "2026-11-29 02:00", "2026-12-04 11:00"),
        # Closed on Friday, other hours on Saturday; Thursday night's tail, where there is one, belongs to Thursday.
        (LUNCH_AND_DINNER, THANKS, "2026-11-27 12:00", "2026-11-28 12:00"),
        (LUNCH_AND_DINNER, THANKS, "2026-11-28 01:00", "2026-11-28 12:00"),
        (LUNCH_AND_DINNER, THANKS, "2026-11-28 15:00", "2026-12-04 11:00"),
        (week(thu="18:00–01:00"), THANKS, "2026-11-27 00:59", "2026-11-27 00:59"),
        # Always open, but for a holiday.
        ({}, THANKS, "2026-11-26 23:59", "2026-11-26 23:59"),
        ({}, THANKS, "2026-11-27 00:00", "2026-11-28 12:00"),
        ({}, THANKS, "2026-11-28 15:00", "2026-11-29 00:00"),
        # Around the clock, by a span that ends where it begins.
        (week(fri="06:00–06:00"), {}, "2026-11-28 05:59", "2026-11-28 05:59"),
        (week(fri="06:00–06:00"), {}, "2026-11-28 06:00", "2026-12-04 06:00"),
    ],
)
def test_when_it_opens_next(hours: WeekHours, exceptions: Exceptions, moment: str, next_at: str) -> None:
    assert opens_next(hours, exceptions, there(moment), DENVER) == there(next_at)
    assert is_open(hours, exceptions, there(moment), DENVER) == (moment == next_at)


@pytest.mark.parametrize(
    ("hours", "last", "first_after"),
    [
        # Sunday, March 8: from 02:00 it is 03:00. 02:30 does not come, and counts as half an hour after two.
        (week(sat="18:00–02:30"), "2026-03-08T09:29:00Z", "2026-03-08T09:30:00Z"),
        (week(sat="18:00–03:00"), "2026-03-08T08:59:00Z", "2026-03-08T09:00:00Z"),
        # Sunday, November 1: from 02:00 it is 01:00 again. Who closes at 01:30 does so the second time.
        (week(sat="18:00–01:30"), "2026-11-01T08:29:00Z", "2026-11-01T08:30:00Z"),
        (week(sat="18:00–02:00"), "2026-11-01T08:59:00Z", "2026-11-01T09:00:00Z"),
    ],
)
def test_who_closes_while_the_clocks_change_closes_once(
    hours: WeekHours, last: str, first_after: str
) -> None:
    assert is_open(hours, {}, there(last), DENVER)
    assert not is_open(hours, {}, there(first_after), DENVER)


@pytest.mark.parametrize(
    ("hours", "before", "first"),
    [
        (week(sun="02:30–08:00"), "2026-03-08T09:29:00Z", "2026-03-08T09:30:00Z"),
        (week(sun="01:30–08:00"), "2026-11-01T07:29:00Z", "2026-11-01T07:30:00Z"),
    ],
)
def test_who_opens_while_the_clocks_change_opens_the_first_time(
    hours: WeekHours, before: str, first: str
) -> None:
    assert opens_next(hours, {}, there(before), DENVER) == there(first)
    assert is_open(hours, {}, there(first) + timedelta(hours=1), DENVER)


def test_who_never_opens_is_closed_and_nobody_looks_for_ever() -> None:
    closed = {date(2026, 11, 27) + timedelta(days=n): [] for n in range(LOOK_AHEAD.days + 2)}
    moment = there("2026-11-27 12:00")
    assert opens_next({}, closed, moment, DENVER) is None
    assert opens_next({}, closed, moment + timedelta(days=2), DENVER) == there("2027-01-28 00:00")


SPANS = st.lists(
    st.builds(Span, *[st.times().map(lambda at: at.replace(second=0, microsecond=0))] * 2), max_size=3
)
#: Weeks around both changes of the clocks, and one without.
DAYS = st.sampled_from([date(2026, 3, 4), date(2026, 10, 28), date(2026, 11, 27)]).flatmap(
    lambda first: st.integers(0, 9).map(lambda n: first + timedelta(days=n))
)
HOURS = st.dictionaries(st.integers(0, 6), SPANS)
EXCEPTIONS = st.dictionaries(DAYS, SPANS, max_size=3)
MOMENTS = st.builds(
    lambda day, seconds: datetime.combine(day, time(), UTC) + timedelta(seconds=seconds),
    DAYS,
    st.integers(0, 86399),
)


@given(HOURS, EXCEPTIONS, MOMENTS, st.floats(0, 1))
def test_it_is_closed_until_it_opens(
    hours: WeekHours, exceptions: Exceptions, moment: datetime, share: float
) -> None:
    found = opens_next(hours, exceptions, moment, DENVER)
    assert (found == moment) == is_open(hours, exceptions, moment, DENVER)
    if found is None:
        found = moment + timedelta(days=7)
    else:
        assert found >= moment
        assert is_open(hours, exceptions, found, DENVER)
    if found > moment:
        between = moment + (found - moment) * share
        assert between == found or not is_open(hours, exceptions, between, DENVER)


def on_the_wall(hours: WeekHours, exceptions: Exceptions, shown: datetime) -> bool:
    """As who reads a clock and a calendar would say."""

    def spans(day: date) -> Sequence[Span]:
        return (
            exceptions[day]
            if day in exceptions
            else hours.get(day.weekday(), ())
            if hours
            else [span("00:00–00:00")]
        )

    now, today = shown.time(), shown.date()
    yesterday = today - timedelta(days=1)
    return any(o <= now and (now < c or c <= o) for o, c in spans(today)) or any(
        c <= o and now < c for o, c in spans(yesterday)
    )


@given(HOURS, EXCEPTIONS, MOMENTS)
def test_it_is_open_when_the_clock_on_the_wall_says_so(
    hours: WeekHours, exceptions: Exceptions, moment: datetime
) -> None:
    shown = moment.astimezone(DENVER)
    changes = {date(2026, 3, 8), date(2026, 11, 1)}
    if shown.date() not in changes:
        assert is_open(hours, exceptions, moment, DENVER) == on_the_wall(
            hours, exceptions, shown.replace(tzinfo=None)
        )


def test_several_gates_are_passed_when_all_are_open() -> None:
    noon = there("2026-11-27 12:00")

    def until(hour: int):
        return lambda moment: max(moment, there(f"2026-11-27 {hour}:00"))

    def lunch_break(moment: datetime) -> datetime:
        begins, ends = there("2026-11-27 13:00"), there("2026-11-27 15:00")
        return ends if begins <= moment < ends else moment

    assert through([], noon) == noon
    assert through([until(13), lunch_break], noon) == there("2026-11-27 15:00")
    assert through([lunch_break, until(13)], noon) == there("2026-11-27 15:00")
    assert through([until(13), lambda moment: None], noon) is None
    # Each is open while the other is closed.
    assert through([lambda moment: moment + timedelta(hours=1)], noon) is None
