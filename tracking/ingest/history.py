"""What of the fixes is kept for good: sampled into location_history, and each driver's latest in its row.

Written in batches straight from the web process, one transaction each: while PostgreSQL is away or takes no writes,
the batch waits (and with it the acks), live positions go on.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from django.db import connection, connections

from dispatch.models import HEARD_NOW
from tracking.database import refusal, refuses_data
from tracking.ingest.fix_filter import Fix
from tracking.ingest.session import Session


class Kept(NamedTuple):
    """A fix that must not be lost, the session that it came by, and its number there. `verdict`: as what it counts in
    its batch; None for one that was counted before.
    """

    session: Session
    fix: Fix
    seq: int | None = None
    verdict: str | None = None


class Numbered(NamedTuple):
    """How far the fixes of a run of a driver's app are taken care of: up to and including `seq`. `began_again`: it
    was farther before.
    """

    session: str
    seq: int
    began_again: bool = False


class Refused(NamedTuple):
    """What PostgreSQL will never take: fixes of the history, drivers whose row was not changed, and why."""

    kept: list[Kept]
    drivers: list[UUID]
    reasons: set[str]


# In id order, as every action does: two batches, or a batch and an action, never deadlock.
_LOCK = "SELECT FROM drivers WHERE id = ANY (%s::uuid[]) ORDER BY id FOR NO KEY UPDATE"
_DRIVERS = f"""
UPDATE drivers SET
    current_lat = CASE WHEN head.newer THEN head.lat ELSE current_lat END,
    current_lng = CASE WHEN head.newer THEN head.lng ELSE current_lng END,
    fix_at = CASE WHEN head.newer THEN head.fix_at ELSE drivers.fix_at END,
    fix_seq = CASE
        WHEN head.session = fix_session AND NOT head.began_again THEN greatest(fix_seq, head.seq)
        ELSE coalesce(head.seq, fix_seq)
    END,
    fix_session = coalesce(head.session, fix_session),
    {HEARD_NOW}
FROM (
    SELECT sent.*, coalesce(sent.fix_at >= coalesce(known.fix_at, '-infinity'), false) AS newer
    FROM (
        SELECT id, lat, lng, 'epoch'::timestamptz + ts * interval '1 ms' AS fix_at, session, seq, began_again
        FROM unnest(%s::uuid[], %s::float8[], %s::float8[], %s::int8[], %s::text[], %s::int8[], %s::bool[])
            AS sent (id, lat, lng, ts, session, seq, began_again)
    ) AS sent
    JOIN drivers AS known USING (id)
) AS head
WHERE drivers.id = head.id
"""  # noqa: S608
# A fix that is there already came twice, perhaps by two processes.
_HISTORY = """
INSERT INTO location_history (driver_id, lat, lng, speed, heading, accuracy, recorded_at, received_at)
SELECT driver_id, kept.lat, kept.lng, speed, heading, accuracy, 'epoch'::timestamptz + ts * interval '1 ms', now()
FROM unnest(%s::uuid[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::int8[])
    AS kept (driver_id, lat, lng, speed, heading, accuracy, ts)
JOIN drivers ON drivers.id = kept.driver_id
ON CONFLICT DO NOTHING
"""


#: Of a driver's row: id; lat, lng, ts of the newest fix; session, seq, whether that began again.
type _Head = tuple[Any, ...]


class HistoryWriter:
    """One connection of its own, outside of the ORM; opened when first needed and after every failure."""

    def __init__(self) -> None:
        self._connection: psycopg.AsyncConnection | None = None

    async def write(
        self,
        kept: Sequence[Kept],
        latest: Mapping[UUID, Fix],
        numbered: Mapping[UUID, Numbered],
        heard: Collection[UUID] = (),
    ) -> Refused:
        """One transaction: `kept` into the history; `latest` (driver id → newest live fix), `numbered` (driver id →
        how far its app's fixes are taken care of) and that others were `heard` of into the drivers' rows.

        What PostgreSQL refuses for its content costs itself only, and is returned: a batch with such a row is halved
        until it stands alone. A driver who was deleted meanwhile has no history. Raises psycopg.Error or OSError
        where a later moment may take it; writing the same once more does no harm.
        """
        heads = [_head(id, latest, numbered) for id in {*latest, *heard, *numbered}]
        reasons: set[str] = set()
        try:
            if not await self._refused(kept, heads, reasons):
                return Refused([], [], reasons)
            reasons.clear()
            # The history first: drivers' rows say what is in it.
            bad_kept = await _sifted(kept, lambda part: self._refused(part, [], reasons))
            bad_heads = await _sifted(heads, lambda part: self._refused([], part, reasons))
        except BaseException:
            await self.close()
            raise
        return Refused(bad_kept, [id for id, *_ in bad_heads], reasons)

    async def _refused(self, kept: Sequence[Kept], heads: Sequence[_Head], reasons: set[str]) -> bool:
        """One transaction; whether PostgreSQL refuses it for its content, with the reason into `reasons`."""
        connection = await self._connected()
        drivers = {*(id for id, *_ in heads), *(one.session.driver_id for one in kept)}
        try:
            async with connection.transaction(), connection.cursor() as cursor:
                await cursor.execute(_LOCK, [list(drivers)])
                if heads:
                    await cursor.execute(_DRIVERS, _columns(heads))
                if kept:
                    await cursor.execute(_HISTORY, _columns(map(_row, kept)))
        except psycopg.Error as error:
            if not refuses_data(error):
                raise
            reasons.add(refusal(error))
            return True
        return False

    async def _connected(self) -> psycopg.AsyncConnection:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                **connection_params() | {"connect_timeout": 5, "application_name": "doorstep-history"},
                autocommit=True,
            )
        return self._connection

    async def close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()


# Without a question to the history, which would lock every partition of it: those that are there already conflict.
_LAST_FIXES = """
INSERT INTO location_history (driver_id, lat, lng, recorded_at)
SELECT id, current_lat, current_lng, fix_at FROM drivers WHERE id = ANY (%s) AND fix_at >= {since}
ON CONFLICT DO NOTHING
"""
_EVER = "'-infinity'"
# In a day's first hour yesterday's as well: whoever was silent for longer had theirs kept by the job of every minute.
_TODAY = "least(date_trunc('day', now(), 'UTC'), now() - interval '1 hour')"


def keep_last_fixes(driver_ids: Iterable[UUID], *, todays: bool = False) -> int:
    """Into the history, where it is not there yet, each driver's last live fix; returns how many were missing.

    The last fix of a session is kept when its socket ends, which a process that is killed has no time for; the
    driver's row has it. `todays`: only where it is of today, so that no partition but today's is touched.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LAST_FIXES.format(since=_TODAY if todays else _EVER), [list(driver_ids)])
        missing: int = cursor.rowcount
    return missing


def connection_params() -> dict[str, Any]:
    """What the settings say of PostgreSQL, for a connection outside of the ORM."""
    params: dict[str, Any] = connections["default"].get_connection_params()
    return {
        name: value for name, value in params.items() if name not in ("context", "cursor_factory", "pool")
    }


async def _sifted[Row](
    rows: Sequence[Row], is_refused: Callable[[Sequence[Row]], Awaitable[bool]]
) -> list[Row]:
    """Stores all rows but those that are refused by themselves, which are returned."""
    if not rows or not await is_refused(rows):
        return []
    if len(rows) == 1:
        return list(rows)
    middle = len(rows) // 2
    return [*await _sifted(rows[:middle], is_refused), *await _sifted(rows[middle:], is_refused)]


def _head(driver_id: UUID, latest: Mapping[UUID, Fix], numbered: Mapping[UUID, Numbered]) -> _Head:
    fix = latest.get(driver_id)
    place = (None, None, None) if fix is None else (fix.lat, fix.lng, fix.ts)
    return (driver_id, *place, *numbered.get(driver_id, (None, None, False)))


def _row(kept: Kept) -> tuple[Any, ...]:
    fix = kept.fix
    return (kept.session.driver_id, fix.lat, fix.lng, fix.speed, fix.heading, fix.accuracy, fix.ts)


def _columns(rows: Any) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
