"""What years of orders make slow if anything does: pages of the admin, what planning reads, ETAs, the lesson."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from statistics import median

from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from delivery.devtools.bench.volume_page import Findings, Lesson, Reading, Round
from delivery.devtools.stack.progress import step
from delivery.devtools.stack.servers import MANAGE
from delivery.devtools.volume.fill import ORDERS_DAYS
from delivery.devtools.volume.plans import Scan, scans
from dispatch import tasks
from dispatch.admin.pages import ManyRows, NewestRows
from dispatch.clock import database_now
from dispatch.models import City, Driver, Lease, Order, Stop, plans_of
from dispatch.planning import replanning
from dispatch.planning.assignment import ASKED
from dispatch.planning.workload import Workload
from dispatch.statuses import OrderStatus
from routing.geo import from_lnglat

#: Each reading so many times; the first is not counted.
TIMES = 6
ROUNDS = 3
ROUND_TAKES_AT_MOST_S = 300.0
LARGE = ("orders", "stops", "order_events", "eta_predictions", "location_history")


def measured(orders: int, fixes: int) -> Findings:
    """Of a database that `fill` has filled; a worker must be running."""
    with step("pages and searches"):
        readings = [reading(what, read) for what, read in [*pages(), *planning()]]
    with step("the nightly lesson"):
        lesson = nightly_lesson()
    with step("ETAs"):
        rounds = [eta_round(share) for share in [0.1, 0.9] * ROUNDS][1 : ROUNDS + 1]
    return Findings(orders, fixes, readings, rounds, lesson)


def reading(what: str, read: Callable[[], object]) -> Reading:
    """How long it takes, and, once more, what PostgreSQL reads for it."""
    seconds = []
    for _ in range(TIMES):
        began = time.perf_counter()
        read()
        seconds.append(time.perf_counter() - began)
    with scans() as found:
        read()
    large = [scan for scan in found if scan.table.startswith(LARGE)]
    return Reading(what, median(seconds[1:]), sum(scan.rows for scan in large), sorted(set(_ways(large))))


def _ways(found: list[Scan]) -> Iterator[str]:
    """The indexes, those of the history's partitions as one."""
    for scan in found:
        for way in scan.indexes or (f"all of {scan.table}",):
            yield re.sub(r"_(\d{8}|default)", "_…", way)


# ---------------------------------------------------------------------------------------------- what is read


def pages() -> Iterator[tuple[str, Callable[[], object]]]:
    user, _ = get_user_model().objects.get_or_create(username="bench", is_superuser=True, is_staff=True)
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(user)

    def page(model: str, **query: str) -> Callable[[], object]:
        def read() -> None:
            response = client.get(reverse(f"admin:{model}_changelist"), query)
            assert response.status_code == 200, response.status_code  # noqa: S101

        return read

    some = Order.objects.filter(status=OrderStatus.DELIVERED).order_by("created_at")[1234]
    courier = Driver.objects.get(orders=some)
    city = City.objects.order_by("name")[3]
    today = str(timezone.now().replace(hour=0, minute=0, second=0, microsecond=0))
    yield "orders: the list", page("dispatch_order")
    last = min(NewestRows.most, Order.objects.count()) // ManyRows.list_per_page
    yield "orders: its last page", page("dispatch_order", p=str(last))
    yield "orders: of a status", page("dispatch_order", status__exact="pending")
    yield "orders: of a city", page("dispatch_order", restaurant__city__id__exact=str(city.pk))
    yield "orders: of today", page("dispatch_order", created_at__gte=today)
    for what, search in (
        ("a first name (every tenth order)", "anna"),
        ("a street (every hundredth)", "street42"),
        ("a whole name (a thousand orders' family)", f"anna family{100 * 77}"),
        ("a phone number", some.customer_phone),
        ("the end of a phone number", some.customer_phone[-5:]),
        ("an order's number", str(some.pk)[:8]),
        ("a driver", courier.name),
        ("a restaurant", some.kitchen.name),
        ("what no order has", "nobody"),
    ):
        yield f"orders: search for {what}", page("dispatch_order", q=search)
    yield "timeline: the list", page("dispatch_orderevent")
    yield "timeline: search for a phone number", page("dispatch_orderevent", q=some.customer_phone)
    yield "history: the list", page("tracking_locationhistory")
    yield "history: search for a driver", page("tracking_locationhistory", q=courier.name)
    yield "history: search for a driver's number", page("tracking_locationhistory", q=str(courier.pk))
    yield "history: of today", page("tracking_locationhistory", recorded_at__gte=today)


def planning() -> Iterator[tuple[str, Callable[[], object]]]:
    drivers = list(Driver.objects.order_by("phone")[:ASKED])
    yield "planning: stops of a proposal", lambda: Workload.of(drivers)
    yield "planning: who has several stops", lambda: list(replanning.with_several_stops())


# ------------------------------------------------------------------------------------------------ what is done


def eta_round(share: float) -> Round:
    """A round by the workers, after every driver has moved to that share of the road ahead."""
    crew = list(Stop.objects.filter(done_at=None).order_by().values_list("driver_id", flat=True).distinct())
    moved = []
    for pk, stops in plans_of(crew).items():
        line = stops[0].leg
        if line:
            at = from_lnglat(line[int(share * (len(line) - 1))])
            moved.append(Driver(pk=pk, current_lat=at.lat, current_lng=at.lng, last_seen_at=timezone.now()))
    Driver.objects.bulk_update(moved, ["current_lat", "current_lng", "last_seen_at"], batch_size=500)
    asked_at = database_now()
    tasks.refresh_etas.delay()
    done = Lease.objects.filter(job="refresh_etas", done_at__gte=asked_at)
    deadline = time.monotonic() + ROUND_TAKES_AT_MOST_S
    while not (lease := done.first()):
        assert time.monotonic() < deadline, "no worker has done the round"  # noqa: S101
        time.sleep(0.05)
    by_whom = Lease.objects.filter(job__startswith="refresh_etas:", done_at__gte=asked_at)
    workers = {holder.rpartition(" ")[0] for holder in by_whom.values_list("holder", flat=True)}
    orders = Order.objects.exclude(eta_minutes=None).count()
    assert lease.done_at is not None  # noqa: S101
    return Round(orders, len(crew), len(workers), (lease.done_at - lease.since) / timedelta(seconds=1))


def nightly_lesson() -> Lesson:
    """In a process of its own, as the worker's is: how much memory it has at most, all told."""
    began = time.perf_counter()
    process = subprocess.Popen([*MANAGE, "learn_etas"], stdout=sys.stderr)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, "the lesson failed"  # noqa: S101
    return Lesson(time.perf_counter() - began, usage.ru_maxrss / 1024, ORDERS_DAYS)
