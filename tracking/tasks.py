"""Celery's way in. Each task may run twice or late without harm."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from dispatch.models import Driver
from dispatch.orders.transitions import heard_since
from tracking.ingest import history, partitions


@shared_task
def keep_history_partitions() -> None:
    """Makes the partitions of the next days and drops those older than LOCATION_HISTORY_DAYS."""
    today = partitions.today()
    partitions.make_partitions(today, partitions.DAYS_AHEAD)
    partitions.drop_partitions(today - timedelta(days=settings.LOCATION_HISTORY_DAYS))


@shared_task
def keep_last_fixes() -> None:
    """Of drivers who went silent today: their socket may have ended with its process."""
    now = timezone.now()
    silent = Driver.objects.filter(last_seen_at__range=(now - timedelta(days=1), heard_since()))
    history.keep_last_fixes(silent.values_list("pk", flat=True))
