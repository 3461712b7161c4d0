"""What the dashboard's JavaScript is told as the page is loaded: statuses and their words, addresses, cities, times.

static/js/dispatch/ has no list of these of its own.
"""

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.urls import reverse
from msgspec import Struct

from dispatch.locales import Locale
from dispatch.maps import LatLng, MapConfig, map_config
from dispatch.models import City, FailureReason, Skill, Vehicle
from dispatch.problems import PASSING
from dispatch.statuses import BEFORE_PICKUP, FINAL, IN_THE_BAG, DriverStatus, OrderStatus
from routing.problems import Problem

#: Stands in an address for the order or driver that is asked about.
SUBJECT = UUID(int=0)
#: … and for another driver.
OTHER = UUID(int=1)

#: As the drivers' list is sorted, and its filters: who can take an order comes first.
DRIVER_STATUSES = (
    DriverStatus.IDLE,
    DriverStatus.TO_RESTAURANT,
    DriverStatus.DELIVERING,
    DriverStatus.OFFLINE,
)


class StatusChange(Struct, frozen=True):
    """What happened when an order took a status, and its icon (templates/icons.html)."""

    words: str
    icon: str


EVENTS = {
    OrderStatus.SCHEDULED: StatusChange("Ordered for later", "receipt"),
    OrderStatus.PENDING: StatusChange("Waits for a driver", "receipt"),
    OrderStatus.ASSIGNED: StatusChange("Assigned", "scooter"),
    OrderStatus.TO_RESTAURANT: StatusChange("Set out for the restaurant", "scooter"),
    OrderStatus.DRIVER_AT_RESTAURANT: StatusChange("Arrived at the restaurant", "shop"),
    OrderStatus.PICKED_UP: StatusChange("Picked up", "bag"),
    OrderStatus.DRIVER_NEARBY: StatusChange("Near the customer", "nearby"),
    OrderStatus.DELIVERED: StatusChange("Delivered", "check"),
    OrderStatus.CANCELLED: StatusChange("Cancelled", "cross"),
    OrderStatus.FAILED: StatusChange("Could not be handed over", "warning"),
}


class Statuses(Struct, rename="camel", frozen=True):
    """How statuses are called, in the order in which they are listed; and the sets that decide what can be done."""

    orders: dict[OrderStatus, str]
    drivers: dict[DriverStatus, str]
    events: dict[OrderStatus, StatusChange]
    vehicles: dict[Vehicle, str]
    before_pickup: list[OrderStatus]
    in_the_bag: list[OrderStatus]
    final: list[OrderStatus]
    passing_problems: list[Problem]


class Urls(Struct, rename="camel", frozen=True):
    """What is asked of the server. `subject` stands in each for the id of the order, driver, conflict, alert,
    restaurant or city, `other` for that of another driver.
    """

    subject: str
    other: str
    proposals: str
    remedies: str
    saving: str
    assign: str
    unassign: str
    serve_first: str
    unpin: str
    rearrange: str
    succession: str
    succession_to: str
    hand_on: str
    hand_back: str
    cancel: str
    undo_pickup: str
    close: str
    settle: str
    see_alert: str
    pause: str
    resume: str
    promise_later: str
    promise_as_usual: str


class CityOfPage(LatLng, rename="camel", frozen=True):
    id: str
    name: str
    locale: Locale


class DashboardPage(Struct, rename="camel", frozen=True):
    """`locale`: of what has no city; `notices`: the address of what stands over the page."""

    socket: str
    notices: str
    csrf: str
    urls: Urls
    statuses: Statuses
    locale: Locale
    stale_after_ms: int
    undo_pickup_ms: int
    #: Why an order could not be picked up or handed over.
    failure_reasons: list[str]
    #: Names by code.
    skills: dict[str, str]
    cities: list[CityOfPage]
    map: MapConfig


def dashboard_page(request: HttpRequest) -> DashboardPage:
    return DashboardPage(
        socket="/ws?role=dispatcher",
        notices=reverse("dispatch:notices"),
        csrf=get_token(request),
        urls=urls(),
        statuses=STATUSES,
        locale=Locale.of_no_city(),
        stale_after_ms=settings.DRIVER_STALE_AFTER_S * 1000,
        undo_pickup_ms=settings.UNDO_PICKUP_S * 1000,
        failure_reasons=list(FailureReason.objects.filter(active=True).values_list("name", flat=True)),
        skills=dict(Skill.objects.values_list("code", "name")),
        cities=[
            CityOfPage(id=str(city.pk), name=city.name, lat=city.lat, lng=city.lng, locale=city.locale)
            for city in City.objects.all()
        ],
        map=map_config(),
    )


STATUSES = Statuses(
    orders={status: status.label for status in OrderStatus},
    drivers={status: status.label for status in DRIVER_STATUSES},
    events=EVENTS,
    vehicles={vehicle: vehicle.label for vehicle in Vehicle},
    before_pickup=sorted(BEFORE_PICKUP),
    in_the_bag=sorted(IN_THE_BAG),
    final=sorted(FINAL),
    passing_problems=sorted(PASSING),
)


def urls() -> Urls:
    return Urls(
        subject=str(SUBJECT),
        other=str(OTHER),
        proposals=reverse("dispatch:proposals", args=[SUBJECT]),
        remedies=reverse("dispatch:remedies", args=[SUBJECT]),
        saving=reverse("dispatch:saving", args=[SUBJECT]),
        assign=reverse("dispatch:assign", args=[SUBJECT]),
        unassign=reverse("dispatch:unassign", args=[SUBJECT]),
        serve_first=reverse("dispatch:serve-first", args=[SUBJECT]),
        unpin=reverse("dispatch:unpin", args=[SUBJECT]),
        rearrange=reverse("dispatch:rearrange", args=[SUBJECT]),
        succession=reverse("dispatch:succession", args=[SUBJECT]),
        succession_to=reverse("dispatch:succession-to", args=[SUBJECT, OTHER]),
        hand_on=reverse("dispatch:hand-on", args=[SUBJECT]),
        hand_back=reverse("dispatch:hand-back", args=[SUBJECT]),
        cancel=reverse("dispatch:cancel", args=[SUBJECT]),
        undo_pickup=reverse("dispatch:undo-pickup", args=[SUBJECT]),
        close=reverse("dispatch:close", args=[SUBJECT]),
        settle=reverse("dispatch:settle", args=[SUBJECT]),
        see_alert=reverse("dispatch:see-alert", args=[SUBJECT]),
        pause=reverse("dispatch:pause", args=[SUBJECT]),
        resume=reverse("dispatch:resume", args=[SUBJECT]),
        promise_later=reverse("dispatch:promise-later", args=[SUBJECT]),
        promise_as_usual=reverse("dispatch:promise-as-usual", args=[SUBJECT]),
    )
