"""The dispatcher's dashboard, and what it asks for over HTTP. What changes then arrives over the socket."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from uuid import UUID

import msgspec
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe
from msgspec import Struct

from dispatch import rest
from dispatch.access import may_dispatch
from dispatch.alerts import actions as alerts
from dispatch.dashboard import dashboard_page
from dispatch.errors import Conflict, DispatchError, InConflict, Invalid, NotFound, NotYours, WrongStatus
from dispatch.messages.notices import current_notices
from dispatch.models.conflicts import Outcome
from dispatch.orders import actions, conflicts, switches
from dispatch.orders.transitions import Actor
from dispatch.planning import assignment, handing_on, replanning, visiting_order
from dispatch.planning import succession as planning

logger = logging.getLogger(__name__)

HTTP_STATUS = {NotFound: 404, WrongStatus: 409, NotYours: 409, Conflict: 409, InConflict: 409, Invalid: 400}


@require_safe
@login_required
@cache_control(no_store=True)
def dashboard(request: HttpRequest) -> HttpResponse:
    if not may_dispatch(request.user):
        raise PermissionDenied
    page = dashboard_page(request)
    context = {
        "page": msgspec.to_builtins(page),
        "driver_statuses": page.statuses.drivers.items(),
        "notices": current_notices(timezone.now()),
    }
    return render(request, "dispatch.html", context)


def _question(answer: Callable[..., Struct]) -> Callable[..., HttpResponse]:
    """A dispatcher's question about an order or driver: JSON out, or {"code", "message"} with a 4xx."""

    @require_safe
    @cache_control(no_store=True)
    @wraps(answer)
    def view(request: HttpRequest, subject_id: UUID, **others: UUID) -> HttpResponse:
        if not may_dispatch(request.user):
            return _refusal(403, "forbidden", "Sign in as a dispatcher.")
        try:
            return json_answer(answer(subject_id, **others))
        except DispatchError as error:
            return _refusal(HTTP_STATUS[type(error)], error.code, error.message)

    return view


@_question
def proposals(order_id: UUID) -> rest.Proposals:
    """What it would mean for each driver to take the order, the best first, those who can't with the reason."""
    return rest.proposals(order_id, assignment.propose(order_id))


@_question
def remedies(order_id: UUID) -> rest.Remedies:
    """What makes a late order sooner, the best first."""
    return rest.remedies(assignment.remedies(order_id))


@_question
def saving(driver_id: UUID) -> rest.SavingAnswer:
    """What the planner's order of the driver's stops would save; null where that is the order in hand."""
    return rest.saving(replanning.saving(driver_id))


@_question
def succession(driver_id: UUID, to: UUID | None = None) -> rest.Succession:
    """Who could take over all that a driver has; with `to`, what it means that this driver takes it."""
    return rest.succession(planning.succession(driver_id, to))


def _request[Body: Struct](body_type: type[Body]) -> Callable[..., Callable[..., HttpResponse]]:
    """A dispatcher's request: a JSON body of this type in; 204, or {"code", "message"} with a 4xx, out."""

    def decorate(act: Callable[[UUID, Body, Actor], None]) -> Callable[..., HttpResponse]:
        @require_POST
        @wraps(act)
        def view(request: HttpRequest, subject_id: UUID) -> HttpResponse:
            if not may_dispatch(request.user):
                return _refusal(403, "forbidden", "Sign in as a dispatcher.")
            try:
                body = rest.decode(request.body, body_type)
                act(subject_id, body, actions.dispatcher(request.user.get_username()))
            except msgspec.MsgspecError as wrong:
                return _refusal(400, Invalid.code, f"{wrong}.")
            except DispatchError as error:
                return _refusal(HTTP_STATUS[type(error)], error.code, error.message)
            return HttpResponse(status=204)

        return view

    return decorate


def _refusal(status: int, code: str, message: str) -> HttpResponse:
    return json_answer(rest.Refusal(code, message), status)


def json_answer(answer: Struct, status: int = 200) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(answer), content_type="application/json", status=status)


@_request(rest.AssignmentRequest)
def assign(order_id: UUID, body: rest.AssignmentRequest, actor: Actor) -> None:
    actions.assign(order_id, body.driver, actor=actor)


@_request(rest.Nothing)
def serve_first(order_id: UUID, _: rest.Nothing, actor: Actor) -> None:
    visiting_order.serve_first(order_id)
    logger.info("order %s is served first, as %s wants it", order_id, actor.name)


@_request(rest.Nothing)
def unpin(order_id: UUID, _: rest.Nothing, actor: Actor) -> None:
    visiting_order.unpin(order_id)
    logger.info("order %s is no longer pinned, as %s wants it", order_id, actor.name)


@_request(rest.Nothing)
def unassign(order_id: UUID, _: rest.Nothing, actor: Actor) -> None:
    actions.unassign(order_id, actor=actor)


@_request(rest.VisitingOrder)
def rearrange(driver_id: UUID, body: rest.VisitingOrder, actor: Actor) -> None:
    visiting_order.rearrange(driver_id, body.stops)
    logger.info("the stops of driver %s are put in order by %s", driver_id, actor.name)


@_request(rest.HandingOn)
def hand_on(driver_id: UUID, body: rest.HandingOn, actor: Actor) -> None:
    handing_on.hand_on(driver_id, body.moves, end_shift=body.end_shift, actor=actor)
    logger.info("driver %s hands %d orders on, as %s wants it", driver_id, len(body.moves), actor.name)


@_request(rest.HandingBack)
def hand_back(driver_id: UUID, body: rest.HandingBack, actor: Actor) -> None:
    handing_on.hand_back(driver_id, body.stops, on_shift=body.on_shift, actor=actor)
    logger.info("driver %s has the orders back, as %s wants it", driver_id, actor.name)


@_request(rest.Cancelling)
def cancel(order_id: UUID, body: rest.Cancelling, actor: Actor) -> None:
    actions.cancel(order_id, actor=actor, reason=body.reason, dispose=body.dispose)


@_request(rest.Reason)
def undo_pickup(order_id: UUID, body: rest.Reason, actor: Actor) -> None:
    actions.undo_pickup(order_id, actor=actor, reason=body.reason)


@_request(rest.Seeing)
def see_alert(alert_id: UUID, body: rest.Seeing, actor: Actor) -> None:
    alerts.see(alert_id, actor.name if body.seen else "")
    logger.info("alert %s is %s by %s", alert_id, "seen" if body.seen else "not seen", actor.name)


@_request(rest.Pausing)
def pause(place_id: UUID, body: rest.Pausing, actor: Actor) -> None:
    switches.pause(place_id, until=None if body.until is None else _moment(body.until), reason=body.reason)
    logger.info("nobody is sent for food to %s for a while, as %s wants it", place_id, actor.name)


@_request(rest.Nothing)
def resume(place_id: UUID, _: rest.Nothing, actor: Actor) -> None:
    switches.resume(place_id)
    logger.info("the pause of %s is over, as %s wants it", place_id, actor.name)


@_request(rest.PromisingLater)
def promise_later(place_id: UUID, body: rest.PromisingLater, actor: Actor) -> None:
    switches.promise_later(place_id, body.minutes, until=_moment(body.until))
    logger.info("%s promises %d minutes more, as %s wants it", place_id, body.minutes, actor.name)


@_request(rest.Nothing)
def promise_as_usual(place_id: UUID, _: rest.Nothing, actor: Actor) -> None:
    switches.promise_as_usual(place_id)
    logger.info("%s promises as usual, as %s wants it", place_id, actor.name)


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


@_request(rest.Closing)
def close(order_id: UUID, body: rest.Closing, actor: Actor) -> None:
    actions.close_for_driver(order_id, body.status, actor=actor, reason=body.reason)


@_request(rest.Settling)
def settle(conflict_id: UUID, body: rest.Settling, actor: Actor) -> None:
    conflicts.settle(conflict_id, Outcome(body.outcome), actor=actor)
