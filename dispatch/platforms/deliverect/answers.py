"""What Deliverect is answered. Pure.

It charges what we say a delivery costs; Doorstep knows no prices, so that it is nothing. The distance, which it takes
too, is left out: we don't ask the roads before there is an order.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from dispatch.platforms.deliverect.jobs import Job

type Json = dict[str, Any]

FREE: Json = {"price": 0, "taxRate": 0}
CANCELLED: Json = {"status": "confirmed", "reason": "", "price": 0}


class Reason(IntEnum):
    """Why not, as their documentation numbers it."""

    NO_DRIVERS = 20
    OUTSIDE = 30


def can(job: Job, ids: Mapping[str, str], now: datetime, promise: timedelta) -> Json:
    """`ids`: our id of each of their orders; none has one before it is created. `promise`: how long an order takes
    that names no time.
    """
    pickup_at = max(now, job.pickup_time or now)
    return {
        "jobId": job.job_id,
        "canDeliver": True,
        "externalJobId": job.job_id,
        "pickupTimeETA": moment(pickup_at),
        "price": FREE,
        "deliveryLocations": [
            {
                "deliveryId": ids.get(door.order_id, door.order_id),
                "orderId": door.order_id,
                "deliveryTimeETA": moment(max(now, door.delivery_time or pickup_at + promise)),
            }
            for door in job.delivery_locations
        ],
    }


def can_not(job: Job, reasons: Iterable[tuple[str, Reason, str]]) -> Json:
    """`reasons`: their id of an order, why, and a sentence."""
    shown = {door.order_id: door.channel_order_display_id for door in job.delivery_locations}
    return {
        "jobId": job.job_id,
        "canDeliver": False,
        "errors": [
            {
                "deliveryId": order_id,
                "orderId": order_id,
                "channelOrderDisplayId": shown.get(order_id, ""),
                "reason": int(reason),
                "description": description,
            }
            for order_id, reason, description in reasons
        ],
    }


def moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
