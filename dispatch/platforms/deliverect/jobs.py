"""A delivery job as Deliverect sends it, and the orders that it means. Pure.

Coordinates are degrees and come as texts, amounts are hundredths of a currency that is not told, times are ISO
8601 in UTC. Fields that we don't know are none of our business: their contract grows.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from dispatch import phone_numbers
from dispatch.models.items import LONGEST
from dispatch.phone_numbers import NoNumber

#: A job whose food is to be fetched so much later is an order for later.
LATER = timedelta(hours=1)
_YEARS = range(2000, 2100)


def _degrees(most: float) -> BeforeValidator:
    """What is no coordinate is none: the address is always there, and the order is taken all the same."""

    def read(value: Any) -> float | None:
        try:
            degrees = float(value)
        except (TypeError, ValueError):
            return None
        return degrees if abs(degrees) <= most else None

    return BeforeValidator(read)


def _text(value: Any) -> str:
    return "" if value is None else str(value).replace("\0", "").strip()


def _moment(value: Any) -> datetime | None:
    if value in (None, ""):
        return None
    try:
        at = datetime.fromisoformat(value)
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("A time is ISO 8601, in UTC.") from None
    if at.year not in _YEARS:
        raise ValueError(f"The year must be between {_YEARS[0]} and {_YEARS[-1]}.")
    return at


Text = Annotated[str, BeforeValidator(_text)]
Moment = Annotated[datetime | None, BeforeValidator(_moment)]


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class Payment(_Part):
    order_is_already_paid: bool = True
    amount: int = 0


class Door(_Part):
    """One of `deliveryLocations`."""

    order_id: Annotated[str, Field(min_length=1, max_length=100)]
    channel_order_display_id: Text = ""
    delivery_time: Moment = None
    order_description: Text = ""
    company: Text = ""
    name: Text = ""
    street: Text = ""
    street_number: Text = ""
    postal_code: Text = ""
    city: Text = ""
    phone: Text = ""
    phone_access_code: Text = ""
    delivery_remarks: Text = ""
    latitude: Annotated[float | None, _degrees(90)] = None
    longitude: Annotated[float | None, _degrees(180)] = None
    payment: Payment | None = None

    @property
    def address(self) -> str:
        street = " ".join(filter(None, (self.street, self.street_number)))
        town = " ".join(filter(None, (self.postal_code, self.city)))
        return ", ".join(filter(None, (street, town)))

    @property
    def placed(self) -> bool:
        return self.latitude is not None and self.longitude is not None


class Pickup(_Part):
    location: Annotated[str, Field(min_length=1, max_length=100)]
    remarks: Text = ""


class Job(_Part):
    """`_id` is what an update calls it."""

    job_id: Annotated[
        str, Field(min_length=1, max_length=100, validation_alias=AliasChoices("jobId", "_id", "job_id"))
    ]
    pickup_time: Moment = None
    pickup_location: Pickup | None = None
    delivery_locations: Annotated[list[Door], Field(max_length=50)] = []
    driver_tip: int | None = None
    age_check: bool = False

    def external_id(self, door: Door) -> str:
        """What an order of this job is known by."""
        return f"{self.prefix}{door.order_id}"

    @property
    def prefix(self) -> str:
        return f"{EXTERNAL}{self.job_id}:"


#: What the external id of each of its orders begins with; the ids of job and order follow, with a colon between them.
EXTERNAL = "deliverect:"


def ids_of(external_id: str | None) -> tuple[str, str] | None:
    """Their ids of a job and an order; None for an order that came otherwise."""
    if external_id is None or not external_id.startswith(EXTERNAL):
        return None
    job_id, _, order_id = external_id.removeprefix(EXTERNAL).partition(":")
    return job_id, order_id


def fields(job: Job, door: Door, now: datetime) -> dict[str, Any]:
    """By name of an order's field, but for the restaurant; empty where nothing is said."""
    first = door is job.delivery_locations[0]
    unpaid = door.payment is not None and not door.payment.order_is_already_paid
    later = job.pickup_time is not None and job.pickup_time - now > LATER
    return {
        "customer_name": (door.name or door.company)[:200],
        "customer_address": door.address[:500],
        "customer_phone": phone(door.phone),
        "customer_lat": door.latitude if door.placed else None,
        "customer_lng": door.longitude if door.placed else None,
        "ready_at": job.pickup_time,
        "promised_at": door.delivery_time,
        "wanted_at": door.delivery_time if later else None,
        "number": door.channel_order_display_id[:200],
        "items": [{"count": 1, "text": door.order_description[:LONGEST]}] if door.order_description else [],
        "driver_note": _sentences(
            job.pickup_location.remarks if job.pickup_location else "",
            "Check the customer’s age." if job.age_check else "",
        ),
        "door_note": _sentences(
            door.company if door.name else "",
            door.delivery_remarks,
            f"Code for the phone: {door.phone_access_code}" if door.phone_access_code else "",
        ),
        # A tip is of the job.
        "tip": _amount(job.driver_tip) if first and job.driver_tip else "",
        "cash_due": _amount(door.payment.amount) if unpaid and door.payment else "",
    }


def phone(given: str) -> str:
    """As E.164; "" for what is none: an order is not lost for it."""
    try:
        return phone_numbers.e164(given)
    except NoNumber:
        return ""


def _sentences(*said: str) -> str:
    return "\n".join(filter(None, said))[:1000]


def _amount(hundredths: int) -> str:
    return f"{hundredths / 100:.2f}"
