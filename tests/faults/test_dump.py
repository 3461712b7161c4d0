"""A dump reads the history while the partition job would drop a day of it: nobody waits for either."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import psycopg
import pytest

from delivery.devtools.stack import postgres
from delivery.devtools.stack.servers import for_libpq
from tests.faults import length, within
from tests.faults.apps import DriverApp
from tests.faults.clients import Company, decode, open_socket, until
from tests.faults.cluster import Cluster
from tests.faults.office import DriverRow
from tests.faults.scene import PATIENCE_S, drive
from tests.faults.world import DENVER
from tests.waiting import wait_until

#: Enough that the dump is not through before we read it to its end.
ROWS = length(short=20_000, full=5_000_000)
RUNS_OF_THE_JOB = length(short=3, full=20)
INTERVAL_S = 0.2
SIGN_IN_S = within(1.0)
#: A commit every 0.8 s is what anybody waits for; the rest is the dump's and the job's doing.
ACK_S = 0.8 + within(1.0)

OLD_DAY = "location_history_20200101"
_FILL = """
CREATE TABLE {old_day} PARTITION OF location_history FOR VALUES FROM ('2020-01-01') TO ('2020-01-02');
INSERT INTO location_history (driver_id, lat, lng, recorded_at)
SELECT '{driver}', 39.7, -105, date_trunc('day', now(), 'UTC') + n * interval '1 ms'
FROM generate_series(1, {rows}) AS n;
"""
_DUMPING = """
SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE application_name = 'pg_dump' AND relation = 'location_history'::regclass AND granted
"""


@pytest.mark.timeout(length(short=60, full=300))
async def test_a_dump_runs(cluster: Cluster, rng: Random) -> None:
    office = cluster.office
    city = await asyncio.to_thread(office.city, f"City {rng.getrandbits(40):x}", DENVER)
    driving, coming = await asyncio.to_thread(office.drivers, city, 2)
    await asyncio.to_thread(fill, cluster, driving)
    async with Company() as company:
        app = DriverApp(cluster.urls, driving, rng)
        company.start(app.run())
        company.start(drive(app, INTERVAL_S))
        await until(lambda: app.acked, PATIENCE_S, "fixes are acknowledged")
        async with dump(cluster) as dumping:
            company.start(acknowledged_soon(app))
            company.start(signing_in(cluster, coming, rng))
            for _ in range(RUNS_OF_THE_JOB):
                await asyncio.to_thread(office.keep_history_partitions)
            assert dumping.returncode is None, "the dump was through before the job"
            assert there(cluster)
        await asyncio.to_thread(office.keep_history_partitions)
        assert not there(cluster), "the job does not do later what it could not do during the dump"


def fill(cluster: Cluster, driver: DriverRow) -> None:
    with psycopg.connect(for_libpq(cluster.env["DATABASE_URL"]), autocommit=True) as connection:
        connection.execute(_FILL.format(old_day=OLD_DAY, driver=driver.id, rows=ROWS))


def there(cluster: Cluster) -> bool:
    return cluster.rows("SELECT to_regclass(%s) IS NOT NULL", OLD_DAY) == [(True,)]


@asynccontextmanager
async def dump(cluster: Cluster) -> AsyncIterator[asyncio.subprocess.Process]:
    """pg_dump, which goes on until the end of the block, since nobody reads what it writes; then to its end."""
    dumping = await asyncio.create_subprocess_exec(
        postgres.installation() / "pg_dump",
        for_libpq(cluster.env["DATABASE_URL"]),
        stdout=asyncio.subprocess.PIPE,
    )
    assert dumping.stdout is not None
    try:
        await asyncio.to_thread(wait_until, lambda: bool(cluster.rows(_DUMPING)), "pg_dump has begun")
        yield dumping
    except BaseException:
        dumping.kill()
        raise
    finally:
        while await dumping.stdout.read(2**20):
            pass
        status = await dumping.wait()
    assert status == 0, "pg_dump failed"


async def acknowledged_soon(app: DriverApp) -> None:
    while True:
        await asyncio.sleep(INTERVAL_S)
        sent = len(app.fixes)
        await until(lambda sent=sent: app.acked >= sent, ACK_S, "fixes are acknowledged during a dump")


async def signing_in(cluster: Cluster, driver: DriverRow, rng: Random) -> None:
    while True:
        try:
            async with asyncio.timeout(SIGN_IN_S), signed_in(rng.choice(cluster.urls), driver):
                pass
        except TimeoutError:
            raise AssertionError(f"a driver is not signed in within {SIGN_IN_S:g} s during a dump") from None


@asynccontextmanager
async def signed_in(url: str, driver: DriverRow) -> AsyncIterator[None]:
    headers = {"Authorization": f"Bearer {driver.token}"}
    async with open_socket(url, "role=driver", headers) as socket:
        while decode(await socket.recv())["type"] != "ready":
            pass
        yield
