"""Days made and dropped. All in one transaction, which the test rolls back."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection

from dispatch.models import Driver
from tracking.ingest import partitions
from tracking.models import LocationHistory
from tracking.tasks import keep_history_partitions

NEW_YEAR = date(2031, 1, 1)


def tables() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'location_history'::regclass"
        )
        return {name for (name,) in cursor.fetchall()}


def at(day: date, hour: int = 0, microsecond: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, microsecond=microsecond, tzinfo=UTC)


def row_at(driver: Driver, moment: datetime) -> str:
    """Inserts a row of this moment; the partition that it went to."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO location_history (driver_id, lat, lng, recorded_at) VALUES (%s, 39.7, -105, %s)"
            " RETURNING tableoid::regclass::text",
            [driver.pk, moment],
        )
        (name,) = cursor.fetchone()
        return name


def where(moment: datetime) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text FROM location_history WHERE recorded_at = %s", [moment]
        )
        (name,) = cursor.fetchone()
        return name


@pytest.mark.usefixtures("db")
def test_the_next_days_are_made() -> None:
    before = tables()
    partitions.make_partitions(NEW_YEAR - timedelta(days=1), 3)
    assert tables() - before == {
        "location_history_20301231",
        "location_history_20310101",
        "location_history_20310102",
    }


@pytest.mark.usefixtures("db")
def test_days_that_are_there_stay(driver: Driver) -> None:
    partitions.make_partitions(NEW_YEAR, 2)
    row_at(driver, at(NEW_YEAR))
    partitions.make_partitions(NEW_YEAR, 3)
    assert where(at(NEW_YEAR)) == "location_history_20310101"
    assert "location_history_20310103" in tables()


@pytest.mark.parametrize(
    ("moment", "table"),
    [
        (at(NEW_YEAR), "location_history_20310101"),
        (at(NEW_YEAR, 23), "location_history_20310101"),
        (at(NEW_YEAR + timedelta(days=1)) - timedelta(microseconds=1), "location_history_20310101"),
        (at(NEW_YEAR + timedelta(days=1)), "location_history_20310102"),
        (at(NEW_YEAR) - timedelta(microseconds=1), "location_history_default"),
    ],
)
def test_a_day_is_a_day_of_utc(driver: Driver, moment: datetime, table: str) -> None:
    partitions.make_partitions(NEW_YEAR, 2)
    assert row_at(driver, moment) == table


def test_a_day_that_is_made_late_takes_its_rows_out_of_the_default(driver: Driver) -> None:
    assert row_at(driver, at(NEW_YEAR, 5)) == "location_history_default"
    row_at(driver, at(NEW_YEAR + timedelta(days=7), 5))
    partitions.make_partitions(NEW_YEAR, 2)
    assert where(at(NEW_YEAR, 5)) == "location_history_20310101"
    assert where(at(NEW_YEAR + timedelta(days=7), 5)) == "location_history_default"
    assert row_at(driver, at(NEW_YEAR, 6)) == "location_history_20310101"
    assert len(set(LocationHistory.objects.values_list("pk", flat=True))) == 3


def test_a_partition_that_is_made_late_is_like_any_other(driver: Driver) -> None:
    row_at(driver, at(NEW_YEAR))
    partitions.make_partitions(NEW_YEAR, 1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT contype FROM pg_constraint WHERE conrelid = 'location_history_20310101'::regclass"
            " AND contype <> 'n' ORDER BY 1"
        )
        assert [kind for (kind,) in cursor.fetchall()] == ["c", "f", "p"]


@pytest.mark.usefixtures("db")
def test_old_days_are_dropped() -> None:
    partitions.make_partitions(date(2020, 2, 27), 4)
    assert partitions.drop_partitions(date(2020, 2, 29)) == [
        "location_history_20200227",
        "location_history_20200228",
    ]
    assert {name for name in tables() if "_2020" in name} == {
        "location_history_20200229",
        "location_history_20200301",
    }
    assert partitions.drop_partitions(date(2020, 2, 29)) == []


def test_old_rows_of_no_day_go_too(driver: Driver) -> None:
    for moment in (at(date(1970, 1, 1)), at(date(2020, 2, 28), 23), at(date(2020, 2, 29))):
        assert row_at(driver, moment) == "location_history_default"
    partitions.drop_partitions(date(2020, 2, 29))
    assert LocationHistory.objects.get().recorded_at == at(date(2020, 2, 29))
    assert "location_history_default" in tables()


def test_the_task_keeps_a_month_and_is_a_week_ahead(driver: Driver, settings: object) -> None:
    settings.LOCATION_HISTORY_DAYS = 30
    today = partitions.today()
    partitions.make_partitions(today - timedelta(days=32), 4)
    keep_history_partitions()
    days = {name.removeprefix("location_history_") for name in tables()} - {"default"}
    assert min(days) == f"{today - timedelta(days=30):%Y%m%d}"
    assert {f"{today + timedelta(days=n):%Y%m%d}" for n in range(7)} <= days


@pytest.mark.usefixtures("db")
def test_migrating_makes_todays() -> None:
    assert f"location_history_{partitions.today():%Y%m%d}" in tables()


def test_rows_of_the_past_days_leave_the_default(driver: Driver) -> None:
    today = partitions.today()
    for days in (3, 5):
        assert row_at(driver, at(today - timedelta(days=days), 5)) == "location_history_default"
    keep_history_partitions()
    for days in (3, 5):
        day = today - timedelta(days=days)
        assert where(at(day, 5)) == f"location_history_{day:%Y%m%d}"
    assert f"location_history_{today - timedelta(days=4):%Y%m%d}" not in tables()


@pytest.fixture
def old_days(settings: object) -> list[str]:
    """The partitions of five days that are too old, the oldest first."""
    settings.LOCATION_HISTORY_DAYS = 30
    first = partitions.today() - timedelta(days=35)
    partitions.make_partitions(first, 5)
    return [f"location_history_{first + timedelta(days=n):%Y%m%d}" for n in range(5)]


@pytest.mark.usefixtures("db")
def test_two_days_are_dropped_at_a_time(old_days: list[str], caplog: pytest.LogCaptureFixture) -> None:
    for left in (old_days[2:], old_days[4:], []):
        caplog.clear()
        keep_history_partitions()
        assert sorted(tables() & set(old_days)) == left
        assert ("--force" in caplog.text) == bool(left)


@pytest.mark.usefixtures("db")
def test_all_days_that_are_too_old_are_dropped_by_force(old_days: list[str]) -> None:
    call_command("history_partitions")
    assert sorted(tables() & set(old_days)) == old_days[2:]
    call_command("history_partitions", "--force")
    assert not tables() & set(old_days)


def test_two_days_of_the_default_are_deleted_at_a_time(driver: Driver) -> None:
    for moment in (
        at(date(1970, 1, 1)),
        at(date(1970, 1, 1), 12),
        at(date(1999, 7, 1)),
        at(date(2019, 2, 28)),
    ):
        row_at(driver, moment)
    partitions.drop_partitions(date(2020, 2, 29))
    assert LocationHistory.objects.get().recorded_at == at(date(2019, 2, 28))
    for moment in (at(date(1970, 1, 1)), at(date(1999, 7, 1))):
        row_at(driver, moment)
    partitions.drop_partitions(date(2020, 2, 29), force=True)
    assert not LocationHistory.objects.exists()


def test_a_worker_whose_clock_is_wrong_drops_nothing(driver: Driver) -> None:
    keep_history_partitions()
    before = tables()
    row_at(driver, at(partitions.today(), 5))
    with time_machine.travel(datetime.now(UTC) + timedelta(days=400), tick=False):
        keep_history_partitions()
    assert tables() == before
    assert LocationHistory.objects.count() == 1


@pytest.mark.usefixtures("db")
def test_a_table_that_is_of_no_day_stays() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE location_history_1999_archive PARTITION OF location_history"
            " FOR VALUES FROM ('1999-01-01') TO ('2000-01-01')"
        )
    assert partitions.drop_partitions(date(2020, 2, 29), force=True) == []
    assert "location_history_1999_archive" in tables()
