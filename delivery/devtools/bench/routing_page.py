"""What `make bench-routing` found: as data, and as tables of docs/performance.md."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import mean, median

from msgspec import Struct

from delivery.devtools.bench.page import Machine, TableRow, judged, markdown
from delivery.devtools.replay.measures import Measures

PACKAGES = ("django", "psycopg", "msgspec", "osrm-bindings")

# What we mean to reach.
PLANNED_S = 2.0
NEAR_VROOM = 0.02
CYCLE_S = 3.0
PYTHON_SHARE = 0.5
#: So much more may a driver cost in a fleet four times as large.
LINEAR = 1.25
CONFIRMED_S = 1.0
LEARNED = 0.5
KEPT = (0.75, 0.85)

#: The cycle that the goals are about, and one of a fleet twice as large.
DRIVERS = 60


class Rush(Struct, frozen=True):
    """One dinner rush. `measures`: by policy, the first of them the baseline.

    `cooked_late`: the share of orders that are ready too late for anybody to be in time.
    """

    seed: int
    measures: dict[str, Measures]
    cooked_late: float


class PlanningTime(Struct, frozen=True):
    """Planning crowded moments of so many pending orders and drivers. `seconds`: each of them."""

    orders: int
    drivers: int
    seconds: list[float]


class TourComparison(Struct, frozen=True):
    """Orders from one restaurant, in order of placement and as planned (seconds).

    `shown_s`: the driving saved that a dispatcher is shown. `placed_s`, `planned_s`: each way driven leg by leg on
    OSRM. `placed_door_s`, `planned_door_s`: until the customers' doors, on average.
    """

    shown_s: float
    placed_s: float
    planned_s: float
    placed_door_s: float
    planned_door_s: float

    @property
    def saved_s(self) -> float:
        return self.placed_s - self.planned_s


class Vroom(Struct, frozen=True):
    """Long tours by drive time. `excess`: by what share each is longer than VROOM's. The seconds are of processor
    time for all; VROOM may use `limit_s` for each.
    """

    limit_s: float
    excess: list[float]
    planner_s: float
    vroom_s: float


class Cycle(Struct, frozen=True):
    """ETAs of a whole fleet, several times over. `shares`: of the time, that our own process computed."""

    drivers: int
    orders: int
    seconds: list[float]
    shares: list[float]

    @property
    def fastest(self) -> tuple[float, float]:
        """Its seconds and share: whatever else the machine does makes a round longer, and the share smaller."""
        return min(zip(self.seconds, self.shares, strict=True))

    @property
    def ms_per_driver(self) -> float:
        return 1000 * self.fastest[0] / self.drivers


class Week(Struct, frozen=True):
    """Median errors (seconds) of raw OSRM and with what was learned; `kept`: the share within the 80 % range."""

    seed: int
    raw_s: float
    learned_s: float
    kept: float


class Findings(Struct, frozen=True):
    """`demand`: whose trips the rushes are made of. `vroom`: None where it is not installed."""

    demand: str
    couriers: int
    rushes: list[Rush]
    moment: PlanningTime
    tours: list[TourComparison]
    vroom: Vroom | None
    cycles: list[Cycle]
    weeks: list[Week]


class RoutingBench(Struct, frozen=True):
    machine: Machine
    findings: Findings


def table(bench: RoutingBench) -> str:
    found = bench.findings
    return "\n".join([bench.machine.described(), "", *_rushes(found), "", *_claims(found)])


# ------------------------------------------------------------------------------------------------------ rushes


def _rushes(found: Findings) -> Iterator[str]:
    policies = list(found.rushes[0].measures)
    days = f"{len(found.rushes)} dinner rushes" if len(found.rushes) > 1 else "One dinner rush"
    orders = mean(rush.measures[policies[0]].orders for rush in found.rushes)
    cooked_late = mean(rush.cooked_late for rush in found.rushes)
    yield (
        f"{days} in downtown Denver ({found.demand}), some {orders:.0f} orders and {found.couriers} couriers, "
        f"{cooked_late:.1%} of the orders ready too late for anybody. Mean of the days, lowest to highest."
    )
    yield ""
    yield from markdown(["", *policies, "goal", ""], _figures(found))


def _figures(found: Findings) -> Iterator[TableRow]:
    yield _less(found, "click-to-door mean, min", lambda one: one.click_to_door, "{:.1f}")
    yield _less(found, "late orders", lambda one: one.late, "{:.1%}")
    for what, figure, text in (
        ("click-to-door p90, min", lambda one: one.click_to_door_p90, "{:.1f}"),
        ("ready-to-pickup mean, min", lambda one: one.ready_to_pickup, "{:.1f}"),
        ("kilometres", lambda one: one.km, "{:.0f}"),
        ("orders per courier hour", lambda one: one.orders_per_hour, "{:.2f}"),
        ("orders at once, at most", lambda one: one.at_once, "{:.0f}"),
    ):
        yield what, *_cells(found, figure, text)


type Figure = Callable[[Measures], float]


def _less(found: Findings, what: str, figure: Figure, text: str) -> TableRow:
    """A figure of which less is better: the goal is less than the baseline in the mean, and on no day more."""
    baseline, *others = found.rushes[0].measures
    compared, reached = [], True
    for name in others:
        more = [figure(rush.measures[name]) - figure(rush.measures[baseline]) for rush in found.rushes]
        compared.append(
            f"{name} less on {sum(day < 0 for day in more)}, more on {sum(day > 0 for day in more)}"
        )
        reached = reached and mean(more) < 0 and max(more) <= 0
    goal = f"less than {baseline}, on no day more ({'; '.join(compared)})"
    return judged(what, *_cells(found, figure, text), goal, reached=reached)


def _cells(found: Findings, figure: Figure, text: str) -> Iterator[str]:
    for policy in found.rushes[0].measures:
        values = [figure(rush.measures[policy]) for rush in found.rushes]
        spread = f" ({text.format(min(values))}–{text.format(max(values))})" if len(values) > 1 else ""
        yield text.format(mean(values)) + spread


# ------------------------------------------------------------------------------------------------------ claims


def _claims(found: Findings) -> Iterator[str]:
    yield from markdown(["", "baseline", "Doorstep", "goal", ""], _claimed(found))


def _claimed(found: Findings) -> Iterator[TableRow]:
    yield from _tours(found.tours)
    yield from _vroom(found.vroom)
    moment = found.moment
    yield judged(
        f"planning {moment.orders} pending orders and {moment.drivers} drivers, the slowest of "
        f"{len(moment.seconds)}",
        "",
        f"{max(moment.seconds):.2f} s",
        f"< {PLANNED_S:g} s",
        reached=max(moment.seconds) < PLANNED_S,
    )
    yield from _cycles(found.cycles)
    for week in found.weeks:
        yield from _week(week)


def _tours(tours: Sequence[TourComparison]) -> Iterator[TableRow]:
    placed = _mean_min(tour.placed_s for tour in tours)
    planned = _mean_min(tour.planned_s for tour in tours)
    shorter, longer = (sum(sign * tour.saved_s > 0.5 for tour in tours) for sign in (1, -1))
    yield judged(
        f"{len(tours)} tours with three orders of one restaurant: driving, min (baseline: order of placement)",
        f"{placed:.1f}",
        f"{planned:.1f} ({planned / placed - 1:+.0%}; {shorter} shorter, {longer} longer)",
        "less",
        reached=planned < placed,
    )
    placed_door = _mean_min(tour.placed_door_s for tour in tours)
    planned_door = _mean_min(tour.planned_door_s for tour in tours)
    yield judged(
        "the same: until a customer's door, min",
        f"{placed_door:.1f}",
        f"{planned_door:.1f}",
        "less",
        reached=planned_door < placed_door,
    )
    off = max(abs(tour.shown_s - tour.saved_s) for tour in tours)
    yield judged(
        "the same: minutes saved as shown, against both ways driven leg by leg on OSRM",
        f"{_mean_min(tour.saved_s for tour in tours):.2f}",
        f"{_mean_min(tour.shown_s for tour in tours):.2f} (at most {off:.1f} s apart)",
        f"≤ {CONFIRMED_S:g} s apart",
        reached=off <= CONFIRMED_S,
    )


def _mean_min(seconds: Iterable[float]) -> float:
    return mean(seconds) / 60


def _vroom(vroom: Vroom | None) -> Iterator[TableRow]:
    what = "tours of 10 to 20 stops with pickups"
    if vroom is None:
        yield f"{what} (baseline: VROOM)", "not installed: `pip install -r requirements-dev.txt`"
        return
    count = len(vroom.excess)
    near = sum(share <= NEAR_VROOM for share in vroom.excess)
    yield judged(
        f"{count} {what}: drive time against VROOM with at most {vroom.limit_s:g} s each (it ends by itself)",
        f"{1000 * vroom.vroom_s / count:.0f} ms each",
        f"{mean(vroom.excess):+.2%} (worst {max(vroom.excess):+.2%}), {1000 * vroom.planner_s / count:.0f} ms each",
        f"within {NEAR_VROOM:.0%}: {near} of {count}",
        reached=near == count,
    )


def _cycles(cycles: Sequence[Cycle]) -> Iterator[TableRow]:
    for cycle in cycles:
        seconds, (fastest, share) = median(cycle.seconds), cycle.fastest
        name = f"ETAs of {cycle.orders} orders on {cycle.drivers} drivers"
        each = f"{cycle.ms_per_driver:.1f} ms a driver, Python {share:.0%}"
        measured = f"{seconds:.2f} s; fastest {fastest:.2f} s ({each})"
        if cycle.drivers == DRIVERS:
            yield judged(
                name,
                "",
                measured,
                f"< {CYCLE_S:g} s, < {PYTHON_SHARE:.0%}",
                reached=seconds < CYCLE_S and share < PYTHON_SHARE,
            )
        else:
            yield name, "", measured
    first, last = cycles[0], cycles[-1]
    growth = last.ms_per_driver / first.ms_per_driver
    yield judged(
        f"the same: a driver among {last.drivers} against one among {first.drivers}",
        "",
        f"{growth:.2f}×",
        f"≤ {LINEAR:g}×",
        reached=growth <= LINEAR,
    )


def _week(week: Week) -> Iterator[TableRow]:
    name = f"simulated week {week.seed}"
    low, high = KEPT
    yield judged(
        f"{name}: median error of an ETA (baseline: raw OSRM)",
        f"{week.raw_s:.0f} s",
        f"{week.learned_s:.0f} s ({week.learned_s / week.raw_s - 1:+.0%})",
        f"at most {LEARNED:.0%}",
        reached=week.learned_s <= LEARNED * week.raw_s,
    )
    yield judged(
        f"{name}: arrivals within the 80 % range",
        "",
        f"{week.kept:.1%}",
        f"{low:.0%}–{high:.0%}",
        reached=low <= week.kept <= high,
    )
