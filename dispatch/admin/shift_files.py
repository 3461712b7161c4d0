"""Planned shifts as CSV: one line each, its times by the clocks of its city.

driver,city,start,end
Ana Vogel,Denver,2026-11-30 11:00,2026-11-30 15:00

with break_from, break_by, break_minutes behind them where breaks are planned.
"""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.forms.utils import from_current_timezone
from django.utils import timezone

from dispatch.files.csv_text import MOST_MISTAKES, Unreadable, quoted, unquoted
from dispatch.models import LONGEST_BREAK, LONGEST_SHIFT, City, Driver, Shift

COLUMNS = ("driver", "city", "start", "end")
#: All three or none, of the file and of each line.
OF_BREAKS = ("break_from", "break_by", "break_minutes")
MOST_BYTES = 2**20
_TIME = "%Y-%m-%d %H:%M"
_YEARS = range(2000, 2101)


@dataclass(frozen=True)
class Stored:
    """What became of a file: how many shifts are new, were there already, and were taken away."""

    new: int
    known: int
    removed: int


@dataclass(frozen=True)
class Line:
    number: int
    driver: str
    city: str
    start: str
    end: str
    break_from: str = ""
    break_by: str = ""
    break_minutes: str = ""


def parse(text: str) -> list[Line]:
    """Raises Unreadable where the columns are not those, or there are no lines below them."""
    reader = csv.reader(io.StringIO(text), strict=True)
    lines, mistakes = [], []
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        if sorted(names) not in (sorted(COLUMNS), sorted(COLUMNS + OF_BREAKS)):
            raise Unreadable(
                [
                    f"Line 1: the columns are {', '.join(COLUMNS)}, with commas between them, and "
                    f"{', '.join(OF_BREAKS)} where there are breaks."
                ]
            )
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                mistakes.append(f"Line {reader.line_num}: {len(cells)} columns instead of {len(names)}.")
                continue
            found = dict(zip(names, (unquoted(cell.strip()) for cell in cells), strict=True))
            lines.append(Line(reader.line_num, **found))
    except csv.Error as error:
        raise Unreadable([f"Line {reader.line_num}: this is no CSV ({error})."]) from error
    if mistakes:
        raise Unreadable(mistakes[:MOST_MISTAKES])
    if not lines:
        raise Unreadable(["There is no shift below the line of the columns."])
    return lines


def store(lines: Sequence[Line], *, replace: bool = False) -> Stored:
    """Plans these shifts, all of them or none. `replace`: what is planned for the same cities on the days from the
    first of the lines to the last, and is not among them, is taken away.

    Raises Unreadable.
    """
    with transaction.atomic():
        shifts = _read(lines)
        planned = list(Shift.objects.select_related("city").filter(_around(shifts.values())))
        same = {_key(shift) for shift in planned} & {_key(shift) for shift in shifts.values()}
        gone = [shift for shift in planned if replace and _key(shift) not in same and _is_in(shifts, shift)]
        new = {number: shift for number, shift in shifts.items() if _key(shift) not in same}
        stay = [shift for shift in planned if shift not in gone]
        if mistakes := list(_overlaps(new, stay)):
            raise Unreadable(mistakes[:MOST_MISTAKES])
        Shift.objects.filter(pk__in=[shift.pk for shift in gone]).delete()
        Shift.objects.bulk_create(new.values())
    return Stored(len(new), len(same), len(gone))


def write(shifts: Iterable[Shift]) -> str:
    """The same as CSV. A driver whose name others have too is named by the id."""
    names = Counter(name.strip().casefold() for name in Driver.objects.values_list("name", flat=True))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS + OF_BREAKS)
    for shift in shifts:
        name = shift.driver.name
        writer.writerow(
            [
                quoted(name) if names[name.strip().casefold()] == 1 else shift.driver_id,
                quoted(shift.city.name),
                *(_typed(at, shift.city) for at in (shift.starts_at, shift.ends_at)),
                *(_typed(at, shift.city) for at in (shift.break_from, shift.break_by)),
                shift.break_minutes or "",
            ]
        )
    return out.getvalue()


def _typed(at: datetime | None, city: City) -> str:
    return "" if at is None else f"{timezone.localtime(at, ZoneInfo(city.time_zone)):{_TIME}}"


# ------------------------------------------------------------------------------------------------------- inside


def _read(lines: Sequence[Line]) -> dict[int, Shift]:
    """By the number of the line. Raises Unreadable."""
    # Locked: of two files at the same moment the second one sees what the first has planned.
    locked = City.objects.select_for_update(no_key=True).order_by("pk")
    cities = {city.name.casefold(): city for city in locked}
    drivers = _Drivers.all()
    shifts, mistakes = {}, []
    for line in lines:
        try:
            shifts[line.number] = _shift(line, cities, drivers)
        except ValueError as error:
            mistakes.append(f"Line {line.number}: {error}")
    if mistakes:
        raise Unreadable(mistakes[:MOST_MISTAKES])
    return shifts


def _shift(line: Line, cities: Mapping[str, City], drivers: "_Drivers") -> Shift:
    """ValueError says what is wrong with it."""
    city = cities.get(line.city.casefold())
    if city is None:
        raise ValueError(f"no city is called “{line.city}”.")
    driver = drivers.of(line.driver, city)
    start, end = (_moment(text, city) for text in (line.start, line.end))
    if not start < end <= start + LONGEST_SHIFT:
        raise ValueError("the end comes after the start, and within 24 hours.")
    shift = Shift(driver=driver, city=city, starts_at=start, ends_at=end)
    if any((line.break_from, line.break_by, line.break_minutes)):
        _plan_break(shift, line)
    return shift


def _plan_break(shift: Shift, line: Line) -> None:
    shift.break_from, shift.break_by = (
        _moment(text, shift.city) for text in (line.break_from, line.break_by)
    )
    if not shift.starts_at <= shift.break_from <= shift.break_by < shift.ends_at:
        raise ValueError("the break begins within the shift, and its “by” comes after its “from”.")
    if not (line.break_minutes.isdecimal() and 1 <= int(line.break_minutes[:9]) <= LONGEST_BREAK):
        raise ValueError(f"“{line.break_minutes}”: a break has 1 to {LONGEST_BREAK} minutes.")
    shift.break_minutes = int(line.break_minutes)


def _moment(text: str, city: City) -> datetime:
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"“{text}” is no time such as 2026-11-30 11:00.") from None
    if typed.tzinfo is not None:
        raise ValueError(f"“{text}”: times are by {city}’s clocks, without a zone.")
    if typed.year not in _YEARS:
        raise ValueError(f"“{text}”: that can’t be the year.")
    try:
        with timezone.override(ZoneInfo(city.time_zone)):
            return from_current_timezone(typed)
    except ValidationError:
        raise ValueError(f"{text} comes twice or never in {city}: the clocks change then.") from None


@dataclass
class _Drivers:
    """By id, and by name."""

    by_id: dict[UUID, Driver] = field(default_factory=dict)
    by_name: defaultdict[str, list[Driver]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def all(cls) -> "_Drivers":
        found = cls()
        for driver in Driver.objects.all():
            found.by_id[driver.pk] = driver
            found.by_name[driver.name.strip().casefold()].append(driver)
        return found

    def of(self, typed: str, city: City) -> Driver:
        """ValueError: nobody, or several."""
        named = self.by_name.get(typed.casefold(), [])
        own = [driver for driver in named if driver.city_id == city.pk]
        if len(one := own or named) == 1:
            return one[0]
        if named:
            raise ValueError(f"{len(one)} drivers are called “{typed}”: write the id instead of the name.")
        try:
            return self.by_id[UUID(typed)]
        except (ValueError, KeyError):
            raise ValueError(f"no driver is called “{typed}”.") from None


def _key(shift: Shift) -> tuple[UUID | datetime | int | None, ...]:
    rest = shift.break_from, shift.break_by, shift.break_minutes
    return shift.driver_id, shift.city_id, shift.starts_at, shift.ends_at, *rest


def _around(shifts: Iterable[Shift]) -> Q:
    """What may overlap with them, and what is planned on the same days."""
    starts = [shift.starts_at for shift in shifts]
    margin = 2 * LONGEST_SHIFT
    return Q(starts_at__range=(min(starts) - margin, max(starts) + margin))


def _is_in(shifts: Mapping[int, Shift], planned: Shift) -> bool:
    """Whether a shift that is planned begins on one of the days that these fill in its city."""
    days = [_day(shift) for shift in shifts.values() if shift.city_id == planned.city_id]
    return bool(days) and min(days) <= _day(planned) <= max(days)


def _day(shift: Shift) -> date:
    return timezone.localtime(shift.starts_at, ZoneInfo(shift.city.time_zone)).date()


def _overlaps(new: Mapping[int, Shift], planned: Iterable[Shift]) -> Iterator[str]:
    """What of the new ones is at the same time as another shift of the driver, by their lines."""
    of_driver: defaultdict[UUID, list[tuple[Shift, int | None]]] = defaultdict(list)
    for shift in planned:
        of_driver[shift.driver_id].append((shift, None))
    for number, shift in new.items():
        of_driver[shift.driver_id].append((shift, number))
    found: dict[int, str] = {}
    for those in of_driver.values():
        in_turn = sorted(those, key=lambda one: (one[0].starts_at, one[0].ends_at))
        last, last_line = in_turn[0]
        for shift, line in in_turn[1:]:
            if shift.starts_at < last.ends_at:
                if line is not None:
                    found.setdefault(line, _says(shift, last, last_line))
                elif last_line is not None:
                    found.setdefault(last_line, _says(last, shift, None))
            if shift.ends_at > last.ends_at:
                last, last_line = shift, line
    return (f"Line {number}: {found[number]}" for number in sorted(found))


def _says(shift: Shift, other: Shift, line: int | None) -> str:
    zone = ZoneInfo(other.city.time_zone)
    begin, end = (timezone.localtime(at, zone) for at in (other.starts_at, other.ends_at))
    where = "is planned already" if line is None else f"stands in line {line}"
    return f"{shift.driver.name} has another shift then: {begin:{_TIME}} to {end:%H:%M} {where}."
