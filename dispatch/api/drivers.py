"""Drivers over HTTP: those who come from a platform that hires them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from ninja.params.functions import Query
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from dispatch.api.admission import Key, caller, check_parameters
from dispatch.api.described import IDEMPOTENT, answers, parameters
from dispatch.api.fields import Bags, Body, Name, Phone
from dispatch.api.idempotency import once
from dispatch.api.json_answers import json_answer
from dispatch.api.places import check_city
from dispatch.errors import NotFound
from dispatch.models import Driver as Row
from dispatch.models import Scope, Vehicle
from dispatch.orders import actions
from dispatch.statuses import DriverStatus

router = Router(tags=["Drivers"], auth=Key(Scope.DRIVERS_WRITE))


class NewDriver(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Grace Hopper",
                    "phone": "+13035550177",
                    "city_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
                    "vehicle": "bicycle",
                }
            ]
        }
    )

    name: Name
    phone: Phone = ""
    city_id: UUID
    vehicle: Vehicle = Vehicle.CAR
    capacity: Bags | None = Field(None, description="Bags that fit at once; null: as the vehicle takes.")


class Shift(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"on": True}]})

    on: bool = Field(strict=True)


class Driver(BaseModel):
    """A driver."""

    id: UUID
    name: str
    phone: str
    city_id: UUID | None
    vehicle: Vehicle
    capacity: int
    status: DriverStatus
    on_shift: bool


class Position(BaseModel):
    lat: float
    lng: float
    at: datetime = Field(description="When the driver was there, by the device’s clock put right.")
    age_s: int = Field(description="Seconds since then.")


class DriverSeen(Driver):
    """A driver, and where the app last was."""

    skills: Annotated[list[Any], WithJsonSchema({"type": "array", "items": {"type": "string"}})]
    break_until: datetime | None
    last_seen_at: datetime | None = Field(description="When the app was last heard of.")
    position: Position | None


class Drivers(BaseModel):
    drivers: list[DriverSeen]
    next: str | None = Field(description="The `cursor` of the next page; null on the last one.")


class DriverFilter(BaseModel):
    model_config = ConfigDict(frozen=True)

    city_id: UUID | None = None
    on_shift: bool | None = None
    cursor: UUID | None = Field(None, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=100)


class Token(BaseModel):
    """What the driver's app signs in with (docs/protocol.md)."""

    token: str = Field(description="Shown this once.")


@router.get(
    "",
    auth=Key(Scope.DRIVERS_READ),
    operation_id="listDrivers",
    summary="List drivers",
    response=answers(200, Drivers, 422),
)
def listed(request: HttpRequest, wanted: DriverFilter = Query(...)) -> HttpResponse:  # noqa: B008
    """Those of the cities that the key is for, by their ids, a page at a time."""
    check_parameters(request, DriverFilter)
    found = caller(request).drivers().order_by("pk")
    if wanted.city_id is not None:
        found = found.filter(city=wanted.city_id)
    if wanted.on_shift is not None:
        found = found.filter(on_shift=wanted.on_shift)
    if wanted.cursor is not None:
        found = found.filter(pk__gt=wanted.cursor)
    drivers = list(found[: wanted.limit + 1])
    shown, now = drivers[: wanted.limit], timezone.now()
    more = str(shown[-1].pk) if len(drivers) > len(shown) else None
    return json_answer(Drivers(drivers=[_seen(driver, now) for driver in shown], next=more))


@router.get(
    "/{driver_id}",
    auth=Key(Scope.DRIVERS_READ),
    operation_id="readDriver",
    summary="Read a driver",
    response=answers(200, DriverSeen, 404, 422),
)
def read(request: HttpRequest, driver_id: UUID) -> HttpResponse:
    driver = caller(request).drivers().filter(pk=driver_id).first()
    if driver is None:
        raise NotFound("No such driver.")
    return json_answer(_seen(driver, timezone.now()))


@router.post(
    "",
    operation_id="addDriver",
    summary="Add a driver",
    response=answers(201, Driver, 409, 413, 415, 422),
    openapi_extra=parameters(IDEMPOTENT),
)
@once
def add(request: HttpRequest, body: NewDriver) -> HttpResponse:
    check_city(request, body.city_id)
    driver = Row(**body.model_dump())
    actions.change_driver(driver)
    return json_answer(_told(driver.pk), 201)


@router.put(
    "/{driver_id}/shift",
    operation_id="setShift",
    summary="Begin or end a shift",
    response=answers(200, Driver, 404, 413, 415, 422),
)
def set_shift(request: HttpRequest, driver_id: UUID, body: Shift) -> HttpResponse:
    """Orders that the driver still has stay with the driver until they are done or handed on."""
    _check(request, driver_id)
    actions.set_shift(driver_id, body.on)
    return json_answer(_told(driver_id))


@router.put(
    "/{driver_id}/token",
    operation_id="issueToken",
    summary="Issue a driver’s token",
    response=answers(200, Token, 404, 422),
)
def issue_token(request: HttpRequest, driver_id: UUID) -> HttpResponse:
    """The one before stops working."""
    _check(request, driver_id)
    return json_answer(Token(token=actions.issue_token(driver_id)))


@router.delete(
    "/{driver_id}/token",
    operation_id="revokeToken",
    summary="Revoke a driver’s token",
    response=answers(204, None, 404, 422),
)
def revoke_token(request: HttpRequest, driver_id: UUID) -> HttpResponse:
    """It opens nothing new; a socket that is open stays until it closes."""
    _check(request, driver_id)
    actions.revoke_token(driver_id)
    return HttpResponse(status=204)


def _check(request: HttpRequest, driver_id: UUID) -> None:
    """Raises NotFound where the key does not reach the driver."""
    if not caller(request).drivers().filter(pk=driver_id).exists():
        raise NotFound("No such driver.")


def _told(driver_id: UUID) -> Driver:
    return Driver(**_facts(Row.objects.get(pk=driver_id)))


def _seen(driver: Row, now: datetime) -> DriverSeen:
    point, fix_at = driver.point, driver.fix_at
    return DriverSeen(
        **_facts(driver),
        skills=driver.skills,
        break_until=driver.break_until if driver.break_until and driver.break_until > now else None,
        last_seen_at=driver.last_seen_at,
        position=None
        if point is None or fix_at is None
        else Position(
            lat=point.lat, lng=point.lng, at=fix_at, age_s=max(0, round((now - fix_at).total_seconds()))
        ),
    )


def _facts(driver: Row) -> dict[str, Any]:
    return {
        "id": driver.pk,
        "name": driver.name,
        "phone": driver.phone,
        "city_id": driver.city_id,
        "vehicle": Vehicle(driver.vehicle),
        "capacity": driver.bags,
        "status": DriverStatus(driver.status),
        "on_shift": driver.on_shift,
    }
