"""The history writer on a real PostgreSQL: its own connection, so everything here is committed."""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
import time_machine
from django.db import connection, connections, transaction
from django.utils import timezone

from dispatch.models import Driver
from tests.locks import wait_for_a_waiter
from tests.tracking.ingest.drives import T0, at
from tests.tracking.ingest.sessions import new_session
from tracking import tasks
from tracking.ingest.fix_filter import Fix
from tracking.ingest.history import HistoryWriter, Kept, Numbered, Refused, keep_last_fixes
from tracking.models import LocationHistory

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_S = 20.0


def write(
    fixes: list[Kept], latest: dict[UUID, Fix] | None = None, numbered: dict[UUID, Numbered] | None = None
) -> Refused:
    async def once() -> Refused:
        writer = HistoryWriter()
        try:
            return await writer.write(fixes, latest or {}, numbered or {})
        finally:
            await writer.close()

    return asyncio.run(once())


def kept(driver_id: UUID, fix: Fix) -> Kept:
    return Kept(new_session(driver_id), fix)


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(T0 / 1000 + seconds, UTC)


@pytest.fixture
def driver(new_driver: Callable[..., Driver]) -> Driver:
    return new_driver(fix_at=moment(0), last_seen_at=timezone.now() - timedelta(hours=1))


# ------------------------------------------------------------------------------------------------ the history


def test_fixes_are_kept_as_they_came(driver: Driver) -> None:
    fixes = [Fix(39.75, -104.99, T0, 8.2, 271.5, 4.0), Fix(39.76, -104.98, T0 + 5123)]
    began = timezone.now()
    write([kept(driver.pk, fix) for fix in fixes])
    rows = LocationHistory.objects.order_by("recorded_at")
    assert list(
        rows.values_list("driver_id", "lat", "lng", "speed", "heading", "accuracy", "recorded_at")
    ) == [
        (driver.pk, 39.75, -104.99, 8.2, 271.5, 4.0, moment(0)),
        (driver.pk, 39.76, -104.98, None, None, None, moment(5.123)),
    ]
    assert all(began <= row.received_at <= timezone.now() for row in rows)


def test_a_fix_goes_into_the_partition_of_its_day_if_there_is_one(driver: Driver) -> None:
    now = datetime.now(UTC)
    write([kept(driver.pk, Fix(39.75, -104.99, ts)) for ts in (int(now.timestamp() * 1000), 0)])
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM location_history ORDER BY recorded_at DESC")
        assert cursor.fetchall() == [(f"location_history_{now:%Y%m%d}",), ("location_history_default",)]


# --------------------------------------------------------------------------------------------- drivers' rows


def test_a_drivers_row_shows_the_latest_fix(driver: Driver) -> None:
    began = timezone.now()
    write([], {driver.pk: Fix(39.8, -105.0, T0 + 5000)})
    driver.refresh_from_db()
    assert (driver.current_lat, driver.current_lng, driver.fix_at) == (39.8, -105.0, moment(5))
    assert began <= driver.last_seen_at <= timezone.now()


def test_a_drivers_row_never_goes_back_in_time(driver: Driver) -> None:
    began = timezone.now()
    write([], {driver.pk: Fix(1.0, 1.0, T0 - 1)})
    before = driver.current_lat, driver.fix_at
    driver.refresh_from_db()
    assert (driver.current_lat, driver.fix_at) == before
    assert began <= driver.last_seen_at <= timezone.now()  # we heard of the driver all the same


@pytest.mark.parametrize(
    ("silent_s", "before", "after"),
    [
        (5, None, (100, 110)),
        (5, 4.0, (5, 9)),
        (180, 5.0, (180, 190)),
        (30, 240.0, (90, 121)),
        (600, 5.0, (5, 5)),
    ],
)
def test_a_drivers_row_says_how_long_the_app_is_silent_between_two_messages(
    driver: Driver, silent_s: float, before: float | None, after: tuple[float, float]
) -> None:
    last = timezone.now() - timedelta(seconds=silent_s)
    Driver.objects.update(last_seen_at=last, heard_every_s=before)
    write([], {driver.pk: at(0, 7)})
    driver.refresh_from_db()
    assert after[0] <= driver.heard_every_s <= after[1]


def test_a_drivers_row_says_how_far_the_apps_fixes_are_taken_care_of(
    new_driver: Callable[..., Driver],
) -> None:
    driver = new_driver(fix_at=None)

    def taken_care_of() -> tuple[str | None, int | None]:
        driver.refresh_from_db()
        return driver.fix_session, driver.fix_seq

    write([], {driver.pk: at(0, 0)})
    assert taken_care_of() == (None, None)
    write([], {driver.pk: at(0, 5)}, {driver.pk: Numbered("monday", 7)})
    assert taken_care_of() == ("monday", 7)
    write([], {}, {driver.pk: Numbered("monday", 5)})
    assert taken_care_of() == ("monday", 7)
    write([], {driver.pk: at(0, 10)})
    assert taken_care_of() == ("monday", 7)
    write([], {}, {driver.pk: Numbered("tuesday", 0)})
    assert taken_care_of() == ("tuesday", 0)
    assert driver.fix_at == moment(10)


def test_a_fix_that_comes_twice_is_kept_once(driver: Driver) -> None:
    fixes = [kept(driver.pk, at(0, n)) for n in range(5)]
    write(fixes[:3])
    write([*fixes, fixes[4]])
    assert [row.recorded_at for row in LocationHistory.objects.order_by("recorded_at")] == [
        moment(n) for n in range(5)
    ]


def test_every_driver_gets_their_own(new_driver: Callable[..., Driver]) -> None:
    drivers = [new_driver(fix_at=None) for _ in range(20)]
    write([], {driver.pk: at(n, n) for n, driver in enumerate(drivers)})
    for n, driver in enumerate(drivers):
        driver.refresh_from_db()
        assert (driver.current_lng, driver.fix_at) == (at(n, n).lng, moment(n))


# --------------------------------------------------------------------- what is refused, and what goes in all the same


@pytest.mark.parametrize("bad", [{0}, {7}, {3, 4}, {0, 1, 2, 19}, set(range(20))])
def test_a_fix_that_the_database_refuses_costs_itself_only(driver: Driver, bad: set[int]) -> None:
    fixes = [kept(driver.pk, Fix(95.0, 0.0, at(0, n).ts) if n in bad else at(0, n)) for n in range(20)]
    refused = write(fixes, {driver.pk: at(9, 30)}, {driver.pk: Numbered("monday", 19)})
    assert refused == ([fixes[n] for n in sorted(bad)], [], {"CheckViolation: location_history_on_globe"})
    times = LocationHistory.objects.order_by("recorded_at").values_list("recorded_at", flat=True)
    assert list(times) == [moment(n) for n in range(20) if n not in bad]
    driver.refresh_from_db()
    assert (driver.fix_at, driver.fix_seq) == (moment(30), 19)


def test_a_position_that_the_database_refuses_costs_that_drivers_row_only(
    new_driver: Callable[..., Driver],
) -> None:
    drivers = [new_driver(fix_at=None) for _ in range(5)]
    latest = {driver.pk: at(n, n) for n, driver in enumerate(drivers)} | {drivers[2].pk: Fix(95.0, 0.0, T0)}
    refused = write([kept(drivers[2].pk, at(0, 0))], latest)
    assert refused == ([], [drivers[2].pk], {"CheckViolation: drivers_position_on_globe"})
    for n, driver in enumerate(drivers):
        driver.refresh_from_db()
        assert driver.fix_at == (None if n == 2 else moment(n))
    assert LocationHistory.objects.count() == 1


def test_what_the_database_cannot_take_now_is_raised_and_nothing_is_written(driver: Driver) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE location_history RENAME COLUMN accuracy TO precision_m")
    try:
        with pytest.raises(psycopg.errors.UndefinedColumn):
            write([kept(driver.pk, at(0, 0))], {driver.pk: at(9, 9)})
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE location_history RENAME COLUMN precision_m TO accuracy")
    driver.refresh_from_db()
    assert driver.fix_at == moment(0)


def test_a_driver_who_was_deleted_meanwhile_holds_up_nobody(driver: Driver) -> None:
    gone = uuid4()
    write([kept(gone, at(0, 0)), kept(driver.pk, at(0, 5))], {gone: at(0, 0), driver.pk: at(0, 5)})
    assert [row.driver_id for row in LocationHistory.objects.all()] == [driver.pk]
    driver.refresh_from_db()
    assert driver.fix_at == moment(5)


def test_after_a_broken_connection_the_next_batch_is_written(driver: Driver) -> None:
    async def story() -> None:
        writer = HistoryWriter()
        await writer.write([kept(driver.pk, at(0, 0))], {}, {})
        async with await psycopg.AsyncConnection.connect(
            writer._connection.info.dsn, autocommit=True
        ) as admin:
            await admin.execute("SELECT pg_terminate_backend(%s)", [writer._connection.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            await writer.write([kept(driver.pk, at(0, 5))], {}, {})
        await writer.write([kept(driver.pk, at(0, 5))], {}, {})
        await writer.close()

    asyncio.run(story())
    assert LocationHistory.objects.count() == 2


# ------------------------------------------------------------------------------------------- beside the domain


def test_a_batch_takes_no_lock_ahead_of_one_that_it_still_waits_for(
    new_driver: Callable[..., Driver],
) -> None:
    """An action locks its drivers in id order. So must the batch, those whose history it writes included."""
    first, second = sorted((new_driver(fix_at=None) for _ in range(2)), key=lambda driver: driver.pk)
    writing = threading.Thread(target=write, args=([kept(first.pk, at(0, 0))], {second.pk: at(0, 0)}))
    with transaction.atomic():
        Driver.objects.select_for_update().get(pk=first.pk)
        writing.start()
        wait_for_a_waiter()
        Driver.objects.select_for_update(nowait=True).get(pk=second.pk)
    writing.join(PATIENCE_S)
    assert LocationHistory.objects.get().driver_id == first.pk


def test_it_connects_as_the_orm_does(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    options = connections["default"].settings_dict["OPTIONS"]
    monkeypatch.setitem(options, "options", "-c work_mem=4242kB")

    async def story() -> str:
        writer = HistoryWriter()
        try:
            await writer.write([kept(driver.pk, at(0, 0))], {}, {})
            cursor = await writer._connection.execute("SHOW work_mem")
            return (await cursor.fetchone())[0]
        finally:
            await writer.close()

    assert asyncio.run(story()) == "4242kB"


# ------------------------------------------------------------------------- the last fix of a session that crashed


def test_a_last_fix_that_is_only_in_the_drivers_row_is_kept(driver: Driver) -> None:
    write([], {driver.pk: at(0, 7)})
    assert keep_last_fixes(Driver.objects.values_list("pk", flat=True)) == 1
    row = LocationHistory.objects.get()
    assert (row.driver_id, row.lat, row.lng, row.recorded_at) == (
        driver.pk,
        at(0, 7).lat,
        at(0, 7).lng,
        moment(7),
    )
    assert keep_last_fixes(Driver.objects.values_list("pk", flat=True)) == 0
    assert LocationHistory.objects.count() == 1


def test_a_last_fix_that_is_kept_already_stays_as_it_is(driver: Driver) -> None:
    fix = Fix(39.75, -104.99, T0, 8.2, 271.5, 4.0)
    write([kept(driver.pk, fix)], {driver.pk: fix})
    assert keep_last_fixes(Driver.objects.values_list("pk", flat=True)) == 0
    assert LocationHistory.objects.get().speed == 8.2


def test_who_never_sent_a_fix_has_no_last_one(new_driver: Callable[..., Driver]) -> None:
    new_driver(fix_at=None)
    assert keep_last_fixes(Driver.objects.values_list("pk", flat=True)) == 0


@pytest.mark.parametrize(("silent_s", "found"), [(30, 0), (90, 1), (2 * 86_400, 0)])
def test_beat_keeps_those_of_drivers_who_went_silent(driver: Driver, silent_s: float, found: int) -> None:
    write([], {driver.pk: at(0, 7)})
    Driver.objects.update(last_seen_at=timezone.now() - timedelta(seconds=silent_s))
    with time_machine.travel(timezone.now() + timedelta(days=400), tick=False):  # this worker's clock
        tasks.keep_last_fixes()
    assert LocationHistory.objects.count() == found
