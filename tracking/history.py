"""What of the fixes is kept for good: sampled into location_history, and each driver's latest in its row.

Written in batches straight from the web process, one transaction each: while PostgreSQL is away the batch waits (and
with it the acks), live positions go on.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from django.db import connections

from tracking.fixes import Fix


class Kept(NamedTuple):
    """A fix for location_history."""

    driver_id: UUID
    fix: Fix


_COPY = "COPY location_history (driver_id, lat, lng, speed, heading, accuracy, recorded_at, received_at) FROM STDIN"
# In id order, as every action does: two batches, or a batch and an action, never deadlock.
_LOCK = "SELECT id FROM drivers WHERE id = ANY (%s::uuid[]) ORDER BY id FOR NO KEY UPDATE"
_DRIVERS = """
UPDATE drivers SET current_lat = latest.lat, current_lng = latest.lng, fix_at = latest.fix_at, last_seen_at = now()
FROM unnest(%s::uuid[], %s::float8[], %s::float8[], %s::timestamptz[]) AS latest (id, lat, lng, fix_at)
WHERE drivers.id = latest.id AND (drivers.fix_at IS NULL OR drivers.fix_at <= latest.fix_at)
"""


class HistoryWriter:
    """One connection of its own, outside of the ORM; opened when first needed and after every failure."""

    def __init__(self) -> None:
        self._connection: psycopg.AsyncConnection | None = None

    async def write(self, kept: Sequence[Kept], latest: dict[UUID, Fix]) -> None:
        """One transaction: `kept` into the history, `latest` (driver id → newest live fix) into the drivers' rows.

        A driver who was deleted meanwhile has no history. Raises psycopg.Error; then nothing was written.
        """
        connection = await self._connected()
        try:
            async with connection.transaction(), connection.cursor() as cursor:
                await cursor.execute(_LOCK, [list({*latest, *(driver_id for driver_id, _ in kept)})])
                known = {driver_id for (driver_id,) in await cursor.fetchall()}
                if latest:
                    fixes = latest.values()
                    await cursor.execute(
                        _DRIVERS,
                        [
                            list(latest),
                            [f.lat for f in fixes],
                            [f.lng for f in fixes],
                            [_when(f) for f in fixes],
                        ],
                    )
                now = datetime.now(UTC)
                async with cursor.copy(_COPY) as copy:
                    for driver_id, fix in kept:
                        if driver_id in known:
                            await copy.write_row(
                                (
                                    driver_id,
                                    fix.lat,
                                    fix.lng,
                                    fix.speed,
                                    fix.heading,
                                    fix.accuracy,
                                    _when(fix),
                                    now,
                                )
                            )
        except BaseException:
            await self.close()
            raise

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


def connection_params() -> dict[str, Any]:
    """What the settings say of PostgreSQL, for a connection outside of the ORM."""
    params: dict[str, Any] = connections["default"].get_connection_params()
    return {name: value for name, value in params.items() if name not in ("context", "cursor_factory")}


def _when(fix: Fix) -> datetime:
    return datetime.fromtimestamp(fix.ts / 1000, UTC)
