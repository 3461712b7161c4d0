"""An order as it comes in and as it is told."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, WithJsonSchema, field_validator

from dispatch.api.fields import (
    Address,
    Bags,
    Body,
    Code,
    ExternalId,
    Item,
    Language,
    Latitude,
    Line,
    Longitude,
    Moment,
    Name,
    Note,
    Phone,
    Reason,
)
from dispatch.models import OrderEvent
from dispatch.models.items import MOST_ITEMS
from dispatch.models.orders import MIN_AGES
from dispatch.models.skills import MOST as MOST_SKILLS
from dispatch.statuses import OrderStatus

_EXAMPLE: Mapping[str, Any] = {
    "restaurant_id": "3f0c1f9e-6f0e-4b6e-9a53-0a9c5b1d7c11",
    "external_id": "A-1001",
    "number": "1001",
    "customer_name": "Ada Lovelace",
    "customer_phone": "+13035550142",
    "customer_address": "1701 Wynkoop St, Denver",
    "customer_lat": 39.7527,
    "customer_lng": -104.9992,
    "ready_at": "2026-11-28T18:20:00-07:00",
    "bags": 1,
    "items": [{"count": 2, "text": "Pad Thai, no peanuts"}, {"count": 1, "text": "Mango rice"}],
    "door_note": "Code 4711, third floor",
    "tip": "$4.00",
    "needs": ["alcohol"],
    "age_check": 21,
}
#: The same an hour later.
_TOLD: Mapping[str, Any] = {
    **_EXAMPLE,
    "id": "0b6f4b0e-6d3e-4f35-8a86-51b9f3d0c1de",
    "source": "My shop",
    "version": 17,
    "status": "picked_up",
    "city_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "tracking_url": "https://doorstep.example/track/?t=0123456789abcdef0123456789abcdef",
    "eta": {"minutes": 9, "low": 7, "high": 12, "approximate": False},
    "promised_at": "2026-11-29T01:45:00Z",
    "driver": {"name": "Grace Hopper"},
    "problem": None,
    "wanted_at": None,
    "kitchen_note": "",
    "driver_note": "",
    "customer_language": "",
    "cash_due": "",
    "created_at": "2026-11-29T01:00:00Z",
    "delivered_at": None,
    "ended_at": None,
    "timeline": [
        {"status": "pending", "at": "2026-11-29T01:00:00Z", "by": "platform", "reason": ""},
        {"status": "assigned", "at": "2026-11-29T01:04:10Z", "by": "dispatcher", "reason": ""},
        {"status": "picked_up", "at": "2026-11-29T01:22:31Z", "by": "driver", "reason": ""},
    ],
}

#: As `Item`.
_ITEMS: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"count": {"type": "integer"}, "text": {"type": "string"}},
    },
}


class _Details(Body):
    """What may be said of an order, and corrected later."""

    customer_phone: Phone = Field("", description="International: + and the country first.")
    customer_language: Language = Field(
        "",
        description="In which the customer is texted: en, es or whichever your texts are in. Empty: the city's.",
    )
    customer_lat: Latitude | None = Field(
        None,
        description="Of the door, in degrees, with `customer_lng`. Without both the address is looked up.",
    )
    # Looked at when it is missing, too.
    customer_lng: Longitude | None = Field(None, validate_default=True)
    ready_at: Moment | None = Field(None, description="When the kitchen expects to be done.")
    promised_at: Moment | None = Field(
        None, description="At the door by then. Null: when it is wanted, or as the city promises."
    )
    wanted_at: Moment | None = Field(
        None, description="At the door then, and not before. Null: as soon as possible."
    )
    bags: Bags = Field(1, description="How many the driver carries.")
    number: Line = Field("", description="As people say it: on the bag, on the phone.")
    items: Annotated[list[Item], Field(max_length=MOST_ITEMS)] = []
    kitchen_note: Note = ""
    driver_note: Note = ""
    door_note: Note = Field("", description="Door code, floor, where to leave it.")
    tip: Line = Field("", description="As the driver is to read it.")
    cash_due: Line = Field("", description="What the driver takes at the door, with its currency.")
    needs: Annotated[list[Code], Field(max_length=MOST_SKILLS)] = Field(
        [], description="Codes of skills, of the list that staff keep: only who has all of them is given it."
    )
    age_check: Annotated[int, Field(strict=True, ge=MIN_AGES[0], le=MIN_AGES[-1])] | None = Field(
        None,
        description="The driver hands it over only to who proves to be so many years old. It asks for no skill: "
        "where drivers need an allowance for it, name that in `needs`.",
    )

    @field_validator("customer_lng")
    @classmethod
    def both_or_neither(cls, lng: float | None, info: ValidationInfo) -> float | None:
        # A latitude that is wrong by itself is not there.
        if "customer_lat" in info.data and (info.data["customer_lat"] is None) != (lng is None):
            raise ValueError("Give both customer_lat and customer_lng, or neither.")
        return lng


class NewOrder(_Details):
    """`external_id`: by which you know the order; no two orders of yours have the same."""

    model_config = ConfigDict(json_schema_extra={"examples": [dict(_EXAMPLE)]})

    restaurant_id: UUID
    external_id: ExternalId | None = None
    customer_name: Name
    customer_address: Address
    quote_id: UUID | None = Field(
        None,
        description="Of a quote for this restaurant and door: its promise is kept, and it is good for one order.",
    )

    @field_validator("quote_id")
    @classmethod
    def one_promise(cls, quote_id: UUID | None, info: ValidationInfo) -> UUID | None:
        if quote_id and (info.data.get("promised_at") or info.data.get("wanted_at")):
            raise ValueError("A quote is a promise by itself: leave out promised_at and wanted_at.")
        return quote_id

    def details(self) -> dict[str, Any]:
        """By name of an order's field, but for the restaurant and the quote."""
        return self.model_dump(exclude={"restaurant_id", "quote_id"})


class Amendment(_Details):
    """What it names is changed, all else stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"door_note": "Ring twice", "customer_phone": "+13035550143"}]}
    )

    customer_name: Name = ""
    customer_address: Address = ""
    promise_reason: Reason = Field("", description="Why the customer is promised another time, if so.")

    def changes(self) -> dict[str, Any]:
        """By name of an order's field."""
        named = set(self.model_fields_set)
        if named & {"customer_lat", "customer_lng"}:
            named |= {"customer_lat", "customer_lng"}
        return self.model_dump(include=named - {"promise_reason"})


class Cancelling(Body):
    reason: Reason = Field("", description="The order's timeline keeps it.")


class Ready(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"ready_at": "2026-11-28T18:25:00-07:00"}]})

    ready_at: Moment | None = Field(None, description="Null, or no body at all: the food is ready now.")


class Eta(BaseModel):
    """Minutes to the door. Four arrivals of five lie between `low` and `high`, where those are known."""

    minutes: int
    low: int | None
    high: int | None
    approximate: bool = Field(description="Along straight lines, or of a driver of whom nothing is heard.")


class Trouble(BaseModel):
    """What somebody should look at: a code, and a sentence for the people who do."""

    code: str = Field(examples=["customer_unplaced"])
    message: str


class Courier(BaseModel):
    name: str


class Event(BaseModel):
    status: OrderStatus
    at: datetime
    by: OrderEvent.Actor
    reason: str


class Order(BaseModel):
    """An order."""

    model_config = ConfigDict(json_schema_extra={"examples": [dict(_TOLD)]})

    id: UUID
    external_id: str | None
    source: str = Field(description="Of the keys whose `external_id` that is; empty where they have none.")
    version: int = Field(description="Goes up with every change, and is the ETag.")
    status: OrderStatus
    restaurant_id: UUID | None
    city_id: UUID | None
    tracking_url: str = Field(
        description="The customer's page. A secret: whoever has it sees the order and, on the way, its driver."
    )
    eta: Eta | None = Field(
        description="Null before a driver has it, once it is over, and while nobody can say."
    )
    promised_at: datetime | None
    driver: Courier | None = Field(description="While the customer may see the driver.")
    problem: Trouble | None
    customer_name: str
    customer_phone: str
    customer_language: str
    customer_address: str
    customer_lat: float | None
    customer_lng: float | None
    ready_at: datetime | None
    wanted_at: datetime | None
    bags: int
    number: str
    # Whatever SQL may have written there.
    items: Annotated[list[Any], WithJsonSchema(_ITEMS)]
    kitchen_note: str
    driver_note: str
    door_note: str
    tip: str
    cash_due: str
    # As `items`.
    needs: Annotated[list[Any], WithJsonSchema({"type": "array", "items": {"type": "string"}})]
    age_check: int | None
    created_at: datetime
    delivered_at: datetime | None
    ended_at: datetime | None = Field(description="Delivered, cancelled or failed.")
    timeline: list[Event]


class Orders(BaseModel):
    """The newest first."""

    orders: list[Order]
    next: str | None = Field(description="The `cursor` of the next page; null on the last one.")


class OrderFilter(BaseModel):
    model_config = ConfigDict(frozen=True)

    status: list[OrderStatus] = Field(
        [], description="One of these; several: `status=pending&status=assigned`."
    )
    city_id: UUID | None = None
    external_id: str | None = Field(None, max_length=1000)
    created_since: Moment | None = Field(None, json_schema_extra={"example": "2026-11-28T00:00:00Z"})
    cursor: str | None = Field(None, max_length=200, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=100)
