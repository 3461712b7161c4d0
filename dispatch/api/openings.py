"""When a restaurant is open, over HTTP: hours, exceptions, a pause, and minutes that are promised more."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from dispatch.api.admission import Key, caller
from dispatch.api.described import answers
from dispatch.api.fields import Ahead, Body, Date, Line
from dispatch.api.json_answers import json_answer
from dispatch.api.order_bodies import Trouble
from dispatch.errors import NotFound
from dispatch.locales import Locale
from dispatch.models import OpeningException, OpeningHours, Restaurant, Scope
from dispatch.models.switches import MOST_EXTRA_MINUTES
from dispatch.orders import opening_hours, switches
from dispatch.orders.availability import Availability
from dispatch.problems import SENTENCES
from dispatch.signals import announced

router = Router(tags=["Restaurants"])

#: Of one restaurant.
MOST_HOURS, MOST_EXCEPTIONS = 50, 400

TimeOfDay = Annotated[str, Field(strict=True, pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["11:00"])]


class Day(StrEnum):
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


#: By the numbers of dispatch/models/openings.py.
_DAYS = list(Day)


class Hours(Body):
    """By the city's clocks. What closes no later than it opens does so on the day after."""

    weekday: Day
    opens: TimeOfDay
    closes: TimeOfDay


class ExceptionalDay(Body):
    """What holds on a date in place of the weekday's hours."""

    date: Date
    opens: TimeOfDay | None = Field(None, description="Without both times it is closed all day.")
    closes: TimeOfDay | None = Field(None, validate_default=True)
    name: Line = Field("", examples=["Thanksgiving"])

    @field_validator("closes")
    @classmethod
    def both_or_neither(cls, closes: str | None, info: ValidationInfo) -> str | None:
        if "opens" in info.data and (info.data["opens"] is None) != (closes is None):
            raise ValueError("Give both opens and closes, or neither where it is closed on that date.")
        return closes


class Pause(Body):
    until: Ahead | None = Field(None, description="It ends then by itself. Null: until somebody ends it.")
    reason: Line = Field("", description="For dispatchers.")


class ExtraMinutes(Body):
    minutes: Annotated[int, Field(strict=True, ge=1, le=MOST_EXTRA_MINUTES)]
    until: Ahead


class OpeningChange(Body):
    """What it names is replaced, all else stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "hours": [
                        {"weekday": "friday", "opens": "11:00", "closes": "14:30"},
                        {"weekday": "friday", "opens": "17:00", "closes": "01:00"},
                    ],
                    "exceptions": [{"date": "2026-12-25", "name": "Christmas"}],
                    "pause": None,
                }
            ]
        }
    )

    hours: Annotated[list[Hours], Field(max_length=MOST_HOURS)] = Field([], description="None: always open.")
    exceptions: Annotated[list[ExceptionalDay], Field(max_length=MOST_EXCEPTIONS)] = []
    pause: Pause | None = Field(None, description="Nobody is sent for food meanwhile. Null ends it.")
    extra: ExtraMinutes | None = Field(
        None, description="A delay: who orders meanwhile is promised so many minutes more. Null ends it."
    )


class PauseTold(BaseModel):
    since: datetime
    until: datetime | None
    reason: str


class ExtraTold(BaseModel):
    minutes: int
    since: datetime | None
    until: datetime


class HoursTold(BaseModel):
    weekday: Day
    opens: str
    closes: str


class ExceptionTold(BaseModel):
    date: date
    opens: str | None
    closes: str | None
    name: str


class Opening(BaseModel):
    """When a restaurant is open, and whether it is now; its city's own hours and pauses count as well."""

    open: bool
    closed: Trouble | None = Field(description="Why it is not open now.")
    opens_at: datetime | None = Field(
        description="When it is closed: when it opens, as far as anybody knows."
    )
    time_zone: str
    hours: list[HoursTold]
    exceptions: list[ExceptionTold]
    pause: PauseTold | None
    extra: ExtraTold | None


@router.get(
    "/{restaurant_id}/opening",
    auth=Key(),
    operation_id="readOpening",
    summary="Read when a restaurant is open",
    response=answers(200, Opening, 404, 422),
)
def read(request: HttpRequest, restaurant_id: UUID) -> HttpResponse:
    return json_answer(_told(_reached(request, restaurant_id)))


@router.put(
    "/{restaurant_id}/opening",
    auth=Key(Scope.RESTAURANTS_WRITE),
    operation_id="changeOpening",
    summary="Change when a restaurant is open",
    response=answers(200, Opening, 404, 413, 415, 422),
)
def change(request: HttpRequest, restaurant_id: UUID, body: OpeningChange) -> HttpResponse:
    """Orders are taken whenever they come: one for a closed restaurant says so, and is fetched when it opens."""
    _reached(request, restaurant_id)
    named = body.model_fields_set
    with announced():
        opening_hours.replace(
            restaurant_id,
            hours=[_hours(one) for one in body.hours] if "hours" in named else None,
            exceptions=[_exception(one) for one in body.exceptions] if "exceptions" in named else None,
        )
        if body.pause is not None:
            switches.pause(restaurant_id, until=body.pause.until, reason=body.pause.reason)
        elif "pause" in named:
            switches.resume(restaurant_id)
        if body.extra is not None:
            switches.promise_later(restaurant_id, body.extra.minutes, until=body.extra.until)
        elif "extra" in named:
            switches.promise_as_usual(restaurant_id)
    return json_answer(_told(_reached(request, restaurant_id)))


def _reached(request: HttpRequest, restaurant_id: UUID) -> Restaurant:
    """Raises NotFound."""
    found = caller(request).restaurants().select_related("city").filter(pk=restaurant_id).first()
    if found is None:
        raise NotFound("No such restaurant.")
    return found


def _hours(one: Hours) -> OpeningHours:
    return OpeningHours(
        weekday=_DAYS.index(one.weekday),
        opens=time.fromisoformat(one.opens),
        closes=time.fromisoformat(one.closes),
    )


def _exception(one: ExceptionalDay) -> OpeningException:
    return OpeningException(
        date=one.date,
        opens=one.opens and time.fromisoformat(one.opens),
        closes=one.closes and time.fromisoformat(one.closes),
        name=one.name,
    )


def _told(restaurant: Restaurant) -> Opening:
    now = timezone.now()
    closure = Availability.at([restaurant]).closure(restaurant, now)
    return Opening(
        open=closure is None,
        closed=None if closure is None else Trouble(code=closure.problem, message=SENTENCES[closure.problem]),
        opens_at=None if closure is None else closure.until,
        time_zone=(restaurant.city.locale if restaurant.city else Locale.of_no_city()).time_zone,
        hours=[
            HoursTold(weekday=_DAYS[one.weekday], opens=_clock(one.opens), closes=_clock(one.closes))
            for one in OpeningHours.objects.filter(restaurant=restaurant)
        ],
        exceptions=[
            ExceptionTold(
                date=one.date,
                opens=None if one.opens is None else _clock(one.opens),
                closes=None if one.closes is None else _clock(one.closes),
                name=one.name,
            )
            for one in OpeningException.objects.filter(restaurant=restaurant)
        ],
        pause=_pause(restaurant, now),
        extra=_extra(restaurant, now),
    )


def _clock(at: time) -> str:
    return at.isoformat("minutes")


def _pause(restaurant: Restaurant, now: datetime) -> PauseTold | None:
    since, until = restaurant.paused_since, restaurant.paused_until
    if since is None or (until is not None and until <= now):
        return None
    return PauseTold(since=since, until=until, reason=restaurant.pause_reason)


def _extra(restaurant: Restaurant, now: datetime) -> ExtraTold | None:
    until = restaurant.extra_until
    if not restaurant.extra_minutes or until is None or until <= now:
        return None
    return ExtraTold(minutes=restaurant.extra_minutes, since=restaurant.extra_since, until=until)
