"""Workers reach PostgreSQL through PgBouncer in transaction mode: round after round does its work."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from delivery.devtools.stack import pgbouncer, postgres
from delivery.devtools.stack.demo import worker
from tests.faults import length
from tests.faults.clients import until
from tests.faults.cluster import READY_S, Cluster

WORKERS = 2
ROUNDS = length(short=5, full=50)
SESSIONS = 4


@pytest.mark.timeout(length(short=120, full=300))
async def test_workers_behind_pgbouncer(cluster: Cluster) -> None:
    with cluster.without("worker"), workers_behind_pgbouncer(cluster):
        for _ in range(ROUNDS):
            before = rounds_done(cluster)
            await asyncio.to_thread(cluster.office.ask_for_a_cycle)
            await until(
                lambda before=before: rounds_done(cluster) != before, READY_S, "a round of ETAs does its work"
            )


def rounds_done(cluster: Cluster) -> list[tuple[object, ...]]:
    return cluster.rows("SELECT done_at FROM leases WHERE job = 'refresh_etas'")


@contextmanager
def workers_behind_pgbouncer(cluster: Cluster) -> Iterator[None]:
    processes, state = cluster.processes, cluster.state
    pgbouncer.start(
        processes,
        state,
        host=str(state.sockets),
        port=postgres.PORT,
        user=postgres.NAME,
        pool_size=SESSIONS,
    )
    children = [processes.children[-1]]
    url = cluster.env["DATABASE_URL"].replace(f":{postgres.PORT}/", f":{pgbouncer.PORT}/")
    for n in range(WORKERS):
        command = [*worker(2), "--hostname", f"behind-pgbouncer-{n}"]
        children.append(
            processes.start(f"worker-{n}-behind-pgbouncer", command, cluster.env | {"DATABASE_URL": url})
        )
    try:
        yield
        assert [child.name for child in children if child.process.poll() is not None] == []
    finally:
        for child in reversed(children):
            processes.kill(child)
