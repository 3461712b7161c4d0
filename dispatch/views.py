"""The dispatcher's dashboard, and what it asks for over HTTP. What changes then arrives over the socket."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, Literal
from uuid import UUID

import msgspec
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe
from msgspec import Struct

from dispatch.access import may_dispatch
from dispatch.errors import Conflict, DispatchError, Invalid, NotFound, NotYours, WrongStatus
from dispatch.maps import map_config
from dispatch.models import City
from dispatch.orders import actions
from dispatch.orders.transitions import Actor
from dispatch.planning import assignment, replanning, visiting_order
from dispatch.problems import SENTENCES
from routing.planner import Proposal

logger = logging.getLogger(__name__)

HTTP_STATUS = {NotFound: 404, WrongStatus: 409, NotYours: 409, Conflict: 409, Invalid: 400}


@require_safe
@login_required
@cache_control(no_store=True)
def dashboard(request: HttpRequest) -> HttpResponse:
    if not may_dispatch(request.user):
        raise PermissionDenied
    page = {
        "socket": "/ws?role=dispatcher",
        "csrf": get_token(request),
        "timeZone": settings.TIME_ZONE,
        "staleAfterMs": settings.DRIVER_STALE_AFTER_S * 1000,
        "undoPickupMs": settings.UNDO_PICKUP_S * 1000,
        "cities": [
            {
                "id": str(city.pk),
                "name": city.name,
                "lat": city.lat,
                "lng": city.lng,
                "timeZone": city.time_zone,
            }
            for city in City.objects.all()
        ],
        "map": map_config(),
    }
    return render(request, "dispatch.html", {"page": page})


def _question(answer: Callable[[UUID], dict[str, Any]]) -> Callable[..., HttpResponse]:
    """A dispatcher's question about an order or driver: JSON out, or {"code", "message"} with a 4xx."""

    @require_safe
    @cache_control(no_store=True)
    @wraps(answer)
    def view(request: HttpRequest, subject_id: UUID) -> HttpResponse:
        if not may_dispatch(request.user):
            return _refusal(403, "forbidden", "Sign in as a dispatcher.")
        try:
            return JsonResponse(answer(subject_id))
        except DispatchError as error:
            return _refusal(HTTP_STATUS[type(error)], error.code, error.message)

    return view


@_question
def proposals(order_id: UUID) -> dict[str, Any]:
    """What it would mean for each driver to take the order, the best first, those who can't with the reason."""
    found = assignment.propose(order_id)
    ranked = [_proposal(proposal, order_id) for proposal in found.ranked]
    return {"approximate": found.approximate, "proposals": ranked}


@_question
def remedies(order_id: UUID) -> dict[str, Any]:
    """What makes a late order sooner, the best first; `moves`: the order that goes to the driver, or comes first."""
    found = assignment.remedies(order_id)
    return {
        "roadsAway": found.roads_away,
        "remedies": [
            {
                "kind": remedy.kind,
                "moves": remedy.moves,
                "driverId": remedy.vehicle,
                "savedMinutes": round(remedy.saved_s / 60, 1),
                "reliefMinutes": round(remedy.relief_s / 60, 1),
            }
            for remedy in found.ranked
        ],
    }


@_question
def saving(driver_id: UUID) -> dict[str, Any]:
    """What the planner's order of the driver's stops would save; null where that is the order in hand."""
    found = replanning.saving(driver_id)
    if found is None:
        return {"saving": None}
    minutes, km = round(found.seconds / 60, 1), round(found.metres / 1000, 1)
    return {"saving": {"stops": found.stops, "minutes": minutes, "km": km}}


def _proposal(proposal: Proposal, order_id: UUID) -> dict[str, Any]:
    """Minutes to one decimal; times in ms since the epoch."""
    if proposal.problem is not None:
        return {
            "driverId": proposal.vehicle,
            "problem": proposal.problem,
            "message": SENTENCES[proposal.problem],
        }
    delivered = proposal.tour.delivered(order_id) if proposal.tour else None
    return {
        "driverId": proposal.vehicle,
        "addedMinutes": round(proposal.added_s / 60, 1),
        "lateMinutes": round(proposal.late_s / 60, 1),
        "deliveredAt": None if delivered is None else round(delivered * 1000),
        "delays": [
            {"orderId": order, "minutes": round(seconds / 60, 1)}
            for order, seconds in proposal.delays_s.items()
        ],
    }


class AssignmentRequest(Struct):
    driver: UUID


class Nothing(Struct):
    pass


class VisitingOrder(Struct):
    stops: list[visiting_order.Wish]


class Reason(Struct):
    reason: str = ""


class Closing(Struct):
    status: Literal["delivered", "failed"]
    reason: str = ""


def _request[Body: Struct](body_type: type[Body]) -> Callable[..., Callable[..., HttpResponse]]:
    """A dispatcher's request: a JSON body of this type in; 204, or {"code", "message"} with a 4xx, out."""

    def decorate(act: Callable[[UUID, Body, Actor], None]) -> Callable[..., HttpResponse]:
        @require_POST
        @wraps(act)
        def view(request: HttpRequest, subject_id: UUID) -> HttpResponse:
            if not may_dispatch(request.user):
                return _refusal(403, "forbidden", "Sign in as a dispatcher.")
            try:
                body = msgspec.json.decode(request.body or b"{}", type=body_type)
                act(subject_id, body, actions.dispatcher(request.user.get_username()))
            except msgspec.MsgspecError as wrong:
                return _refusal(400, Invalid.code, f"{wrong}.")
            except DispatchError as error:
                return _refusal(HTTP_STATUS[type(error)], error.code, error.message)
            return HttpResponse(status=204)

        return view

    return decorate


def _refusal(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"code": code, "message": message}, status=status)


@_request(AssignmentRequest)
def assign(order_id: UUID, body: AssignmentRequest, actor: Actor) -> None:
    actions.assign(order_id, body.driver, actor=actor)


@_request(Nothing)
def serve_first(order_id: UUID, _: Nothing, actor: Actor) -> None:
    visiting_order.serve_first(order_id)
    logger.info("order %s is served first, as %s wants it", order_id, actor.name)


@_request(Nothing)
def unpin(order_id: UUID, _: Nothing, actor: Actor) -> None:
    visiting_order.unpin(order_id)
    logger.info("order %s is no longer pinned, as %s wants it", order_id, actor.name)


@_request(Nothing)
def unassign(order_id: UUID, _: Nothing, actor: Actor) -> None:
    actions.unassign(order_id, actor=actor)


@_request(VisitingOrder)
def rearrange(driver_id: UUID, body: VisitingOrder, actor: Actor) -> None:
    visiting_order.rearrange(driver_id, body.stops)
    logger.info("the stops of driver %s are put in order by %s", driver_id, actor.name)


@_request(Reason)
def cancel(order_id: UUID, body: Reason, actor: Actor) -> None:
    actions.cancel(order_id, actor=actor, reason=body.reason)


@_request(Reason)
def undo_pickup(order_id: UUID, body: Reason, actor: Actor) -> None:
    actions.undo_pickup(order_id, actor=actor, reason=body.reason)


@_request(Closing)
def close(order_id: UUID, body: Closing, actor: Actor) -> None:
    actions.close_for_driver(order_id, body.status, actor=actor, reason=body.reason)
