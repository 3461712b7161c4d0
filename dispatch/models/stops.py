"""The stops of a driver, and what a sequence of them tells."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import UUID4

from dispatch.models.columns import one_of
from dispatch.models.drivers import Driver
from dispatch.models.orders import Order
from dispatch.statuses import FETCHES, StopKind
from routing.geo import Point


class StopQuerySet(models.QuerySet["Stop"]):
    def plans_of(self, driver_ids: Collection[UUID]) -> Self:
        """The stops these drivers still have to visit, in visiting order, with their orders and restaurants."""
        return self.filter(driver_id__in=driver_ids, done_at=None).select_related(
            "order__restaurant", "meets"
        )


class Stop(models.Model):
    """A place that a driver still has to visit for an order, or has visited. A plan is a driver's open stops."""

    id = models.UUIDField(primary_key=True, db_default=UUID4(), editable=False)
    # Without an index of its own: `stops_of_driver` begins with it.
    driver = models.ForeignKey(Driver, on_delete=models.PROTECT, related_name="stops", db_index=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="stops", db_index=False)
    kind = models.TextField(choices=StopKind)
    meets = models.ForeignKey(
        Driver,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        db_index=False,
        help_text="Who has the food that is taken over here.",
    )
    position = models.IntegerField(help_text="Rank in the driver's visiting order; gaps are fine.")
    pinned = models.BooleanField(
        default=False,
        db_default=False,
        help_text="A dispatcher wants it at this place in the visiting order.",
    )
    eta = models.DateTimeField("predicted arrival", null=True)
    leg = models.JSONField(
        null=True, help_text="Road to this stop from the one before: a GeoJSON LineString's coordinates."
    )
    arrived_at = models.DateTimeField(null=True)
    routed_s = models.FloatField(
        null=True,
        help_text="What the roads say of the drive here from the stop before (dispatch/etas/learning.py).",
    )
    #: When the driver left without pressing a button; empty again once the driver is back.
    left_at = models.DateTimeField(null=True)
    #: When the driver said to have seen it.
    seen_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    objects = StopQuerySet.as_manager()

    class Meta:
        db_table = "stops"
        ordering = ["position", "id"]
        constraints = [
            one_of("stops_kind_known", "kind", StopKind),
            models.UniqueConstraint(fields=["order", "kind"], name="stops_one_of_a_kind_per_order"),
            models.CheckConstraint(
                name="stops_transfer_meets_somebody",
                condition=Q(kind=StopKind.TRANSFER, meets__isnull=False)
                | (~Q(kind=StopKind.TRANSFER) & Q(meets__isnull=True)),
            ),
            models.CheckConstraint(
                name="stops_left_after_arrival",
                condition=Q(left_at__isnull=True) | Q(arrived_at__isnull=False, left_at__gte=F("arrived_at")),
            ),
        ]
        indexes = [
            models.Index(
                name="stops_open_plan", fields=["driver", "position"], condition=Q(done_at__isnull=True)
            ),
            # What a driver did lately, however long the others are done: stops are kept for good.
            models.Index(name="stops_of_driver", fields=["driver", "done_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.order_id}"

    @property
    def point(self) -> Point | None:
        """Where it is (degrees); None for a customer without coordinates. Another driver is met where that driver was
        last known to be, which is None before the first fix.
        """
        if self.meets is not None:
            return self.meets.point
        return self.order.customer_point if self.kind == StopKind.DROPOFF else self.order.kitchen.point

    def is_undoable_at(self, now: datetime) -> bool:
        """A pickup that a geofence took for granted, so lately that a dispatcher can still take it back."""
        if self.kind != StopKind.PICKUP or self.left_at is None or self.done_at is None:
            return False
        return now - self.done_at <= timedelta(seconds=settings.UNDO_PICKUP_S)


def left_and_ahead(stops: Iterable[Stop]) -> tuple[list[Stop], list[Stop]]:
    """Open stops in two: doors that the driver was at and left without saying how it went, and the way ahead."""
    left: list[Stop] = []
    ahead: list[Stop] = []
    for stop in stops:
        (ahead if stop.left_at is None else left).append(stop)
    return left, ahead


def to_fetch(stops: Iterable[Stop]) -> set[UUID]:
    """The orders whose food is yet to be had at one of these stops."""
    return {stop.order_id for stop in stops if stop.kind in FETCHES}


def visitable(stops: Iterable[Stop]) -> list[Stop]:
    """Of a driver's open stops those that a fix can tell of, in whatever order the driver does them: no door whose
    food is not on board yet, and no other driver, who may be anywhere by then.
    """
    stops = list(stops)
    not_on_board = to_fetch(stops)
    return [
        stop
        for stop in stops
        if stop.kind != StopKind.TRANSFER
        and not (stop.kind == StopKind.DROPOFF and stop.order_id in not_on_board)
    ]


def number(left: Sequence[Stop], stops: Sequence[Stop]) -> None:
    """Gives the stops that lie ahead their ranks, after the doors that were left."""
    first = 1 + max((stop.position for stop in left), default=0)
    for position, stop in enumerate(stops, start=first):
        stop.position = position


def plans_of(driver_ids: Collection[UUID], *, roads: bool = True) -> dict[UUID, list[Stop]]:
    """The open stops of each of these drivers, in visiting order, with their orders and restaurants, and with the
    roads to them unless those are not needed.
    """
    found: dict[UUID, list[Stop]] = {driver_id: [] for driver_id in driver_ids}
    if not found:
        return found
    stops = Stop.objects.plans_of(driver_ids)
    for stop in stops if roads else stops.defer("leg"):
        found[stop.driver_id].append(stop)
    return found


def places(stops: Sequence[Stop]) -> list[list[Stop]]:
    """Stops one after the other at the same place: one visit each."""
    return [list(place) for _, place in groupby(stops, key=lambda stop: (stop.kind, stop.point))]


def next_stops(stops: Sequence[Stop]) -> list[Stop]:
    """The stops of the place that the driver visits next."""
    return next(iter(places(stops)), [])
