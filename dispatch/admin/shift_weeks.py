"""A week of planned shifts as a table: a row for each driver, a column for each day by the city's clocks. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from dispatch.models import Driver, Shift

DAYS = 7


@dataclass(frozen=True)
class Cell:
    """A shift on the day on which it begins: "11:00–15:00", its break "12:00–13:00, 30 min" or nothing."""

    shift_id: UUID
    words: str
    rest: str = ""


@dataclass(frozen=True)
class Row:
    driver: Driver
    days: Sequence[Sequence[Cell]]
    hours: str


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def days_of(monday: date) -> list[date]:
    return [monday + timedelta(days=n) for n in range(DAYS)]


def bounds(monday: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When the week begins, and when the next one does."""
    begin, end = (datetime.combine(monday + timedelta(days=n), time(), zone) for n in (0, DAYS))
    return begin.astimezone(UTC), end.astimezone(UTC)


def table(drivers: Iterable[Driver], shifts: Iterable[Shift], monday: date, zone: ZoneInfo) -> list[Row]:
    """The week of these drivers, in this order. `shifts`: those that begin in it."""
    cells: defaultdict[UUID, list[list[Cell]]] = defaultdict(lambda: [[] for _ in range(DAYS)])
    worked: defaultdict[UUID, timedelta] = defaultdict(timedelta)
    for shift in sorted(shifts, key=lambda shift: shift.starts_at):
        begin, end = (at.astimezone(zone) for at in (shift.starts_at, shift.ends_at))
        day = (begin.date() - monday).days
        cells[shift.driver_id][day].append(Cell(shift.pk, f"{begin:%H:%M}–{end:%H:%M}", _rest(shift, zone)))
        worked[shift.driver_id] += shift.ends_at - shift.starts_at
    return [Row(driver, cells[driver.pk], _hours(worked[driver.pk])) for driver in drivers]


def _hours(worked: timedelta) -> str:
    return f"{worked / timedelta(hours=1):.1f}".removesuffix(".0") if worked else ""


def _rest(shift: Shift, zone: ZoneInfo) -> str:
    if shift.break_from is None or shift.break_by is None:
        return ""
    begin, by = (at.astimezone(zone) for at in (shift.break_from, shift.break_by))
    return f"{begin:%H:%M}–{by:%H:%M}, {shift.break_minutes} min"
