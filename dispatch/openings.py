"""When a restaurant or a city is open: hours of the week and exceptions in, moments out. Pure.

Hours belong to the day on which they begin, and may end on the next one. Clocks are read as in calendars (RFC 5545):
a time that is skipped when they are put forward is as much later. Of one that comes twice, the first opens and the
second closes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo


class Span(NamedTuple):
    """From when until when; where it ends no later than it begins, until then on the day after."""

    opens: time
    closes: time


#: By weekday, Monday 0. Nothing at all: always open.
type WeekHours = Mapping[int, Sequence[Span]]
#: What holds on a date in place of the weekday's hours; without a span: closed.
type Exceptions = Mapping[date, Sequence[Span]]
#: The first moment from this one on at which it is open; None where nobody can say.
type Gate = Callable[[datetime], datetime | None]

WHOLE_DAY = Span(time(0), time(0))
#: Further ahead nobody looks: who is closed for longer is closed.
LOOK_AHEAD = timedelta(days=60)
#: So often gates may pass a moment on among them.
MOST_TURNS = 100


def is_open(hours: WeekHours, exceptions: Exceptions, moment: datetime, zone: ZoneInfo) -> bool:
    today = moment.astimezone(zone).date()
    return any(
        begins <= moment < ends
        for day in (today - timedelta(days=1), today)
        for begins, ends in _open_on(day, hours, exceptions, zone)
    )


def opens_next(hours: WeekHours, exceptions: Exceptions, moment: datetime, zone: ZoneInfo) -> datetime | None:
    """The first moment from this one on at which it is open; None: not within LOOK_AHEAD."""
    today = moment.astimezone(zone).date()
    for n in range(-1, LOOK_AHEAD.days + 1):
        day = today + timedelta(days=n)
        found = [
            max(begins, moment)
            for begins, ends in _open_on(day, hours, exceptions, zone)
            if max(begins, moment) < ends
        ]
        if found:
            return min(found)
    return None


def through(gates: Sequence[Gate], moment: datetime) -> datetime | None:
    """The first moment from this one on at which all of them are open."""
    for _ in range(MOST_TURNS):
        at: datetime | None = moment
        for gate in gates:
            at = at and gate(at)
        if at is None or at == moment:
            return at
        moment = at
    return None


def _open_on(
    day: date, hours: WeekHours, exceptions: Exceptions, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    """From when until when, of the hours that begin on this day."""
    for span in exceptions[day] if day in exceptions else _usual(hours, day):
        ends_on = day if span.closes > span.opens else day + timedelta(days=1)
        twice = datetime.combine(ends_on, span.closes, zone)
        yield (
            # In UTC: two times of one zone are compared as they stand on the wall.
            datetime.combine(day, span.opens, zone).astimezone(UTC),
            max(twice.replace(fold=fold).astimezone(UTC) for fold in (0, 1)),
        )


def _usual(hours: WeekHours, day: date) -> Sequence[Span]:
    return hours.get(day.weekday(), ()) if hours else (WHOLE_DAY,)
