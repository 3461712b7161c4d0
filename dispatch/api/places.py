"""Cities and restaurants over HTTP."""

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import BaseModel, ConfigDict, Field

from dispatch.api.admission import Key, caller
from dispatch.api.described import IDEMPOTENT, answers, parameters
from dispatch.api.fields import AddressOrNone, Body, Latitude, Longitude, Name
from dispatch.api.idempotency import once
from dispatch.api.json_answers import json_answer
from dispatch.api.problems import invalid
from dispatch.errors import NotFound
from dispatch.models import Restaurant as Row
from dispatch.models import Scope
from dispatch.orders import actions

cities = Router(tags=["Cities"])
restaurants = Router(tags=["Restaurants"])

_RADIUS = Annotated[int, Field(strict=True, ge=20, le=5000)]


class City(BaseModel):
    """A city."""

    id: UUID
    name: str
    time_zone: str
    promise_minutes: int = Field(description="From the order to the door, where you promise nothing else.")


class Cities(BaseModel):
    cities: list[City]


class NewRestaurant(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Larimer Noodles",
                    "address": "1420 Larimer St, Denver",
                    "city_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
                    "lat": 39.7479,
                    "lng": -104.9995,
                }
            ]
        }
    )

    name: Name
    address: AddressOrNone = ""
    city_id: UUID
    lat: Latitude
    lng: Longitude
    geofence_radius: _RADIUS = Field(200, description="Metres around it in which a driver counts as arrived.")


class RestaurantChange(Body):
    """What it names is changed, all else stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"geofence_radius": 120}]})

    name: Name = ""
    address: AddressOrNone = ""
    lat: Latitude = 0.0
    lng: Longitude = 0.0
    geofence_radius: _RADIUS = 200


class Restaurant(BaseModel):
    """A restaurant."""

    id: UUID
    name: str
    address: str
    city_id: UUID | None
    lat: float
    lng: float
    geofence_radius: int


class Restaurants(BaseModel):
    restaurants: list[Restaurant]


@cities.get("", auth=Key(), operation_id="listCities", summary="List cities", response=answers(200, Cities))
def list_cities(request: HttpRequest) -> HttpResponse:
    """Those that the key is for."""
    found = [
        City(id=city.pk, name=city.name, time_zone=city.time_zone, promise_minutes=city.promise_minutes)
        for city in caller(request).cities_reached()
    ]
    return json_answer(Cities(cities=found))


@restaurants.get(
    "",
    auth=Key(),
    operation_id="listRestaurants",
    summary="List restaurants",
    response=answers(200, Restaurants, 422),
)
def list_restaurants(request: HttpRequest, city_id: UUID | None = None) -> HttpResponse:
    """By name, those of the cities that the key is for."""
    found = caller(request).restaurants()
    if city_id is not None:
        found = found.filter(city=city_id)
    return json_answer(Restaurants(restaurants=_told(found)))


@restaurants.post(
    "",
    auth=Key(Scope.RESTAURANTS_WRITE),
    operation_id="addRestaurant",
    summary="Add a restaurant",
    response=answers(201, Restaurant, 409, 413, 415, 422),
    openapi_extra=parameters(IDEMPOTENT),
)
@once
def add_restaurant(request: HttpRequest, body: NewRestaurant) -> HttpResponse:
    check_city(request, body.city_id)
    restaurant = Row(**body.model_dump())
    actions.change_restaurant(restaurant)
    return json_answer(_told([restaurant])[0], 201)


@restaurants.patch(
    "/{restaurant_id}",
    auth=Key(Scope.RESTAURANTS_WRITE),
    operation_id="changeRestaurant",
    summary="Change a restaurant",
    response=answers(200, Restaurant, 404, 413, 415, 422),
)
def change_restaurant(request: HttpRequest, restaurant_id: UUID, body: RestaurantChange) -> HttpResponse:
    """Whoever is on the way there is told at once where it is."""
    changes = body.model_dump(include=set(body.model_fields_set))
    with transaction.atomic():
        found = caller(request).restaurants().select_for_update(no_key=True, of=("self",))
        restaurant = found.filter(pk=restaurant_id).first()
        if restaurant is None:
            raise NotFound("No such restaurant.")
        for name, value in changes.items():
            setattr(restaurant, name, value)
        actions.change_restaurant(restaurant)
    return json_answer(_told([restaurant])[0])


def check_city(request: HttpRequest, city_id: UUID) -> None:
    """Raises Problem where the key does not reach the city of what is to be added."""
    if not caller(request).cities_reached().filter(pk=city_id).exists():
        raise invalid({"pointer": "#/city_id", "message": "There is no such city."})


def named_restaurant(request: HttpRequest, restaurant_id: UUID) -> Row:
    """With its city. Raises Problem where a body names one that the key does not reach."""
    try:
        return caller(request).restaurants().select_related("city").get(pk=restaurant_id)
    except Row.DoesNotExist:
        message = "There is no such restaurant."
        raise invalid({"pointer": "#/restaurant_id", "message": message}) from None


def _told(found: Iterable[Row]) -> list[Restaurant]:
    return [
        Restaurant(
            id=one.pk,
            name=one.name,
            address=one.address,
            city_id=one.city_id,
            lat=one.lat,
            lng=one.lng,
            geofence_radius=one.geofence_radius,
        )
        for one in found
    ]
