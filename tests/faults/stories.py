"""A story: one driver, one order, and all that can happen to them at the same time. Scripts and their judge, pure.

A script follows from its number and the seed alone; only how its threads interleave is the machine's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from dispatch.statuses import (
    ACTIVE,
    ARRIVAL_UNDONE,
    BEFORE_PICKUP,
    DELIVERED_AFTER_ALL,
    IN_THE_BAG,
    TRANSITIONS,
    OrderStatus,
    StopKind,
)
from routing.geo import Point, destination
from tests.faults.crowd import RestaurantSpec

FIXES = 8
#: Between two fixes, by the device's clock (seconds): the whole drive was buffered, and comes in one burst.
APART_S = 10
INSIDE_M = 10.0
DOOR = destination(Point(39.7495, -104.9865), 90, 2500)
KITCHEN = RestaurantSpec(at=Point(39.7495, -104.9865), door=DOOR, radius_m=60)
OUTSIDE_M = (350.0, 640.0, 930.0)


@dataclass(frozen=True)
class Script:
    """Times are seconds after the driver's first fix was sent."""

    number: int
    #: What the order is when the story begins: assigned (towards the restaurant) or picked_up (towards the door).
    begins: OrderStatus
    #: The fixes inside; afterwards the driver leaves, if there are any left.
    first_inside: int
    last_inside: int
    #: Before each fix.
    pauses: tuple[float, ...]
    #: (when, call): "cancel", "unassign", "other" (to another driver), "mine" (to this driver).
    office: tuple[tuple[float, str], ...]
    buttons: tuple[tuple[float, str], ...]
    #: When the second socket opens, in the other process; None: never.
    moves_at: float | None
    #: Whether the second socket sends all fixes again, or from where the server says.
    replays: bool

    @property
    def leaves(self) -> bool:
        return self.last_inside < FIXES - 1

    @property
    def place(self) -> Point:
        return KITCHEN.at if self.begins == OrderStatus.ASSIGNED else KITCHEN.door

    def fixes(self, last_ts: int) -> list[dict[str, Any]]:
        """The drive, its last fix at `last_ts` (ms)."""
        return [
            fix(self._point(n), last_ts - (FIXES - 1 - n) * APART_S * 1000, n, moving=not self._inside(n))
            for n in range(FIXES)
        ]

    def _inside(self, n: int) -> bool:
        return self.first_inside <= n <= self.last_inside

    def _point(self, n: int) -> Point:
        if self._inside(n):
            return destination(self.place, 40 * n, INSIDE_M)
        steps = self.first_inside - n if n < self.first_inside else n - self.last_inside
        return destination(self.place, 90, OUTSIDE_M[steps - 1])


def fix(at: Point, ts: int, seq: int, *, moving: bool) -> dict[str, Any]:
    return {
        "lat": at.lat,
        "lng": at.lng,
        "ts": ts,
        "seq": seq,
        "accuracy": 5.0,
        "speed": 12.0 if moving else 0.0,
    }


def script(number: int, seed: str) -> Script:
    rng = Random(f"{seed} {number}")
    begins = rng.choices([OrderStatus.ASSIGNED, OrderStatus.PICKED_UP], [3, 1])[0]
    first_inside = rng.choice([1, 2])
    last_inside = rng.choice([5, FIXES - 1])
    pauses = tuple(rng.choice([0.0, 0.0, rng.uniform(0, 0.03)]) for _ in range(FIXES))
    span = sum(pauses) + 0.15
    return Script(
        number=number,
        begins=begins,
        first_inside=first_inside,
        last_inside=last_inside,
        pauses=pauses,
        office=_office(rng, span) if begins == OrderStatus.ASSIGNED else _cancellation(rng, span),
        buttons=_buttons(rng, span, begins),
        moves_at=rng.uniform(0, span) if rng.random() < 0.6 else None,
        replays=rng.random() < 0.6,
    )


def _office(rng: Random, span: float) -> tuple[tuple[float, str], ...]:
    calls = rng.choice(
        [
            [],
            [],
            ["cancel"],
            ["other", "mine"],
            ["other"],
            ["unassign", "mine"],
            ["unassign"],
            ["other", "cancel"],
            ["other", "mine", "cancel"],
            ["unassign", "mine", "unassign", "mine"],
        ]
    )
    return tuple(zip(sorted(rng.uniform(0, span) for _ in calls), calls, strict=True))


def _cancellation(rng: Random, span: float) -> tuple[tuple[float, str], ...]:
    return ((rng.uniform(0, span), "cancel"),) if rng.random() < 0.3 else ()


def _buttons(rng: Random, span: float, begins: OrderStatus) -> tuple[tuple[float, str], ...]:
    pressed = []
    if begins == OrderStatus.ASSIGNED and rng.random() < 0.3:
        pressed.append("picked_up")
    if rng.random() < (0.5 if begins == OrderStatus.PICKED_UP else 0.1):
        pressed += rng.choice(
            [["delivered"], ["failed"], ["delivered", "failed"], ["delivered", "delivered"]]
        )
    return tuple(zip(sorted(rng.uniform(0, span) for _ in pressed), pressed, strict=True))


class Event(NamedTuple):
    """One line of a timeline, and whose the order was then."""

    from_status: str | None
    to_status: str
    actor: str
    driver: str | None
    ts: int | None


@dataclass
class Told:
    """What was seen of a story from outside. Times are the event loop's; None: it did not happen."""

    script: Script
    driver: str
    other: str
    order: str
    #: The first fix inside was acknowledged: what follows from it is done.
    arrival_acked_at: float | None = None
    #: The first call of the office, or the first button, was on its way.
    disturbed_at: float | None = None
    #: Calls that were carried out.
    carried_out: list[str] = field(default_factory=list)
    #: In the end the driver, who has the order, stood at the restaurant once more.
    stood_again: bool = False


class Outcome(NamedTuple):
    status: str
    driver: str | None
    #: The stops that are still open, and whose they are.
    open_stops: frozenset[tuple[str, str]]
    timeline: tuple[Event, ...]


def broken(told: Told, outcome: Outcome) -> list[str]:
    """The promises that a story broke."""
    return [
        *_illegal(told, outcome),
        *_doubled(outcome),
        *_came_back(told, outcome),
        *_missed(told, outcome),
        *_wrong_stops(told, outcome),
    ]


def _illegal(told: Told, outcome: Outcome) -> list[str]:
    wrong = []
    before: str | None = None
    owner: str | None = None
    for event in outcome.timeline:
        step = f"{event.from_status} → {event.to_status} by {event.actor}"
        if event.from_status != before:
            wrong.append(f"{step}, but it was {before}")
        elif (
            before is not None
            and before not in TRANSITIONS[OrderStatus(event.to_status)]
            and not _takes_arrival_back(event)
            and not _was_so_already(event)
        ):
            wrong.append(f"{step} is illegal")
        owner = event.driver if event.to_status == OrderStatus.ASSIGNED else owner
        if event.actor == "geofence" and owner != told.driver:
            wrong.append(f"{step}, while the order was with another driver")
        before = event.to_status
    if outcome.status != before:
        wrong.append(f"the order is {outcome.status}, and its timeline ends with {before}")
    return wrong


def _takes_arrival_back(event: Event) -> bool:
    back_from = ARRIVAL_UNDONE.get(OrderStatus(event.to_status), frozenset())
    return event.actor == "geofence" and event.from_status in back_from


def _was_so_already(event: Event) -> bool:
    """Pressed just before the order was cancelled, and read just after."""
    before = DELIVERED_AFTER_ALL.get(OrderStatus(event.to_status), frozenset())
    return event.actor == "driver" and event.from_status in before


def _doubled(outcome: Outcome) -> list[str]:
    wrong = []
    taken: set[str] = set()
    for event in outcome.timeline:
        if event.to_status in (OrderStatus.PENDING, OrderStatus.ASSIGNED) or _takes_arrival_back(event):
            taken = set()
        if event.to_status in taken:
            wrong.append(f"{event.to_status} twice in one assignment")
        taken.add(event.to_status)
    return wrong


def _came_back(told: Told, outcome: Outcome) -> list[str]:
    if any(_was_so_already(event) for event in outcome.timeline):
        return []
    if "cancel" in told.carried_out and outcome.status != OrderStatus.CANCELLED:
        return [f"it was cancelled and is {outcome.status}"]
    return []


def _missed(told: Told, outcome: Outcome) -> list[str]:
    script = told.script
    arrived = (
        OrderStatus.DRIVER_AT_RESTAURANT
        if script.begins == OrderStatus.ASSIGNED
        else OrderStatus.DRIVER_NEARBY
    )
    reached = [event.to_status for event in _of_first_assignment(outcome.timeline)]
    wrong = []
    undisturbed = told.disturbed_at is None
    in_time = told.arrival_acked_at is not None and (
        undisturbed or told.arrival_acked_at < (told.disturbed_at or 0)
    )
    if (undisturbed or in_time) and arrived not in reached:
        wrong.append(f"{arrived} is missing: the driver stood there, and nothing came between")
    if undisturbed and script.leaves and OrderStatus.PICKED_UP not in reached:
        wrong.append("the pickup of a driver who left without a button is missing")
    if told.stood_again and outcome.status not in (OrderStatus.DRIVER_AT_RESTAURANT, *IN_THE_BAG):
        wrong.append(f"the driver has the order and stands there, and it is {outcome.status}")
    return wrong


def _of_first_assignment(timeline: Sequence[Event]) -> list[Event]:
    first: list[Event] = []
    for event in timeline[2:]:
        if event.to_status in (OrderStatus.PENDING, OrderStatus.ASSIGNED):
            break
        first.append(event)
    return first


def _wrong_stops(told: Told, outcome: Outcome) -> list[str]:
    expected: set[tuple[str, str]] = set()
    if outcome.driver is not None and outcome.status in ACTIVE:
        expected.add((StopKind.DROPOFF, outcome.driver))
        if outcome.status in BEFORE_PICKUP:
            expected.add((StopKind.PICKUP, outcome.driver))
    if outcome.driver is not None and outcome.status == OrderStatus.CANCELLED:
        back = (StopKind.RETURN, outcome.driver)
        pressed = any(button == "picked_up" for _, button in told.script.buttons)
        on_board = outcome.timeline[-1].from_status in IN_THE_BAG
        # What was pressed just before, and read just after, is brought back as well. Who was at the restaurant still,
        # and left it then, has brought it back.
        may, must = on_board or pressed, on_board and not told.script.leaves
        if must or (may and back in outcome.open_stops):
            expected.add(back)
    if outcome.open_stops != expected:
        return [f"{outcome.status} with the open stops {sorted(outcome.open_stops)}"]
    return []
