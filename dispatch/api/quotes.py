"""Quotes over HTTP: what can be promised before anybody orders."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import BaseModel, ConfigDict, Field

from dispatch.api.admission import Key, caller
from dispatch.api.described import IDEMPOTENT, answers, parameters
from dispatch.api.fields import Bags, Body, Code, Latitude, Longitude, Moment
from dispatch.api.idempotency import once
from dispatch.api.json_answers import json_answer
from dispatch.api.order_bodies import Eta, Trouble
from dispatch.api.places import named_restaurant
from dispatch.models import Order, Scope
from dispatch.models.skills import MOST as MOST_SKILLS
from dispatch.orders.actions import check_needs
from dispatch.planning import quotes
from dispatch.problems import SENTENCES

router = Router(tags=["Quotes"], auth=Key(Scope.ORDERS_WRITE))


class QuoteRequest(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "restaurant_id": "3f0c1f9e-6f0e-4b6e-9a53-0a9c5b1d7c11",
                    "customer_lat": 39.7527,
                    "customer_lng": -104.9992,
                    "ready_at": "2026-11-28T18:20:00-07:00",
                }
            ]
        }
    )

    restaurant_id: UUID
    customer_lat: Latitude
    customer_lng: Longitude
    ready_at: Moment | None = Field(None, description="When the kitchen would be done. Null: at once.")
    bags: Bags = 1
    needs: Annotated[list[Code], Field(max_length=MOST_SKILLS)] = []


class Obstacle(Trouble):
    until: datetime | None = Field(description="As far as anybody knows.")


class Quote(BaseModel):
    """What can be promised now. Where it is not deliverable an order would be taken all the same, and wait."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "a9a1c6ee-4ff0-4a5b-9d4c-8f6f4a3c2b10",
                    "deliverable": True,
                    "problems": [],
                    "eta": {"minutes": 27, "low": 22, "high": 34, "approximate": False},
                    "city_minutes": 45,
                    "promised_at": "2026-11-29T01:45:00Z",
                    "expires_at": "2026-11-29T01:10:00Z",
                }
            ]
        }
    )

    id: UUID | None = Field(description="The `quote_id` of an order. Null where it is not deliverable.")
    deliverable: bool
    problems: list[Obstacle] = Field(description="Every reason why not.")
    eta: Eta | None = Field(description="By the fleet as it is: the food at the door, if it is ordered now.")
    city_minutes: int = Field(description="What the city promises now, from the order to the door.")
    promised_at: datetime | None = Field(
        description="The later of both. An order that is placed with this quote is promised for then."
    )
    expires_at: datetime | None


@router.post(
    "",
    operation_id="quote",
    summary="Ask what can be promised",
    response=answers(200, Quote, 413, 415, 422),
    openapi_extra=parameters(IDEMPOTENT),
)
@once
def ask(request: HttpRequest, body: QuoteRequest) -> HttpResponse:
    """Whether the restaurant is open, the door within reach, and by when food could be there. Sent to `POST /orders`
    as `quote_id` within ten minutes it keeps the promise, for one order from there to there.
    """
    restaurant = named_restaurant(request, body.restaurant_id)
    order = Order(restaurant=restaurant, **body.model_dump(exclude={"restaurant_id"}))
    check_needs(order)
    prospect = quotes.ask(order)
    told = Quote(
        id=None,
        deliverable=prospect.at is not None,
        problems=[
            Obstacle(code=one.problem, message=SENTENCES[one.problem], until=one.until)
            for one in prospect.against
        ],
        eta=None,
        city_minutes=prospect.city_minutes,
        promised_at=None,
        expires_at=None,
    )
    if prospect.at is not None:
        kept = quotes.keep(prospect, order, caller(request).key)
        told.id, told.promised_at, told.expires_at = kept.pk, kept.promised_at, kept.expires_at
        low, high = prospect.minutes or (None, None)
        told.eta = Eta(minutes=prospect.whole_minutes, low=low, high=high, approximate=prospect.approximate)
    return json_answer(told)
