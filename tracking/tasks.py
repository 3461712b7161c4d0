from datetime import timedelta

from celery import shared_task
from django.conf import settings

from tracking import partitions


@shared_task
def keep_history_partitions() -> None:
    """Makes the partitions of the next days and drops those older than LOCATION_HISTORY_DAYS."""
    today = partitions.today()
    partitions.make_partitions(today, partitions.DAYS_AHEAD)
    partitions.drop_partitions(today - timedelta(days=settings.LOCATION_HISTORY_DAYS))
