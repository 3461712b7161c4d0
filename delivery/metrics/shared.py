"""What PostgreSQL and Redis know: asked by whichever web process answers, and never summed over processes."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future

import psycopg
import redis
from django.conf import settings
from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis.backoff import NoBackoff
from redis.retry import Retry

from delivery.celery import app
from delivery.probes import all_at_once, own_connection
from dispatch.leases import AGES
from dispatch.models import AlertKind
from dispatch.outbox.registry import kinds as outbox_kinds
from dispatch.statuses import FINAL, OrderStatus
from tracking.ingest.partitions import COUNT_AHEAD
from tracking.redis_servers import connected

logger = logging.getLogger(__name__)

#: Whoever asks wants the other figures even where a server hangs.
_TIMEOUT_S = 1.5
_ONCE = Retry(NoBackoff(), 0)

_OPEN = [status.value for status in OrderStatus if status not in FINAL]
_OPEN_ALERTS = "SELECT kind, count(*) FROM alerts WHERE ended_at IS NULL GROUP BY kind"
_OUTBOX = """
SELECT kind, count(*), greatest(extract(epoch FROM clock_timestamp() - min(due_since)), 0)::float8 FROM (
    SELECT kind, coalesce(tried_since, due_at) AS due_since FROM outbox_entries WHERE state = 'waiting'
    UNION ALL SELECT 'event', recorded_at FROM outbox_events
) AS waiting GROUP BY kind
"""
_OPEN_ORDERS = "SELECT status, count(*) FROM orders WHERE status = ANY (%s) GROUP BY status"


class _Known(Collector):
    """A Gauge would be summed up over the processes."""

    def __init__(self, families: Iterable[GaugeMetricFamily]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from self._families


def exposition() -> bytes:
    """Nothing of a server that does not answer in time, which is logged."""
    asked = all_at_once(_ASKED, _TIMEOUT_S)
    return generate_latest(
        _Known(family for server, answer in asked.items() for family in _known(server, answer))
    )


def _known(server: str, answer: Future[list[GaugeMetricFamily]]) -> list[GaugeMetricFamily]:
    try:
        return answer.result(0)
    except (psycopg.Error, redis.RedisError, TimeoutError) as away:
        logger.warning("%s is away, its figures are not shown: %s", server, type(away).__name__)
        return []


def _database() -> list[GaugeMetricFamily]:
    with own_connection() as own:
        own.execute(f"SET LOCAL statement_timeout = {round(_TIMEOUT_S * 1000)}")
        ages: dict[str, float] = dict(own.execute(AGES).fetchall())
        orders = dict.fromkeys(_OPEN, 0) | dict(own.execute(_OPEN_ORDERS, [_OPEN]).fetchall())
        alerts = dict.fromkeys(AlertKind.values, 0) | dict(own.execute(_OPEN_ALERTS).fetchall())
        outbox = dict.fromkeys(["event", *outbox_kinds()], (0, 0.0)) | {
            kind: (waiting, oldest_s) for kind, waiting, oldest_s in own.execute(_OUTBOX).fetchall()
        }
        ((partitions,),) = own.execute(COUNT_AHEAD).fetchall()
    return [
        _by(
            "task",
            "doorstep_job_age_seconds",
            "Since a round of the job last did its work; infinite where none ever did.",
            ages,
        ),
        _by("status", "doorstep_orders", "Open orders.", orders),
        _by("kind", "doorstep_alerts", "Open alerts, those that somebody has seen among them.", alerts),
        _by(
            "kind",
            "doorstep_outbox_waiting",
            "Messages that are not sent yet, and events of which nobody knows yet who is told.",
            {kind: waiting for kind, (waiting, _) in outbox.items()},
        ),
        _by(
            "kind",
            "doorstep_outbox_oldest_seconds",
            "For how long the oldest of them has been due.",
            {kind: oldest_s for kind, (_, oldest_s) in outbox.items()},
        ),
        GaugeMetricFamily(
            "doorstep_history_partitions_ahead",
            "Days from today on that the location history has a partition for, without a gap.",
            partitions,
        ),
    ]


def _queues() -> list[GaugeMetricFamily]:
    limits = {"socket_timeout": _TIMEOUT_S, "socket_connect_timeout": _TIMEOUT_S, "retry": _ONCE}
    with connected(settings.BROKER_REDIS_URL, **limits) as client:
        waiting = {name: int(client.llen(settings.REDIS_PREFIX + name)) for name in app.amqp.queues}
    return [_by("queue", "doorstep_tasks_waiting", "Tasks that no worker has taken yet.", waiting)]


_ASKED: dict[str, Callable[[], list[GaugeMetricFamily]]] = {"PostgreSQL": _database, "Redis": _queues}


def _by(label: str, name: str, says: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, says, labels=[label])
    for value, figure in values.items():
        family.add_metric([value], figure)
    return family
