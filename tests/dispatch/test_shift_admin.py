"""Shifts in the admin: a list and a form by the city's clocks, a week at a glance, CSV in and out."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dispatch.admin import shift_weeks
from dispatch.models import City, Driver, Shift, User

pytestmark = pytest.mark.django_db

LIST = reverse("admin:dispatch_shift_changelist")
WEEK = reverse("admin:dispatch_shift_week")
EXPORT = reverse("admin:dispatch_shift_export")
IMPORT = reverse("admin:dispatch_shift_import")
HEAD = "driver,city,start,end\n"


def signed_in(*groups: str) -> Client:
    user = User.objects.create_user("dana", is_staff=True)
    user.groups.add(*Group.objects.filter(name__in=groups))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def staff() -> Client:
    return signed_in("staff")


@pytest.fixture
def ana(new_driver: Callable[..., Driver]) -> Driver:
    return new_driver(name="Ana Vogel")


def planned(driver: Driver, *moments: datetime) -> Shift:
    return Shift.objects.create(driver=driver, city=driver.city, starts_at=moments[0], ends_at=moments[1])


def typed(driver: Driver, day: str, begin: str, end: str) -> dict[str, str]:
    return {
        "driver": str(driver.pk),
        "city": str(driver.city_id),
        "starts_at_0": day,
        "starts_at_1": begin,
        "ends_at_0": day,
        "ends_at_1": end,
    }


def test_a_time_that_staff_type_is_that_of_the_city(staff: Client, ana: Driver) -> None:
    City.objects.create(name="Far East", lat=0, lng=0, time_zone="Asia/Tokyo")
    add = reverse("admin:dispatch_shift_add")
    assert staff.post(add, typed(ana, "2026-11-30", "11:00", "15:00")).status_code == 302
    shift = Shift.objects.get()
    assert shift.starts_at == datetime(2026, 11, 30, 18, tzinfo=UTC)
    page = staff.get(reverse("admin:dispatch_shift_change", args=[shift.pk])).content.decode()
    assert 'value="11:00:00"' in page
    assert "By the clocks of America/Denver." in page
    assert "2026-11-30 11:00:00 AM MST" in staff.get(LIST).content.decode()


def test_two_at_a_time_are_refused(staff: Client, ana: Driver) -> None:
    add = reverse("admin:dispatch_shift_add")
    staff.post(add, typed(ana, "2026-11-30", "11:00", "15:00"))
    refused = staff.post(add, typed(ana, "2026-11-30", "14:00", "16:00"))
    assert "The driver has another shift at that time." in refused.content.decode()
    refused = staff.post(add, typed(ana, "2026-11-30", "18:00", "16:00"))
    assert "A shift ends after it began." in refused.content.decode()
    assert staff.post(add, typed(ana, "2026-11-30", "11:00", "15:00") | {"city": "x"}).status_code == 400
    assert Shift.objects.count() == 1


def test_a_break_is_planned_with_it(staff: Client, ana: Driver) -> None:
    shift = typed(ana, "2026-11-30", "11:00", "19:00")
    rest = {
        "break_from_0": "2026-11-30",
        "break_from_1": "14:00",
        "break_by_0": "2026-11-30",
        "break_by_1": "15:30",
        "break_minutes": "30",
    }
    add = reverse("admin:dispatch_shift_add")
    for missing in rest:
        refused = staff.post(add, shift | rest | {missing: ""})
        assert (refused.status_code, Shift.objects.count()) == (200, 0)
    assert staff.post(add, shift | rest).status_code == 302
    assert Shift.objects.get().break_by == datetime(2026, 11, 30, 22, 30, tzinfo=UTC)
    week = staff.get(WEEK, {"city": str(ana.city_id), "week": "2026-11-30"}).content.decode()
    assert "break 14:00–15:30, 30 min" in week


# ----------------------------------------------------------------------------------------------------- a week


def test_the_table_of_a_week(ana: Driver, new_driver: Callable[..., Driver]) -> None:
    """In the week when the clocks change in Denver, on its Sunday."""
    zone, monday = ZoneInfo("America/Denver"), date(2026, 10, 26)
    free = new_driver(name="Bo")
    begin, end = shift_weeks.bounds(monday, zone)
    assert end - begin == timedelta(days=7, hours=1)
    shifts = [
        planned(ana, begin, begin + timedelta(hours=2)),
        planned(ana, begin + timedelta(hours=3), begin + timedelta(hours=3.5)),
        planned(ana, end - timedelta(hours=2), end + timedelta(hours=2)),
    ]
    ana_row, free_row = shift_weeks.table([ana, free], reversed(shifts), monday, zone)
    assert [[cell.words for cell in day] for day in ana_row.days] == [
        ["00:00–02:00", "03:00–03:30"],
        *[[]] * 5,
        ["22:00–02:00"],
    ]
    assert (ana_row.hours, free_row.hours, list(free_row.days)) == ("6.5", "", [[]] * 7)


@pytest.mark.parametrize("day", [date(2026, 11, 30) + timedelta(days=n) for n in range(7)])
def test_every_day_of_a_week_has_its_monday(day: date) -> None:
    assert shift_weeks.monday_of(day) == date(2026, 11, 30)


def test_a_week_of_a_city(staff: Client, ana: Driver, new_driver: Callable[..., Driver]) -> None:
    boulder = City.objects.create(name="Boulder", lat=40, lng=-105.3)
    bo = new_driver(name="Bo", city=boulder)
    shift = planned(ana, *(datetime(2026, 11, 30, hour, tzinfo=UTC) for hour in (18, 22)))
    Shift.objects.create(
        driver=bo, city=ana.city, starts_at=shift.ends_at, ends_at=shift.ends_at + timedelta(hours=1)
    )
    page = staff.get(WEEK, {"city": str(ana.city_id), "week": "2026-12-03"})
    html = page.content.decode()
    assert "11:00–15:00" in html
    assert "By the clocks of America/Denver." in html
    # Who helps out.
    assert "15:00–16:00" in html
    assert [row.driver for row in page.context["rows"]] == [ana, bo]
    assert reverse("admin:dispatch_shift_change", args=[shift.pk]) in html
    assert [str(city) for city, is_shown, _ in page.context["cities"] if is_shown] == ["Denver"]
    elsewhere = staff.get(WEEK, {"city": str(boulder.pk), "week": "2026-12-03"})
    assert [row.driver for row in elsewhere.context["rows"]] == [bo]
    assert staff.get(WEEK, {"city": str(ana.city_id), "week": "2026-12-07"}).context["rows"][0].hours == ""


@pytest.mark.parametrize("week", ["", "x", "0001-01-01", "9999-12-31", "2026-13-45", "1" * 5000])
@pytest.mark.parametrize("of_city", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_what_nobody_could_mean_is_this_week(staff: Client, ana: Driver, week: str, of_city: str) -> None:
    page = staff.get(WEEK, {"week": week, "city": of_city})
    today = timezone.localtime(None, ZoneInfo("America/Denver")).date()
    assert page.context["monday"] == shift_weeks.monday_of(today)
    assert staff.get(EXPORT, {"week": week, "city": of_city}).status_code == 200


def test_without_a_city_there_is_an_empty_week(staff: Client) -> None:
    assert "No driver here yet." in staff.get(WEEK).content.decode()
    assert staff.get(EXPORT).content.decode().splitlines() == [
        f"{HEAD.strip()},break_from,break_by,break_minutes"
    ]


# -------------------------------------------------------------------------------------------------------- CSV


def send(client: Client, text: str | bytes, **fields: str):
    data = text.encode() if isinstance(text, str) else text
    return client.post(IMPORT, {"file": SimpleUploadedFile("shifts.csv", data), **fields})


def test_a_file_is_imported_and_exported(staff: Client, ana: Driver) -> None:
    line = "Ana Vogel,Denver,2026-11-30 11:00,2026-11-30 15:00"
    answer = staff.get(IMPORT)
    assert 'enctype="multipart/form-data"' in answer.content.decode()
    # As spreadsheets save it.
    answer = send(staff, b"\xef\xbb\xbf" + f"{HEAD}{line}\r\n".encode())
    assert (answer.status_code, answer["Location"]) == (302, LIST)
    exported = staff.get(EXPORT, {"city": str(ana.city_id), "week": "2026-12-01"})
    assert exported["Content-Type"] == "text/csv; charset=utf-8"
    assert exported["Content-Disposition"] == 'attachment; filename="shifts-2026-11-30.csv"'
    assert exported.content.decode().splitlines() == [
        f"{HEAD.strip()},break_from,break_by,break_minutes",
        f"{line},,,",
    ]
    moved = line.replace("11:00", "12:00")
    assert send(staff, f"{HEAD}{moved}\n", replace="on").status_code == 302
    assert Shift.objects.get().starts_at == datetime(2026, 11, 30, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (
            f"{HEAD}Nobody,Denver,2026-11-30 11:00,2026-11-30 15:00\n".encode(),
            "Line 2: no driver is called “Nobody”.",
        ),
        (HEAD.encode("utf-16"), "The file is not in UTF-8"),
        (b"driver\x00", "This is no text."),
        (b"x" * (2**20 + 1), "larger than 1 MiB"),
        (b"", "The submitted file is empty."),
    ],
    ids=["a line", "UTF-16", "NUL", "too large", "empty"],
)
def test_what_is_wrong_with_a_file_is_said(staff: Client, ana: Driver, data: bytes, says: str) -> None:
    answer = send(staff, data)
    assert answer.status_code == 200
    assert says in answer.content.decode()
    assert not Shift.objects.exists()


def test_who_may_look_may_not_plan(ana: Driver) -> None:
    planned(ana, *(datetime(2026, 11, 30, hour, tzinfo=UTC) for hour in (18, 22)))
    dispatcher = signed_in("dispatcher")
    for page in (LIST, WEEK, EXPORT):
        assert dispatcher.get(page).status_code == 200
    assert "Import CSV" not in dispatcher.get(LIST).content.decode() + dispatcher.get(WEEK).content.decode()
    assert "Import CSV" in signed_in_as_staff().get(LIST).content.decode()
    assert dispatcher.get(IMPORT).status_code == 403
    assert send(dispatcher, HEAD).status_code == 403


def signed_in_as_staff() -> Client:
    user = User.objects.create_user("sam", is_staff=True)
    user.groups.add(Group.objects.get(name="staff"))
    client = Client()
    client.force_login(user)
    return client


def test_who_may_do_nothing_sees_nothing(ana: Driver) -> None:
    nobody = signed_in()
    for page in (LIST, WEEK, EXPORT, IMPORT):
        assert nobody.get(page).status_code == 403
