"""From rows to frames: what a customer, a driver and a dispatcher are shown of the same order. Pure.

Stops are a driver's open ones, in visiting order, with their orders and restaurants.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from itertools import dropwhile
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from dispatch.access import HIDES_M, link_ends_at, shows_driver
from dispatch.models import (
    Alert,
    AlertKind,
    City,
    Conflict,
    Driver,
    FailureReason,
    Order,
    OrderEvent,
    Restaurant,
    Stop,
    Vehicle,
    left_and_ahead,
    places,
)
from dispatch.models.failure_reasons import LeadsTo
from dispatch.statuses import ACTIVE, FINAL, DriverStatus, OrderStatus, StopKind
from routing.geo import Point, distance_m, from_lnglat
from routing.problems import CLOSED
from tracking.protocol.messages import (
    Against,
    AlertState,
    CityState,
    ConflictState,
    CustomerFrame,
    CustomerStatus,
    DriverHidden,
    DriverState,
    Eta,
    EtaUnknown,
    ExtraMinutes,
    Frame,
    GeofenceEvent,
    LineString,
    OrderState,
    Pause,
    Plan,
    PlanStop,
    Reason,
    Reasons,
    RestaurantState,
    Route,
    RouteHidden,
    encode,
)

_MESSAGES = {
    OrderStatus.PENDING: "We have your order and are looking for a driver.",
    OrderStatus.ASSIGNED: "A driver has your order.",
    OrderStatus.TO_RESTAURANT: "Your driver is on the way to the restaurant.",
    OrderStatus.DRIVER_AT_RESTAURANT: "Your driver is at the restaurant.",
    OrderStatus.PICKED_UP: "Your food is on its way.",
    OrderStatus.DRIVER_NEARBY: "Your driver is nearby!",
    OrderStatus.DELIVERED: "Delivered. Enjoy your meal!",
    OrderStatus.CANCELLED: "This order was cancelled.",
    OrderStatus.FAILED: "We could not hand over your order. The restaurant will contact you.",
}


_WAS_HERE = "Your driver was at your door."


def milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


# -------------------------------------------------------------------------------------------- the customer


@dataclass(frozen=True)
class CustomerView:
    """All that a customer may know now. `driver_id`: whose live position may be shown, if anybody's. `taken_back`:
    for who was told an ETA or a road, and may know none any longer. `hidden_near`: other customers' doors, from which
    the driver is to be well away before the position is shown.
    """

    v: int
    driver_id: str | None
    driver_city_id: UUID | None
    frames: tuple[CustomerFrame, ...]
    taken_back: tuple[CustomerFrame, ...]
    #: When the link ends (ms), of an order that is over.
    ends_at: int | None
    hidden_near: tuple[Point, ...] = ()


def customer_view(
    order: Order, stops: Sequence[Stop], doors: Iterable[tuple[UUID, Point]] = ()
) -> CustomerView:
    """`stops`: the driver's, as far as they are open; `doors`: of which orders, and where, the driver was lately."""
    others_doors = tuple({door: None for order_id, door in doors if order_id != order.pk})
    # A driver who has left this door is on the way to somebody else's.
    left, ahead = left_and_ahead(stops)
    visits = places(ahead)
    mine = [any(stop.order_id == order.pk for stop in place) for place in visits]
    last_of_mine = max((n for n, is_mine in enumerate(mine) if is_mine), default=-1)
    shown = shows_driver(order, ahead)
    frames: list[CustomerFrame] = []
    taken_back: list[CustomerFrame] = []
    was_here = any(stop.order_id == order.pk for stop in left)
    if (eta := _eta(order, was_here=was_here)) is not None:
        others = mine[:last_of_mine].count(False) if last_of_mine > 0 else 0
        frames.append(replace(eta, stops_before=others))
    else:
        taken_back += _no_eta(order)
    geometry = None
    if shown:
        # As far as the way is this customer's own: what comes behind somebody else's door is not shown.
        first_of_others = mine.index(False) if False in mine else len(mine)
        own = [stop for place in visits[: min(first_of_others, last_of_mine + 1)] for stop in place]
        geometry = _well_away(geometry_through(own), others_doors)
    if geometry is not None:
        frames.append(Route(geometry=geometry, v=order.version))
    else:
        taken_back.append(RouteHidden(v=order.version))
    if not shown:
        frames.append(DriverHidden(v=order.version))
    message = _WAS_HERE if was_here else _message(order)
    frames.append(CustomerStatus(status=OrderStatus(order.status), message=message, v=order.version))
    driver = order.driver if shown else None
    return CustomerView(
        v=order.version,
        driver_id=str(driver.pk) if driver else None,
        driver_city_id=driver.city_id if driver else None,
        frames=tuple(frames),
        taken_back=tuple(taken_back),
        ends_at=milliseconds(link_ends_at(order)),
        hidden_near=others_doors if shown else (),
    )


def _well_away(road: LineString | None, doors: Sequence[Point]) -> LineString | None:
    """The same from where it is well away from these doors; None where it never is."""
    if road is None or not doors:
        return road
    ahead = dropwhile(lambda at: is_near(from_lnglat(at), doors), road["coordinates"])
    coordinates = list(ahead)
    return {"type": "LineString", "coordinates": coordinates} if len(coordinates) > 1 else None


def is_near(place: Point, doors: Iterable[Point]) -> bool:
    """Whether a driver there may not be shown yet to who did not open one of these doors."""
    return any(distance_m(place, door) <= HIDES_M for door in doors)


def _message(order: Order) -> str:
    if order.status == OrderStatus.SCHEDULED and order.wanted_at is not None:
        return f"Your order is planned for {order.locale.day_and_time(order.wanted_at)}."
    if order.status == OrderStatus.PENDING and order.problem in CLOSED:
        return f"We have your order. A driver is looked for {_once_open(order)}."
    return _MESSAGES[OrderStatus(order.status)]


def _once_open(order: Order) -> str:
    if order.problem_until is None:
        return "as soon as deliveries go on"
    return f"on {order.locale.day_and_time(order.problem_until)}"


def _eta(order: Order, *, was_here: bool) -> Eta | None:
    """None where nobody can say."""
    if order.status == OrderStatus.DELIVERED or was_here:
        return Eta(minutes=0, v=order.version)
    if order.status not in ACTIVE or order.eta_minutes is None:
        return None
    return Eta(
        minutes=order.eta_minutes,
        v=order.version,
        low=order.eta_low,
        high=order.eta_high,
        approximate=order.eta_approximate,
    )


def _no_eta(order: Order) -> list[CustomerFrame]:
    """For who was told one. Of an order that ended otherwise a page that understands nothing but minutes would have
    its customer wait on: to such a page 0 says at least that this is over.
    """
    over: list[CustomerFrame] = [Eta(minutes=0, v=order.version)] if order.status in FINAL else []
    return [*over, EtaUnknown(v=order.version)]


def geometry_through(stops: Iterable[Stop]) -> LineString | None:
    """The road through these stops as a GeoJSON LineString, or None where it is not known."""
    coordinates: list[list[float]] = []
    for stop in stops:
        coordinates += [at for at in stop.leg or [] if not coordinates or at != coordinates[-1]]
    return {"type": "LineString", "coordinates": coordinates} if len(coordinates) > 1 else None


def subject(frame: CustomerFrame) -> str:
    """What it is about: one frame of a subject takes the place of another."""
    return _SUBJECTS.get(type(frame), type(frame)).__name__


_SUBJECTS: dict[type[Frame], type[Frame]] = {EtaUnknown: Eta, RouteHidden: Route}


def without_version(*told: Frame) -> str:
    """Names what frames say, whatever their version: a client is not told the same twice."""
    text = "".join(encode(replace(frame, v=0)) for frame in told)
    return blake2b(text.encode(), digest_size=8).hexdigest()


# ---------------------------------------------------------------------------------------------- the driver


def plan(driver: Driver, stops: Sequence[Stop], *, for_driver: bool = False) -> Plan:
    """`for_driver`: with what is needed at each stop."""
    make = _drivers_stop if for_driver else _plan_stop
    return Plan(
        driver_id=driver.pk,
        v=driver.version,
        status=DriverStatus(driver.status),
        on_shift=driver.on_shift,
        stops=[make(stop) for stop in stops],
        geometry=geometry_through(left_and_ahead(stops)[1]),
        break_until=milliseconds(driver.break_until),
    )


def reasons(listed: Iterable[FailureReason]) -> Reasons:
    return Reasons([Reason(one.code, one.name, LeadsTo(one.leads_to)) for one in listed])


def _plan_stop(stop: Stop) -> PlanStop:
    order, point = stop.order, stop.point
    name, address = _name_and_address(stop)
    return PlanStop(
        stop_id=stop.pk,
        order_id=order.pk,
        kind=StopKind(stop.kind),
        lat=None if point is None else point.lat,
        lng=None if point is None else point.lng,
        name=name,
        address=address,
        order_status=OrderStatus(order.status),
        pinned=stop.pinned,
        eta=milliseconds(stop.eta),
        arrived_at=milliseconds(stop.arrived_at),
        left_at=milliseconds(stop.left_at),
        ready_at=milliseconds(order.ready_at) if stop.kind == StopKind.PICKUP else None,
        seen_at=milliseconds(stop.seen_at),
    )


def _name_and_address(stop: Stop) -> tuple[str, str]:
    if stop.meets is not None:
        return stop.meets.name, ""
    if stop.kind == StopKind.DROPOFF:
        return stop.order.customer_name, stop.order.customer_address
    return stop.order.kitchen.name, stop.order.kitchen.address


def _drivers_stop(stop: Stop) -> PlanStop:
    order = stop.order
    needed: dict[str, Any] = {
        "number": order.number,
        "bags": order.bags,
        "items": order.items,
        "needs": order.needs,
    }
    if stop.meets is not None:
        needed |= {"phone": stop.meets.phone}
    if stop.kind == StopKind.DROPOFF:
        needed |= {
            "phone": order.customer_phone,
            "note": order.driver_note,
            "door_note": order.door_note,
            "tip": order.tip,
            "cash_due": order.cash_due,
            "age_check": order.age_check,
        }
    return replace(_plan_stop(stop), **needed)


# ------------------------------------------------------------------------------------------ the dispatcher


def driver_state(driver: Driver) -> DriverState:
    return DriverState(
        driver_id=driver.pk,
        v=driver.version,
        name=driver.name,
        phone=driver.phone,
        city_id=driver.city_id,
        status=DriverStatus(driver.status),
        on_shift=driver.on_shift,
        vehicle=Vehicle(driver.vehicle),
        skills=driver.skills,
        break_until=milliseconds(driver.break_until),
    )


def order_state(order: Order, now: datetime, left: Iterable[Stop] = ()) -> OrderState:
    """`left`: the order's stops that the driver left without a button."""
    left_at = {stop.kind: stop for stop in left}
    pickup, dropoff = left_at.get(StopKind.PICKUP), left_at.get(StopKind.DROPOFF)
    trouble = order.trouble
    return OrderState(
        order_id=order.pk,
        v=order.version,
        status=OrderStatus(order.status),
        city_id=order.city_id,
        restaurant_id=order.restaurant_id,
        customer_name=order.customer_name,
        customer_address=order.customer_address,
        customer_phone=order.customer_phone,
        lat=order.customer_lat,
        lng=order.customer_lng,
        created_at=milliseconds(order.waits_since) or 0,
        promised_at=milliseconds(order.promise) or 0,
        driver_id=order.driver_id,
        eta_minutes=order.eta_minutes,
        eta_low=order.eta_low,
        eta_high=order.eta_high,
        problem=trouble,
        problem_text=order.trouble_words(now) or None,
        ready_at=milliseconds(order.ready_at),
        auto_pickup_at=milliseconds(pickup.done_at) if pickup and pickup.is_undoable_at(now) else None,
        left_dropoff_at=milliseconds(dropoff.left_at) if dropoff else None,
        wanted_at=milliseconds(order.wanted_at),
        number=order.number,
        bags=order.bags,
        items=order.items,
        needs=order.needs,
        kitchen_note=order.kitchen_note,
        driver_note=order.driver_note,
        door_note=order.door_note,
        cash_due=order.cash_due,
        age_check=order.age_check,
    )


def restaurant_state(restaurant: Restaurant, now: datetime) -> RestaurantState:
    return RestaurantState(
        restaurant_id=restaurant.pk,
        name=restaurant.name,
        address=restaurant.address,
        lat=restaurant.lat,
        lng=restaurant.lng,
        geofence_radius=restaurant.geofence_radius,
        city_id=restaurant.city_id,
        pause=_pause(restaurant, now),
        extra=_extra(restaurant, now),
    )


def alert_state(alert: Alert) -> AlertState:
    return AlertState(
        alert_id=alert.pk,
        v=alert.version,
        kind=AlertKind(alert.kind),
        city_id=alert.city_id,
        since=milliseconds(alert.since) or 0,
        driver_id=alert.driver_id,
        order_id=alert.order_id,
        due_at=milliseconds(alert.due_at),
        seen_by=alert.seen_by,
        ended=alert.ended_at is not None,
    )


def city_state(city: City, now: datetime) -> CityState:
    return CityState(city.pk, _pause(city, now), _extra(city, now))


def _pause(place: City | Restaurant, now: datetime) -> Pause | None:
    since, until = place.paused_since, place.paused_until
    if since is None or (until is not None and until <= now):
        return None
    return Pause(milliseconds(since) or 0, milliseconds(until), place.pause_reason)


def _extra(place: City | Restaurant, now: datetime) -> ExtraMinutes | None:
    until = place.extra_until
    if not place.extra_minutes or until is None or until <= now:
        return None
    return ExtraMinutes(place.extra_minutes, milliseconds(place.extra_since) or 0, milliseconds(until) or 0)


def geofence_event(event: OrderEvent) -> GeofenceEvent:
    return GeofenceEvent(
        order_id=event.order_id,
        driver_id=event.driver_id,
        status=OrderStatus(event.to_status),
        at=milliseconds(event.happened_at) or 0,
        evidence=event.evidence,
    )


def conflict_state(conflict: Conflict) -> ConflictState:
    order, event = conflict.order, conflict.against
    other = event.driver if event.driver != conflict.driver else None
    return ConflictState(
        conflict_id=conflict.pk,
        v=conflict.version,
        order_id=order.pk,
        city_id=order.city_id,
        restaurant_id=order.restaurant_id,
        customer_name=order.customer_name,
        customer_address=order.customer_address,
        number=order.number,
        driver_id=conflict.driver_id,
        driver_name=conflict.driver.name,
        says=OrderStatus(conflict.says),
        pressed_at=milliseconds(conflict.pressed_at) or 0,
        told_at=milliseconds(conflict.told_at) or 0,
        against=Against(
            OrderStatus(event.to_status),
            milliseconds(event.happened_at) or 0,
            event.actor_name or event.get_actor_display(),
            event.reason,
            other.name if other else "",
        ),
        settled=conflict.outcome is not None,
    )
