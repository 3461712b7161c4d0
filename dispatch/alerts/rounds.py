"""The round that opens and ends alerts: reads what there is to know of orders and drivers, a few queries for all of
them, has the rules judge, and stores the difference.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import Max, OuterRef, Subquery

from dispatch.alerts import rules
from dispatch.alerts.motion import Line, Motion, Sight, follow
from dispatch.alerts.rules import Busy, Found, Limits, StopAhead, Subject, Unassigned
from dispatch.clock import database_now
from dispatch.errors import contained
from dispatch.models import (
    Alert,
    AlertKind,
    City,
    Driver,
    Order,
    OrderEvent,
    Stop,
    Whereabouts,
    left_and_ahead,
    planned_ends,
)
from dispatch.models.cities import MOST_ALERT_MINUTES
from dispatch.signals import announced
from dispatch.statuses import OrderStatus, StopKind
from routing.geo import Point, distance_m

#: Beside an order's own fence, who is so near (metres) a stop stands there and not on the way.
AT_STOP_M = 100.0

_MOTION = ("lat", "lng", "stood_since", "off_since", "off_m")
_ROAD = ("stop_id", "leg")


def run() -> None:
    """One round; only one at a time (dispatch/tasks.py)."""
    now = database_now()
    limits = _limits()
    usual = limits[None]
    found: list[Found] = []
    for order in _unassigned():
        found += rules.of_order(order, limits.get(order.city_id, usual), now)
    open_alerts = {_subject(alert): alert for alert in Alert.objects.filter(ended_at=None)}
    are_open: defaultdict[UUID | None, set[AlertKind]] = defaultdict(set)
    for subject in open_alerts:
        are_open[subject.driver_id].add(subject.kind)
    for driver in _busy(now):
        kinds = frozenset(are_open[driver.driver_id])
        found += rules.of_driver(driver, limits.get(driver.city_id, usual), now, kinds)
    _store(open_alerts, {one.subject: one for one in found}, now)


def forget(days: int) -> int:
    """Alerts that ended so long ago are deleted; returns how many."""
    deleted, _ = Alert.objects.filter(ended_at__lt=database_now() - timedelta(days=days)).delete()
    return deleted


# ----------------------------------------------------------------------------------------------- what is known


def _limits() -> Mapping[UUID | None, Limits]:
    """By city; what has none goes by what a new city begins with."""
    cities: dict[UUID | None, City] = {None: City()}
    cities |= {city.pk: city for city in City.objects.all()}
    return {
        pk: {kind: timedelta(minutes=getattr(city, f"{kind}_alert_minutes")) for kind in AlertKind}
        for pk, city in cities.items()
    }


def _unassigned() -> list[Unassigned]:
    became = OrderEvent.objects.filter(order=OuterRef("pk"), to_status=OrderStatus.PENDING).order_by("-id")
    waiting = Order.objects.filter(status=OrderStatus.PENDING).annotate(
        pending_since=Subquery(became.values("created_at")[:1])
    )
    rows = waiting.values_list("pk", "restaurant__city_id", "pending_since", "created_at", "ready_at")
    return [
        Unassigned(pk, city_id, pending_since or created_at, ready_at)
        for pk, city_id, pending_since, created_at, ready_at in rows
    ]


def _busy(now: datetime) -> list[Busy]:
    unmade = Stop.objects.filter(done_at=None)
    drivers = Driver.objects.filter(pk__in=unmade.values("driver")).in_bulk()
    near: defaultdict[UUID, list[Stop]] = defaultdict(list)
    # With everything but the roads, which are the most of it by far.
    for stop in unmade.select_related("order__restaurant", "meets").defer("leg"):
        near[stop.driver_id].append(stop)
    ahead = {pk: coming for pk in drivers if (coming := left_and_ahead(near[pk])[1])}
    drivers = {pk: drivers[pk] for pk in ahead}
    ends = planned_ends(drivers.values(), now)
    waits = _waits_since({pk: ahead[pk][0] for pk in drivers}, now)
    motions = _followed({pk: (driver, ahead[pk], near[pk]) for pk, driver in drivers.items()})
    return [
        Busy(
            driver.pk,
            driver.city_id,
            driver.on_shift,
            [_stop_ahead(stop) for stop in ahead[driver.pk]],
            driver.last_seen_at,
            driver.fix_at,
            motions.get(driver.pk),
            waits.get(driver.pk),
            _due_out_at(ahead[driver.pk][0], now),
            ends.get(driver.pk),
        )
        for driver in drivers.values()
    ]


def _stop_ahead(stop: Stop) -> StopAhead:
    return StopAhead(
        stop.order_id,
        StopKind(stop.kind),
        OrderStatus(stop.order.status),
        stop.eta,
        stop.arrived_at,
    )


def _waits_since(first: Mapping[UUID, Stop], now: datetime) -> dict[UUID, datetime]:
    """By driver, since when one who has not set out for the first stop could have: the order was assigned, and what
    was before it is done.
    """
    waiting = {pk: stop for pk, stop in first.items() if stop.order.status == OrderStatus.ASSIGNED}
    orders = [stop.order_id for stop in waiting.values()]
    events = OrderEvent.objects.filter(order__in=orders, to_status=OrderStatus.ASSIGNED).order_by()
    assigned = dict(events.values("order").annotate(at=Max("created_at")).values_list("order", "at"))
    # No longer ago than any alert takes: a driver's stops of all days are kept.
    lately = now - timedelta(minutes=MOST_ALERT_MINUTES)
    done = Stop.objects.filter(driver__in=list(waiting), done_at__gte=lately).order_by()
    free = dict(done.values("driver").annotate(at=Max("done_at")).values_list("driver", "at"))
    since = {pk: assigned.get(stop.order_id, stop.order.created_at) for pk, stop in waiting.items()}
    return {pk: max(at, free.get(pk, at)) for pk, at in since.items()}


def _due_out_at(stop: Stop, now: datetime) -> datetime | None:
    """When it is time to set out, so as to be there when the food is ready; None where nobody can say."""
    if stop.eta is None or stop.order.ready_at is None:
        return None
    return stop.order.ready_at - max(timedelta(0), stop.eta - now)


def _followed(busy: Mapping[UUID, tuple[Driver, Sequence[Stop], Sequence[Stop]]]) -> dict[UUID, Motion]:
    """How these drivers get on by their last fixes, each with the stops ahead and all that are open; stored for the
    next round. Nothing is remembered of others.
    """
    rows = {row.driver_id: row for row in Whereabouts.objects.all()}
    before = {pk: _motion(row) for pk, row in rows.items()}
    asked = {
        ahead[0].pk
        for pk, (_, ahead, _) in busy.items()
        if pk not in before or before[pk].needs_leg(ahead[0].pk)
    }
    legs = dict(Stop.objects.filter(pk__in=asked).values_list("pk", "leg"))
    followed = {}
    for pk, (driver, ahead, stops) in busy.items():
        with contained(f"how driver {pk} gets on is not known until the next round"):
            sight = _sight(driver, ahead[0], stops, legs.get(ahead[0].pk))
            if sight is not None:
                followed[pk] = follow(before.get(pk), sight)
    _remember(before, followed)
    Whereabouts.objects.filter(driver__in=rows.keys() - followed.keys()).delete()
    return followed


def _sight(driver: Driver, first: Stop, stops: Iterable[Stop], leg: Line | None) -> Sight | None:
    """None before the first fix. `stops`: all that are open, the first of those ahead among them."""
    if driver.point is None or driver.fix_at is None:
        return None
    return Sight(
        driver.point,
        driver.fix_at,
        first.order.status != OrderStatus.ASSIGNED and not _is_at_one_of(stops, driver.point),
        first.pk,
        # Another driver may be anywhere, and the road there leads to where that was once.
        first.point if first.kind != StopKind.TRANSFER else None,
        leg,
    )


def _is_at_one_of(stops: Iterable[Stop], here: Point) -> bool:
    return any(
        (stop.arrived_at is not None and stop.left_at is None)
        or ((point := stop.point) is not None and distance_m(point, here) <= _radius_m(stop))
        for stop in stops
    )


def _radius_m(stop: Stop) -> float:
    fence_m: float = (
        settings.CUSTOMER_GEOFENCE_M if stop.kind == StopKind.DROPOFF else stop.order.kitchen.geofence_radius
    )
    return max(AT_STOP_M, fence_m)


def _motion(row: Whereabouts) -> Motion:
    return Motion(Point(row.lat, row.lng), row.stood_since, row.stop_id, row.leg, row.off_since, row.off_m)


def _remember(before: Mapping[UUID, Motion], now: Mapping[UUID, Motion]) -> None:
    """Roads are written only where they are others: they are long."""
    moved, turned = [], []
    for pk, motion in now.items():
        known = before.get(pk)
        if known is None or known.stop_id != motion.stop_id or known.leg != motion.leg:
            turned.append(_row(pk, motion, leg=motion.leg))
        elif known != motion:
            moved.append(_row(pk, motion))
    _upsert(turned, (*_MOTION, *_ROAD))
    _upsert(moved, _MOTION)


def _row(driver_id: UUID, motion: Motion, **road: Any) -> Whereabouts:
    return Whereabouts(
        driver_id=driver_id,
        lat=motion.place.lat,
        lng=motion.place.lng,
        stood_since=motion.stood_since,
        stop_id=motion.stop_id,
        off_since=motion.off_since,
        off_m=motion.off_m,
        **road,
    )


def _upsert(rows: Sequence[Whereabouts], fields: Collection[str]) -> None:
    Whereabouts.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["driver"], update_fields=fields, batch_size=500
    )


# ------------------------------------------------------------------------------------------------- what is stored


def _subject(alert: Alert) -> Subject:
    """Beside a driver the order is not what it is of."""
    return Subject(AlertKind(alert.kind), alert.driver_id, None if alert.driver_id else alert.order_id)


def _store(open_alerts: Mapping[Subject, Alert], found: Mapping[Subject, Found], now: datetime) -> None:
    """What is open and was found no more ends; what was not open fires, once; what goes on says what it concerns."""
    over = [alert.pk for subject, alert in open_alerts.items() if subject not in found]
    fired = [_alert(one, now) for subject, one in found.items() if subject not in open_alerts]
    changed = []
    for subject, alert in open_alerts.items():
        if (goes_on := found.get(subject)) is None:
            continue
        concerns = (goes_on.reason.order_id, goes_on.reason.due_at)
        if concerns != (alert.order_id, alert.due_at):
            alert.order_id, alert.due_at = concerns
            changed.append(alert)
    if not (over or fired or changed):
        return
    with announced() as changes:
        Alert.objects.filter(pk__in=over).update(ended_at=now)
        # A round that came too late for its lease may find the work done.
        Alert.objects.bulk_create(fired, ignore_conflicts=True)
        Alert.objects.bulk_update(changed, ["order", "due_at"])
        changes.alerts.update(over, (alert.pk for alert in (*fired, *changed)))


def _alert(found: Found, now: datetime) -> Alert:
    return Alert(
        id=uuid4(),
        kind=found.subject.kind,
        city_id=found.city_id,
        driver_id=found.subject.driver_id,
        order_id=found.reason.order_id,
        since=found.reason.since,
        due_at=found.reason.due_at,
        fired_at=now,
    )
