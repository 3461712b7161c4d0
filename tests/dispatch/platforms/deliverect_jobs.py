"""Deliverect's requests as its documentation shows them, at places of this suite."""

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from routing.geo import Point

SECRET = "their-secret"


def job(door: Point, pickup_at: datetime, deliver_at: datetime, **more: Any) -> dict[str, Any]:
    """As `create_job` has it (developers.deliverect.com/reference/post-create-delivery-job), and `validate_job`."""
    return {
        "jobId": "609d2c1f9a72e",
        "account": "5f1a2b3c4d131",
        "pickupTime": pickup_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "transportType": "unknown",
        "driverTip": 500,
        "pickupLocation": {
            "location": "606f00aa11555",
            "name": "Deliverect's Pizza Place",
            "remarks": "please use the backdoor for order pickup",
            "street": "van Ghentlaan",
            "streetNumber": "3",
            "postalCode": "9000 LK",
            "city": "Leusden",
            "latitude": "52.379189",
            "longitude": "4.899431",
        },
        "deliveryLocations": [location(door, deliver_at)],
        "ageCheck": False,
    } | more


def location(door: Point, deliver_at: datetime, **more: Any) -> dict[str, Any]:
    return {
        "orderId": "609d2c1f9a4dd",
        "channelOrderDisplayId": "MT4YVTPL",
        "deliveryTime": deliver_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "packageSize": "medium",
        "orderDescription": "hot food",
        "company": "BrainQuantums",
        "name": "V. Bertels",
        "street": "Refugehof",
        "streetNumber": "49",
        "postalCode": "9001 AB",
        "city": "Leusden",
        "phone": "+32470123456",
        "phoneAccessCode": "342241214",
        "deliveryRemarks": "Don't ring door bell.",
        "latitude": str(door.lat),
        "longitude": str(door.lng),
        "payment": {"orderIsAlreadyPaid": True, "amount": 1100, "paymentType": 0},
    } | more


#: As `cancel_job` has it (…/reference/post-cancel-delivery-job).
CANCEL: dict[str, Any] = {
    "jobId": "609d2c1f9a72e",
    "account": "5f1a2b3c4d131",
    "pickupLocation": {"location": "606f00aa11555"},
    "deliveryLocations": [
        {"orderId": "609d2c1f9a4dd", "channelOrderDisplayId": "MT4YVTPL", "deliveryId": "ABC567"}
    ],
    "courier": {"courierId": "D1234"},
}


def signed(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def encoded(told: Any) -> bytes:
    return json.dumps(told).encode()
