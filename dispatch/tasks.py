"""Celery's way in: fetch, call, finish. Each task may run twice or late without harm."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db import connection
from kombu.exceptions import OperationalError as BrokerAway

from dispatch.errors import contained
from dispatch.etas import learning, prediction_log
from dispatch.models import City
from dispatch.orders import geofence_actions
from dispatch.planning import assignment, replanning
from dispatch.signals import assignment_changed
from routing.osrm import osrm_from_settings

logger = logging.getLogger(__name__)

#: Names the ETA cycle among PostgreSQL's advisory locks.
_ETA_CYCLE = 0x0D00_12E7
#: … and the rounds in which Doorstep assigns.
_ASSIGNMENT = 0x0D00_12E8
#: … and the sweep of visiting orders.
_SWEEP = 0x0D00_12EA
#: … and the nightly lesson.
_LESSON = 0x0D00_12E9


@shared_task(expires=60)
def replan(driver_id: str) -> None:
    replanning.replan(UUID(driver_id))


#: While the roads are away, so often (seconds) it is looked whether the breaker lets a probe through. It does every
#: ten seconds; who came by only every ten would often just miss it.
MEND_EVERY_S = 3


@shared_task
def refresh_etas() -> None:
    with _alone(_ETA_CYCLE) as alone:
        if not alone:
            return
        replanning.refresh_etas()
    if osrm_from_settings().is_away:
        for wait_s in range(MEND_EVERY_S, settings.ETA_INTERVAL_S, MEND_EVERY_S):
            mend_etas.apply_async(countdown=wait_s, expires=wait_s + MEND_EVERY_S)


@shared_task
def mend_etas() -> None:
    if not osrm_from_settings().may_be_asked:
        return
    with _alone(_ETA_CYCLE) as alone:
        if alone:
            replanning.mend_etas()


@shared_task
def sweep() -> None:
    with _alone(_SWEEP) as alone:
        if alone:
            replanning.sweep()


@shared_task
def assign_pending() -> None:
    with _alone(_ASSIGNMENT) as alone:
        if alone:
            for city in City.objects.filter(assignment=City.Assignment.AUTO):
                with contained(f"orders of {city} wait for the next round"):
                    assignment.assign_pending(city)


@shared_task
def mark_silent_drivers() -> None:
    geofence_actions.mark_silent_drivers()


@shared_task(time_limit=1800)
def learn_etas() -> None:
    """The nightly lesson, then what is too old to learn from goes."""
    with _alone(_LESSON) as alone:
        if alone:
            learning.learn()
            prediction_log.forget_old()


def connect() -> None:
    assignment_changed.connect(_on_assignment_changed)


def _on_assignment_changed(driver: UUID, **_: Any) -> None:
    try:
        replan.delay(str(driver))
    except BrokerAway:
        logger.warning("Redis is away: the stops of driver %s keep their order until the next change", driver)


@contextmanager
def _alone(key: int) -> Iterator[bool]:
    """Whether nobody else holds `key`; held until the end of the block."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        (won,) = cursor.fetchone()
        try:
            yield won
        finally:
            if won:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
