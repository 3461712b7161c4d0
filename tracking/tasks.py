"""Celery's way in. Each task may run twice or late without harm."""

import logging
from datetime import timedelta

from celery import shared_task
from django.conf import settings

from dispatch.clock import database_now
from dispatch.leases import lease
from dispatch.models import Driver
from dispatch.orders.transitions import heard_since
from tracking.ingest import history, partitions

logger = logging.getLogger(__name__)


@shared_task
def keep_history_partitions() -> None:
    """Makes the partitions of the next days and drops those older than LOCATION_HISTORY_DAYS."""
    try:
        with lease("keep_history_partitions") as held:
            if held:
                partitions.keep_partitions(settings.LOCATION_HISTORY_DAYS)
    except partitions.HistoryInUse as busy:
        logger.warning("%s until the next hour", busy)


@shared_task
def keep_last_fixes() -> None:
    """Of drivers who went silent today: their socket may have ended with its process."""
    now = database_now()
    silent = Driver.objects.filter(last_seen_at__range=(now - timedelta(days=1), heard_since()))
    history.keep_last_fixes(silent.values_list("pk", flat=True))
