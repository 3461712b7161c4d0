"""Celery's way in: fetch, call, finish. Each task may run twice or late without harm."""

import logging
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_process_shutdown
from django.conf import settings
from kombu.exceptions import OperationalError as BrokerAway

from dispatch import api_keys
from dispatch.alerts import rounds as alerts
from dispatch.errors import contained
from dispatch.etas import learning
from dispatch.leases import alone, lease
from dispatch.messages import rounds as messages
from dispatch.models import City
from dispatch.orders import addresses, availability, doors, geofence_actions, scheduling
from dispatch.outbox import arrivals
from dispatch.outbox import entries as outbox_entries
from dispatch.outbox.delivery import senders
from dispatch.outbox.fan_out import BATCH, fan_out
from dispatch.planning import assignment, eta_rounds, planned_breaks, quotes, replanning
from dispatch.planning.eta_rounds import Part
from dispatch.signals import assignment_changed, outbox_filled
from dispatch.webhooks import endpoints as webhooks
from routing.addresses import answers as geocoder_answers
from routing.osrm import every_osrm

logger = logging.getLogger(__name__)


@shared_task(expires=60)
def replan(driver_id: str) -> None:
    replanning.replan(UUID(driver_id))


#: While the roads are away, so often (seconds) it is looked whether the breaker lets a probe through. It does every
#: ten seconds; who came by only every ten would often just miss it.
MEND_EVERY_S = 3


@shared_task
@alone("refresh_etas")
def refresh_etas() -> None:
    eta_rounds.run(_ask_for_help)
    if any(osrm.is_away for osrm in every_osrm()):
        for wait_s in range(MEND_EVERY_S, settings.ETA_INTERVAL_S, MEND_EVERY_S):
            mend_etas.apply_async(countdown=wait_s, expires=wait_s + MEND_EVERY_S)


@shared_task
def refresh_part_of_etas(job: str, drivers: list[str], begun: str) -> None:
    """Another worker's round asks for help with this part of it."""
    Part(job, [UUID(driver) for driver in drivers], datetime.fromisoformat(begun)).refresh()


def _ask_for_help(parts: Sequence[Part]) -> None:
    try:
        for part in parts:
            drivers = [str(driver) for driver in part.drivers]
            refresh_part_of_etas.apply_async(
                (part.job, drivers, part.begun.isoformat()), expires=settings.ETA_INTERVAL_S, retry=False
            )
    except BrokerAway:
        logger.warning("Redis is away: this worker does the whole round of ETAs")


@shared_task
def mend_etas() -> None:
    if any(osrm.may_be_asked for osrm in every_osrm()):
        with lease("refresh_etas") as held:
            if held:
                replanning.mend_etas()


@shared_task
@alone("sweep")
def sweep() -> None:
    replanning.sweep()


@shared_task
@alone("plan_new_stops")
def plan_new_stops() -> None:
    replanning.plan_new_stops()


@shared_task
@alone("assign_pending")
def assign_pending() -> None:
    scheduling.wake()
    planned_breaks.begin_due()
    for city in City.objects.filter(assignment=City.Assignment.AUTO):
        with contained(f"orders of {city} wait for the next round"):
            assignment.assign_pending(city)
    availability.check_waiting()
    addresses.check_pending()


@shared_task
@alone("find_doors")
def find_doors() -> None:
    doors.look_up_waiting()


@shared_task
def mark_silent_drivers() -> None:
    geofence_actions.mark_silent_drivers()


@shared_task
@alone("raise_alerts")
def raise_alerts() -> None:
    alerts.run()


@shared_task
@alone("forget_alerts")
def forget_alerts() -> None:
    alerts.forget(settings.ALERTS_DAYS)


@shared_task
@alone("end_left_messages")
def end_left_messages() -> None:
    messages.end_left()


@shared_task
@alone("forget_messages")
def forget_messages() -> None:
    messages.forget()


@shared_task(time_limit=1800)
@alone("learn_etas")
def learn_etas() -> None:
    learning.learn()


@shared_task
def forget_api_answers() -> None:
    api_keys.forget_answers()
    quotes.forget()


#: A process asks so often (seconds) that the outbox is emptied; beat does for what comes in between.
WAKE_OUTBOX_EVERY_S = 1.0
WAKE_OUTBOX_EXPIRES_S = 60
#: After a while (seconds) others want the worker, too.
OUTBOX_ROUND_S = 10.0
_outbox_woken = -WAKE_OUTBOX_EVERY_S


@shared_task
def send_outbox() -> None:
    ends = time.monotonic() + OUTBOX_ROUND_S
    outbox_entries.drop_expired()
    while True:
        events = fan_out()
        senders.send_due()
        # What comes meanwhile, one by one, is for the next round: this one would never end.
        if events < BATCH or time.monotonic() > ends:
            return


@shared_task
@alone("forget_outbox")
def forget_outbox() -> None:
    outbox_entries.forget(settings.OUTBOX_DAYS)
    arrivals.forget()


@shared_task
@alone("disable_dead_webhooks")
def disable_dead_webhooks() -> None:
    webhooks.disable_dead()


@shared_task
def forget_geocoder_answers() -> None:
    geocoder_answers.forget_old()


def connect() -> None:
    assignment_changed.connect(_on_assignment_changed)
    outbox_filled.connect(_on_outbox_filled)
    worker_process_shutdown.connect(_on_worker_shutdown)


def _on_assignment_changed(driver: UUID, **_: Any) -> None:
    try:
        replan.delay(str(driver))
    except BrokerAway:
        logger.warning("Redis is away: the stops of driver %s keep their order until the next change", driver)


def _on_outbox_filled(**_: Any) -> None:
    global _outbox_woken
    now = time.monotonic()
    if now - _outbox_woken < WAKE_OUTBOX_EVERY_S:
        return
    _outbox_woken = now
    try:
        send_outbox.apply_async(expires=WAKE_OUTBOX_EXPIRES_S, retry=False)
    except BrokerAway:
        logger.warning("Redis is away: webhooks and messages wait for the next round")


def _on_worker_shutdown(**_: Any) -> None:
    senders.stop()
