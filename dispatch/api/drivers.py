"""Drivers over HTTP: those who come from a platform that hires them."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import BaseModel, ConfigDict, Field

from dispatch.api.admission import Key, caller
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


class Token(BaseModel):
    """What the driver's app signs in with (docs/protocol.md)."""

    token: str = Field(description="Shown this once.")


@router.post(
    "",
    operation_id="addDriver",
    summary="Add a driver",
    response=answers(201, Driver, 400, 409, 413, 415, 422),
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
    response=answers(200, Driver, 400, 404, 413, 415, 422),
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
    response=answers(200, Token, 404),
)
def issue_token(request: HttpRequest, driver_id: UUID) -> HttpResponse:
    """The one before stops working."""
    _check(request, driver_id)
    return json_answer(Token(token=actions.issue_token(driver_id)))


@router.delete(
    "/{driver_id}/token",
    operation_id="revokeToken",
    summary="Revoke a driver’s token",
    response=answers(204, None, 404),
)
def revoke_token(request: HttpRequest, driver_id: UUID) -> HttpResponse:
    """It opens nothing new; a socket that is open stays until it closes."""
    _check(request, driver_id)
    actions.revoke_token(driver_id)
    return HttpResponse(status=204)


def _check(request: HttpRequest, driver_id: UUID) -> None:
    """Raises NotFound where the key does not reach the driver."""
    driver = Row.objects.filter(pk=driver_id).only("city_id").first()
    if driver is None or not caller(request).reaches(driver.city_id):
        raise NotFound("No such driver.")


def _told(driver_id: UUID) -> Driver:
    driver = Row.objects.get(pk=driver_id)
    return Driver(
        id=driver.pk,
        name=driver.name,
        phone=driver.phone,
        city_id=driver.city_id,
        vehicle=Vehicle(driver.vehicle),
        capacity=driver.bags,
        status=DriverStatus(driver.status),
        on_shift=driver.on_shift,
    )
