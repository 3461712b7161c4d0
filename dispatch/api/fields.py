"""Types of what comes in: strict (text is text, a number is a number), and within what our tables take."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from django.utils import timezone
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from dispatch import phone_numbers
from dispatch.models.items import LONGEST, MOST_OF_ONE
from dispatch.models.skills import LONGEST as LONGEST_CODE

#: Beyond lies a typing error, or milliseconds that were taken for seconds.
_YEARS = range(2000, 2100)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
#: A plus sign that nobody has percent-encoded comes out of an address as a blank.
_LOST_PLUS = re.compile(r"(T\S+) (\d\d:?\d\d)")


class Body(BaseModel):
    """A request's body. A field that it does not know is a mistake in its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _text(value: str) -> str:
    if "\0" in value:
        raise ValueError("A text has no NUL characters.")
    return value


def _named(value: str) -> str:
    if not value.strip():
        raise ValueError("It must not be blank.")
    return value


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", value))
    except (TypeError, ValueError):
        raise ValueError("A time is ISO 8601, as 2026-11-28T18:30:00-07:00.") from None
    if moment.tzinfo is None:
        raise ValueError("A time needs its zone, as 2026-11-28T18:30:00-07:00, or Z for UTC.")
    if moment.year not in _YEARS:
        raise ValueError(f"The year must be between {_YEARS[0]} and {_YEARS[-1]}.")
    return moment.astimezone(UTC)


def _ahead(moment: datetime) -> datetime:
    if moment <= timezone.now():
        raise ValueError("That time is over. Choose one in the future.")
    return moment


def _date(value: Any) -> date:
    try:
        day = datetime.strptime(value, "%Y-%m-%d").date()
    except (TypeError, ValueError):
        raise ValueError("A date is a day of the calendar, as 2026-12-25.") from None
    if day.year not in _YEARS:
        raise ValueError(f"The year must be between {_YEARS[0]} and {_YEARS[-1]}.")
    return day


def _phone(value: str) -> str:
    """As E.164, or empty. It must be a number that its country gives out."""
    return value and phone_numbers.e164(value)


def _language(value: str) -> str:
    """The primary tag, in small letters, or empty."""
    if value and not _LANGUAGE.fullmatch(value):
        raise ValueError("A language is a tag as en, es or es-MX.")
    return value.partition("-")[0].lower()


#: What those two say, in the words of JSON Schema.
_NO_NUL: Any = {"pattern": r"^[^\u0000]*$"}
_NOT_BLANK: Any = {"minLength": 1, "pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$"}

_Text = Annotated[str, Field(strict=True, json_schema_extra=_NO_NUL), AfterValidator(_text)]
_Named = Annotated[
    str,
    Field(strict=True, json_schema_extra=_NOT_BLANK),
    AfterValidator(_text),
    AfterValidator(_named),
]

Line = Annotated[_Text, Field(max_length=200)]
Name = Annotated[_Named, Field(max_length=200)]
Address = Annotated[_Named, Field(max_length=500)]
AddressOrNone = Annotated[_Text, Field(max_length=500)]
Note = Annotated[_Text, Field(max_length=1000)]
#: As the admin's forms take it: the order's timeline keeps it.
Reason = Annotated[_Text, Field(max_length=300)]
Phone = Annotated[str, Field(strict=True, max_length=40), AfterValidator(_phone)]
Language = Annotated[str, Field(strict=True, max_length=35), AfterValidator(_language)]
Latitude = Annotated[float, Field(strict=True, ge=-90, le=90)]
Longitude = Annotated[float, Field(strict=True, ge=-180, le=180)]
Bags = Annotated[int, Field(strict=True, ge=1, le=100)]
Moment = Annotated[
    datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
#: A moment that is still to come.
Ahead = Annotated[Moment, AfterValidator(_ahead)]
Date = Annotated[date, BeforeValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]
#: It stands in addresses: /orders/external:A-1001.
ExternalId = Annotated[str, Field(strict=True, min_length=1, max_length=200, pattern=r"^[^/\x00-\x1f\x7f]+$")]


#: Of a skill.
Code = Annotated[_Text, Field(min_length=1, max_length=LONGEST_CODE)]


class Item(Body):
    count: Annotated[int, Field(strict=True, ge=1, le=MOST_OF_ONE)] = 1
    text: Annotated[_Named, Field(max_length=LONGEST)] = Field(
        description="What it is, with whatever was wished for.", examples=["Pad Thai, no peanuts"]
    )
