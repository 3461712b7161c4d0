"""The four addresses that Deliverect asks. Off, and so not there, without DELIVERECT_HMAC_SECRET.

A job that was created is asked again after a time-out of theirs: its orders are known by its id and theirs, and there
is one of each.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import wraps

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from pydantic import ValidationError

from dispatch.errors import Conflict, DispatchError
from dispatch.models import Driver, Order, OrderEvent, PlatformRestaurant, Restaurant
from dispatch.orders import actions
from dispatch.orders.availability import Availability
from dispatch.orders.transitions import Actor
from dispatch.platforms.deliverect import answers, jobs, signatures
from dispatch.platforms.deliverect.answers import Json, Reason
from dispatch.platforms.deliverect.jobs import Door, Job
from dispatch.problems import SENTENCES
from dispatch.statuses import FINAL
from routing.problems import Problem

logger = logging.getLogger(__name__)

DELIVERECT = Actor(OrderEvent.Actor.PLATFORM, "Deliverect")
MOST_BYTES = 512 * 1024
#: Nobody updates or cancels a job that is older.
REMEMBERED = timedelta(days=7)


def asked[**P](answer: Callable[[Job], Json]) -> Callable[[HttpRequest], HttpResponse]:
    """A view: checks who asks, reads the job, and answers what goes wrong as their documentation has it."""

    @csrf_exempt
    @require_POST
    @wraps(answer)
    def view(request: HttpRequest) -> HttpResponse:
        secret = settings.DELIVERECT_HMAC_SECRET
        if not secret:
            raise Http404
        if len(request.body) > MOST_BYTES:
            return _wrong(413, "The body is too large.")
        if not signatures.is_signed(secret, request.body, request.headers.get(signatures.HEADER, "")):
            return _wrong(401, "The signature is missing, or not made with our secret.")
        try:
            job = Job.model_validate_json(request.body)
            try:
                return JsonResponse(answer(job))
            except (Conflict, IntegrityError):
                return JsonResponse(answer(job))  # the same was asked at this moment, and is there by now
        except ValidationError as error:
            where = ", ".join(".".join(map(str, one["loc"])) for one in error.errors()[:10])
            return _wrong(400, f"This is no delivery job: {where or 'no JSON'}.")
        except DispatchError as error:
            return _wrong(400, error.message)

    return view


def _wrong(status: int, why: str) -> HttpResponse:
    return JsonResponse({"error": why}, status=status)


@asked
def validate(job: Job) -> Json:
    """Whether it could be delivered as things are; nothing is stored."""
    restaurant = _restaurant(job)
    if restaurant is None:
        return answers.can_not(job, _all(job, Reason.OUTSIDE, "This location is not known here."))
    if against := _against(job, restaurant):
        return answers.can_not(job, against)
    return _can(job, restaurant, {})


@asked
def create(job: Job) -> Json:
    """All of its orders or none. They are taken whatever is wrong with the address, for the food is real."""
    restaurant = _restaurant(job)
    if restaurant is None or not job.delivery_locations:
        return answers.can_not(job, _all(job, Reason.OUTSIDE, "This location is not known here."))
    with transaction.atomic():
        ids = {door.order_id: str(_placed(job, door, restaurant).pk) for door in job.delivery_locations}
    return _can(job, restaurant, ids)


@asked
def update(job: Job) -> Json:
    """Its orders as they are to be now: new ones are placed, others corrected, what it names no longer cancelled."""
    with transaction.atomic():
        known = {order.external_id: order for order in _of_job(job)}
        restaurant = _restaurant(job) or next((order.restaurant for order in known.values()), None)
        if restaurant is None:
            return answers.can_not(job, _all(job, Reason.OUTSIDE, "This job is not known here."))
        ids = {}
        for door in job.delivery_locations:
            order = known.pop(job.external_id(door), None)
            if order is None:
                order = _placed(job, door, restaurant)
            elif order.status not in FINAL:
                _amend(job, door, order)
            ids[door.order_id] = str(order.pk)
        for order in known.values():
            if order.status not in FINAL:
                actions.cancel(order.pk, actor=DELIVERECT, reason="Deliverect took it out of the job.")
    return _can(job, restaurant, ids)


@asked
def cancel(job: Job) -> Json:
    """The orders that it names, or all of the job; what is over already stays so. Until the food is picked up."""
    named = {job.external_id(door) for door in job.delivery_locations}
    with transaction.atomic():
        for order in _of_job(job):
            if order.status not in FINAL and (not named or order.external_id in named):
                actions.cancel(order.pk, actor=DELIVERECT, reason="Deliverect cancelled it.")
    return answers.CANCELLED


# ------------------------------------------------------------------------------------------------- in between


def _restaurant(job: Job) -> Restaurant | None:
    if job.pickup_location is None:
        return None
    found = PlatformRestaurant.objects.select_related("restaurant__city").filter(
        platform=PlatformRestaurant.Platform.DELIVERECT, external_id=job.pickup_location.location
    )
    return next((one.restaurant for one in found), None)


def _of_job(job: Job) -> list[Order]:
    since = timezone.now() - REMEMBERED
    orders = Order.objects.filter(created_at__gte=since, external_id__startswith=job.prefix)
    return list(orders.select_related("restaurant__city").order_by("pk"))


def _placed(job: Job, door: Door, restaurant: Restaurant) -> Order:
    """A new order, or the one that is there since they ask once more."""
    known = Order.objects.filter(external_id=job.external_id(door)).first()
    if known is not None:
        return known
    said = jobs.fields(job, door, timezone.now())
    said["customer_name"] = said["customer_name"] or "Customer"
    said["customer_address"] = said["customer_address"] or "No address was given"
    order = Order(restaurant=restaurant, external_id=job.external_id(door), **said)
    actions.place(order, actor=DELIVERECT, ask_roads=False)
    return order


def _amend(job: Job, door: Door, order: Order) -> None:
    for name, value in jobs.fields(job, door, timezone.now()).items():
        if value not in ("", None, []):  # what an update leaves out stays
            setattr(order, name, value)
    actions.change_order(order, actor=DELIVERECT, promise_reason="Deliverect changed the job.")


def _against(job: Job, restaurant: Restaurant) -> list[tuple[str, Reason, str]]:
    """Why not, for each order that it concerns."""
    now = timezone.now()
    moment = max(now, job.pickup_time or now)
    asap = moment - now <= jobs.LATER
    if asap and not Driver.objects.filter(city=restaurant.city_id, on_shift=True).exists():
        return _all(job, Reason.NO_DRIVERS, "No drivers are on shift at this time.")
    found = []
    orders = [
        (door, Order(restaurant=restaurant, **jobs.fields(job, door, now))) for door in job.delivery_locations
    ]
    available = Availability.of(order for _, order in orders)
    for door, order in orders:
        # Without coordinates it has to be judged all the same, and a dispatcher finds the door.
        if door.placed and order.misplaced is not None:
            found.append((door.order_id, Reason.OUTSIDE, SENTENCES[order.misplaced]))
        elif (obstacle := available.against(order, moment)) is not None:
            outside = obstacle.problem == Problem.CUSTOMER_OUTSIDE
            reason = Reason.OUTSIDE if outside else Reason.NO_DRIVERS
            found.append((door.order_id, reason, SENTENCES[obstacle.problem]))
    return found


def _all(job: Job, reason: Reason, why: str) -> list[tuple[str, Reason, str]]:
    return [(door.order_id, reason, why) for door in job.delivery_locations]


def _can(job: Job, restaurant: Restaurant, ids: dict[str, str]) -> Json:
    minutes = restaurant.city.promise_minutes if restaurant.city else 45
    return answers.can(job, ids, timezone.now(), timedelta(minutes=minutes))
