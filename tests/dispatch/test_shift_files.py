"""Shifts as CSV: what is said of a line that is wrong, and that a file is taken as a whole or not at all."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.admin import shift_files
from dispatch.admin.shift_files import MOST_MISTAKES, Line, Stored, Unreadable, parse, store, write
from dispatch.models import City, Driver, Shift

HEAD = "driver,city,start,end\n"
GOOD = "Ana Vogel,Denver,2026-11-30 11:00,2026-11-30 15:00\n"


def mistakes(text: str) -> list[str]:
    with pytest.raises(Unreadable) as caught:
        store(parse(text))
    assert not Shift.objects.exists()
    return list(caught.value.mistakes)


@pytest.fixture
def ana(new_driver: Callable[..., Driver]) -> Driver:
    return new_driver(name="Ana Vogel")


def test_lines_are_read_whatever_the_order_of_the_columns() -> None:
    text = 'City, End ,DRIVER,start\r\nDenver,2026-11-30 15:00,"Vogel, Ana",2026-11-30 11:00\r\n,,,\r\n\r\n'
    assert parse(text) == [Line(2, "Vogel, Ana", "Denver", "2026-11-30 11:00", "2026-11-30 15:00")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Line 1: the columns are driver, city, start, end, with commas between them, and break_from, "),
        ("driver,city,start,end,break_from\n", "Line 1: the columns are"),
        ("driver;city;start;end\n", "Line 1: the columns are"),
        ("driver,city,start,end,note\n", "Line 1: the columns are"),
        (HEAD, "There is no shift"),
        (HEAD + "a,b,c\n", "Line 2: 3 columns instead of 4."),
        (HEAD + '"a,b,c,d\n', "Line 2: this is no CSV"),
        (HEAD + '"a"b,c,d,e\n', "Line 2: this is no CSV"),
    ],
)
def test_a_file_that_is_no_list_of_shifts(text: str, says: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(text)
    (mistake,) = caught.value.mistakes
    assert mistake.startswith(says)


@given(st.text(max_size=300))
def test_whatever_it_is_it_is_read_or_refused(text: str) -> None:
    for whole in (text, HEAD + text):
        with suppress(Unreadable):
            assert parse(whole)


def test_times_are_the_citys(ana: Driver) -> None:
    assert store(parse(HEAD + GOOD)) == Stored(new=1, known=0, removed=0)
    shift = Shift.objects.get()
    assert (shift.driver, shift.city) == (ana, ana.city)
    assert shift.starts_at == datetime(2026, 11, 30, 18, tzinfo=UTC)
    assert shift.ends_at == datetime(2026, 11, 30, 22, tzinfo=UTC)


def test_each_line_that_is_wrong_is_named_and_nothing_is_stored(
    ana: Driver, new_driver: Callable[..., Driver]
) -> None:
    boulder = City.objects.create(name="Boulder", lat=40, lng=-105.3)
    for city in (ana.city, ana.city, boulder):
        new_driver(name="Sam Taylor", city=city)
    lines = [
        "Nobody,Denver,2026-11-30 11:00,2026-11-30 15:00",
        "Ana Vogel,Nowhere,2026-11-30 11:00,2026-11-30 15:00",
        "Ana Vogel,Denver,noon,2026-11-30 15:00",
        "Ana Vogel,Denver,2026-11-30 15:00,2026-11-30 15:00",
        "Ana Vogel,Denver,2026-11-30 15:00,2026-12-02 15:00",
        "Ana Vogel,Denver,2026-11-30 11:00Z,2026-11-30 15:00",
        "Ana Vogel,Denver,0026-11-30 11:00,0026-11-30 15:00",
        "Ana Vogel,Denver,2027-03-14 02:30,2027-03-14 09:00",
        "Ana Vogel,Denver,2026-11-01 01:30,2026-11-01 09:00",
        "Sam Taylor,Denver,2026-11-30 11:00,2026-11-30 15:00",
    ]
    assert mistakes(
        HEAD + GOOD + "\n".join([*lines, "sam taylor,Boulder,2026-11-30 11:00,2026-11-30 15:00"])
    ) == [
        "Line 3: no driver is called “Nobody”.",
        "Line 4: no city is called “Nowhere”.",
        "Line 5: “noon” is no time such as 2026-11-30 11:00.",
        "Line 6: the end comes after the start, and within 24 hours.",
        "Line 7: the end comes after the start, and within 24 hours.",
        "Line 8: “2026-11-30 11:00Z”: times are by Denver’s clocks, without a zone.",
        "Line 9: “0026-11-30 11:00”: that can’t be the year.",
        "Line 10: 2027-03-14 02:30 comes twice or never in Denver: the clocks change then.",
        "Line 11: 2026-11-01 01:30 comes twice or never in Denver: the clocks change then.",
        "Line 12: 2 drivers are called “Sam Taylor”: write the id instead of the name.",
    ]


def test_no_more_mistakes_than_somebody_reads(ana: Driver) -> None:
    assert len(mistakes(HEAD + "Nobody,Denver,x,y\n" * 200)) == MOST_MISTAKES


def test_shifts_that_overlap_are_told_with_the_other_one(ana: Driver) -> None:
    store(parse(HEAD + GOOD))
    lines = [
        "Ana Vogel,Denver,2026-11-30 08:00,2026-11-30 11:00",
        "Ana Vogel,Denver,2026-11-30 14:00,2026-11-30 18:00",
        "Ana Vogel,Denver,2026-12-01 08:00,2026-12-01 18:00",
        "Ana Vogel,Denver,2026-12-01 09:00,2026-12-01 10:00",
        "Ana Vogel,Denver,2026-12-01 17:00,2026-12-01 19:00",
    ]
    with pytest.raises(Unreadable) as caught:
        store(parse(HEAD + "\n".join(lines)))
    assert list(caught.value.mistakes) == [
        "Line 3: Ana Vogel has another shift then: 2026-11-30 11:00 to 15:00 is planned already.",
        "Line 5: Ana Vogel has another shift then: 2026-12-01 08:00 to 18:00 stands in line 4.",
        "Line 6: Ana Vogel has another shift then: 2026-12-01 08:00 to 18:00 stands in line 4.",
    ]
    assert Shift.objects.count() == 1


def test_what_was_written_is_read_again_and_changes_nothing(
    ana: Driver, new_driver: Callable[..., Driver]
) -> None:
    twins = [new_driver(name="Sam Taylor") for _ in range(2)]
    rows = [f"{twin.pk},Denver,2026-11-30 22:00,2026-12-01 02:00\n" for twin in twins]
    store(parse(HEAD + GOOD + "".join(rows)))
    text = write(Shift.objects.select_related("driver", "city").order_by("starts_at", "driver__name", "pk"))
    assert sorted(line.removesuffix(",,,") for line in text.splitlines()[1:]) == sorted(
        [GOOD.strip(), *(row.strip() for row in rows)]
    )
    assert store(parse(text)) == Stored(new=0, known=3, removed=0)
    assert Shift.objects.count() == 3


def test_a_file_that_replaces_takes_away_what_it_does_not_have(
    ana: Driver, new_driver: Callable[..., Driver]
) -> None:
    boulder = City.objects.create(name="Boulder", lat=40, lng=-105.3)
    new_driver(name="Bo", city=boulder)
    store(
        parse(
            HEAD
            + GOOD
            + "Ana Vogel,Denver,2026-12-01 11:00,2026-12-01 15:00\n"
            + "Ana Vogel,Denver,2026-12-03 11:00,2026-12-03 15:00\n"
            + "Bo,Boulder,2026-11-30 11:00,2026-11-30 15:00\n"
        )
    )
    moved = (
        HEAD
        + "Ana Vogel,Denver,2026-11-30 12:00,2026-11-30 16:00\nAna Vogel,Denver,2026-12-01 11:00,2026-12-01 15:00\n"
    )
    with pytest.raises(Unreadable):
        store(parse(moved))
    assert store(parse(moved), replace=True) == Stored(new=1, known=1, removed=1)
    left = Shift.objects.values_list("driver__name", "starts_at__day", "starts_at__hour")
    assert sorted(left) == [("Ana Vogel", 1, 18), ("Ana Vogel", 3, 18), ("Ana Vogel", 30, 19), ("Bo", 30, 18)]


def test_the_limit_of_mistakes_is_of_lines_as_well() -> None:
    with pytest.raises(Unreadable) as caught:
        parse(HEAD + "a,b\n" * 200)
    assert len(caught.value.mistakes) == shift_files.MOST_MISTAKES


BREAKS = "driver,city,start,end,break_from,break_by,break_minutes\n"
LUNCH = "Ana Vogel,Denver,2026-11-30 11:00,2026-11-30 19:00,2026-11-30 14:00,2026-11-30 15:30,30\n"


def test_a_break_is_planned_with_the_shift(ana: Driver) -> None:
    sam = "Sam,Denver,2026-11-30 11:00,2026-11-30 15:00,,,\n"
    Driver.objects.create(name="Sam", city=ana.city)
    assert store(parse(BREAKS + LUNCH + sam)) == Stored(new=2, known=0, removed=0)
    shift = Shift.objects.get(driver=ana)
    assert (shift.break_from, shift.break_by, shift.break_minutes) == (
        datetime(2026, 11, 30, 21, tzinfo=UTC),
        datetime(2026, 11, 30, 22, 30, tzinfo=UTC),
        30,
    )
    assert Shift.objects.get(driver__name="Sam").break_from is None
    text = write(Shift.objects.select_related("driver", "city"))
    assert sorted(text.splitlines()) == sorted((BREAKS + LUNCH + sam).splitlines())
    moved = LUNCH.replace(",30\n", ",45\n")
    assert store(parse(BREAKS + moved + sam), replace=True) == Stored(new=1, known=1, removed=1)
    assert Shift.objects.get(driver=ana).break_minutes == 45


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ("2026-11-30 14:00,,30", "“” is no time"),
        ("2026-11-30 14:00,2026-11-30 13:00,30", "the break begins within the shift"),
        ("2026-11-30 10:00,2026-11-30 13:00,30", "the break begins within the shift"),
        ("2026-11-30 14:00,2026-11-30 19:00,30", "the break begins within the shift"),
        ("2026-11-30 14:00,2026-11-30 15:00,0", "“0”: a break has 1 to 480 minutes."),
        ("2026-11-30 14:00,2026-11-30 15:00,½", "“½”: a break has 1 to 480 minutes."),
        ("2026-11-30 14:00,2026-11-30 15:00,", "“”: a break has 1 to 480 minutes."),
    ],
)
def test_a_break_that_is_none(ana: Driver, cells: str, says: str) -> None:
    (mistake,) = mistakes(BREAKS + f"Ana Vogel,Denver,2026-11-30 11:00,2026-11-30 19:00,{cells}\n")
    assert mistake.startswith(f"Line 2: {says}")


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-Ana", "@Ana", "'=1"])
def test_no_name_is_a_formula(new_driver: Callable[..., Driver], name: str) -> None:
    """A spreadsheet would run it. What was written is read as the same."""
    driver = new_driver(name=name)
    store(parse(HEAD + GOOD.replace("Ana Vogel", f"{driver.pk}")))
    text = write(Shift.objects.select_related("driver", "city"))
    assert text.splitlines()[1].startswith(f"'{name},")
    assert store(parse(text)) == Stored(new=0, known=1, removed=0)
