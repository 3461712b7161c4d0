"""Boulder and Fort Collins as they might be: seeded, plausible street networks of a few hundred blocks.

The streets bear names and classes a visitor would expect and lie about where a downtown is, but no
block is real; every way is marked `note=generated`. They wind on purpose: a regular grid has so many
equal ways from A to B that it is the worst case for OSRM's preprocessing.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import cos, hypot, radians, sin
from random import Random

from routing.geo import Point, destination
from routing.roads.cities import BOULDER, FORT_COLLINS, DefaultCity
from routing.roads.network import Network

type Corner = tuple[int, int]  # column (west to east), row (south to north)
type Block = tuple[Corner, Corner]  # the stretch of street between neighbouring corners
type Metres = tuple[float, float]  # east and north of the centre

GENERATED = {"note": "generated"}
SPEED_LIMITS = {"primary": "35 mph", "secondary": "35 mph", "tertiary": "30 mph", "residential": "25 mph"}


@dataclass(frozen=True)
class TownPlan:
    """`columns` are north-south streets from the west, `rows` east-west streets from the south.

    `park` is the rectangle of corners around a park: (west column, south row, east column, north row).
    """

    city: DefaultCity
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    primary: frozenset[str]
    secondary: frozenset[str]
    park: tuple[int, int, int, int]
    park_name: str
    tilt_deg: float
    seed: int

    def street(self, block: Block) -> str:
        (column, row), (_, other_row) = block
        return self.rows[row] if row == other_row else self.columns[column]

    def road_class(self, street: str) -> str:
        if street in self.primary:
            return "primary"
        if street in self.secondary:
            return "secondary"
        names = self.columns if street in self.columns else self.rows
        return "tertiary" if names.index(street) % 4 == 1 else "residential"

    def in_park(self, block: Block) -> bool:
        west, south, east, north = self.park
        column, row = ((a + b) / 2 for a, b in zip(*block, strict=True))
        return west < column < east and south < row < north


BOULDER_PLAN = TownPlan(
    city=BOULDER,
    columns=(
        *("4th Street", "5th Street", "6th Street", "7th Street", "8th Street", "9th Street", "Broadway"),
        *("13th Street", "15th Street", "17th Street", "19th Street", "20th Street", "22nd Street"),
        *("24th Street", "Folsom Street", "28th Street"),
    ),
    rows=(
        *("Baseline Road", "Cascade Avenue", "Euclid Avenue", "College Avenue", "University Avenue"),
        *("Marine Street", "Arapahoe Avenue", "Canyon Boulevard", "Walnut Street", "Pearl Street"),
        *("Spruce Street", "Pine Street", "Mapleton Avenue", "Maxwell Avenue", "Concord Avenue"),
        *("Alpine Avenue", "Balsam Avenue", "Iris Avenue"),
    ),
    primary=frozenset({"28th Street", "Broadway"}),
    secondary=frozenset(
        {"Baseline Road", "Arapahoe Avenue", "Canyon Boulevard", "Folsom Street", "Iris Avenue"}
    ),
    park=(8, 7, 10, 8),
    park_name="Central Park",
    tilt_deg=-2.5,
    seed=303,
)
FORT_COLLINS_PLAN = TownPlan(
    city=FORT_COLLINS,
    columns=(
        *("Shields Street", "Washington Avenue", "Loomis Avenue", "Whitcomb Street", "Sherwood Street"),
        *("Meldrum Street", "Howes Street", "Mason Street", "College Avenue", "Remington Street"),
        *("Mathews Street", "Peterson Street", "Whedbee Street", "Smith Street", "Stover Street"),
        *("Cowan Street", "Lemay Avenue"),
    ),
    rows=(
        *("Prospect Road", "Lake Street", "Pitkin Street", "Elizabeth Street", "Plum Street"),
        *("Laurel Street", "Myrtle Street", "Mulberry Street", "Magnolia Street", "Olive Street"),
        *("Oak Street", "Mountain Avenue", "Laporte Avenue", "Maple Street", "Cherry Street"),
        *("Sycamore Street", "Elm Street", "Vine Drive"),
    ),
    primary=frozenset({"College Avenue", "Mulberry Street"}),
    secondary=frozenset({"Prospect Road", "Shields Street", "Lemay Avenue", "Laurel Street", "Vine Drive"}),
    park=(3, 11, 5, 13),
    park_name="City Park",
    tilt_deg=1.5,
    seed=970,
)


def town(plan: TownPlan) -> Network:
    random = Random(plan.seed)
    corners = _corners(plan, random)
    network = Network()
    blocks = _thinned(plan, random)
    for run in _runs(plan, blocks):
        street = plan.street(run[0])
        line = [corners[run[0][0]]]
        for start, end in run:
            line += [_bend(corners[start], corners[end], random), corners[end]]
        road_class = plan.road_class(street)
        tags = {"highway": road_class, "name": street, "maxspeed": SPEED_LIMITS[road_class], **GENERATED}
        network.add((_place(plan, spot) for spot in line), **tags)
    _add_signals(plan, corners, network)
    _add_park(plan, corners, network)
    return network


def corner_at(network: Network, *streets: str) -> Point:
    """Where all these streets of one town meet; the one in the far corner if they do so more than once."""
    meeting = [
        {p for way in network.ways if way.tags.get("name") == name for p in way.line} for name in streets
    ]
    return max(set.intersection(*meeting))


def _place(plan: TownPlan, spot: Metres) -> Point:
    return destination(destination(plan.city.center, 90, spot[0]), 0, spot[1])


def _corners(plan: TownPlan, random: Random) -> dict[Corner, Metres]:
    """Uneven spacing, two slow waves across the town, a few metres of jitter, a slight tilt."""
    reach = plan.city.radius_m + 200
    easts = _uneven(len(plan.columns), reach, random)
    norths = _uneven(len(plan.rows), reach, random)
    phase_x, phase_y = random.uniform(0, 6), random.uniform(0, 6)
    tilt = radians(plan.tilt_deg)
    corners = {}
    for column, east in enumerate(easts):
        for row, north in enumerate(norths):
            x = east + 70 * sin(north / 420 + phase_x) + random.gauss(0, 9)
            y = north + 55 * sin(east / 380 + phase_y) + random.gauss(0, 9)
            corners[column, row] = (x * cos(tilt) - y * sin(tilt), x * sin(tilt) + y * cos(tilt))
    return corners


def _uneven(count: int, reach: float, random: Random) -> list[float]:
    """`count` offsets from -reach to reach, neighbours up to a third farther apart or closer than average."""
    offsets = [0.0]
    for _ in range(count - 1):
        offsets.append(offsets[-1] + random.uniform(0.67, 1.33))
    return [2 * reach * offset / offsets[-1] - reach for offset in offsets]


def _thinned(plan: TownPlan, random: Random) -> set[Block]:
    """All blocks but those in the park and a sixth of the residential ones; the town stays in one piece."""
    wide, high = len(plan.columns), len(plan.rows)
    blocks: set[Block] = {((c, r), (c + 1, r)) for c in range(wide - 1) for r in range(high)}
    blocks |= {((c, r), (c, r + 1)) for c in range(wide) for r in range(high - 1)}
    in_park = {block for block in blocks if plan.in_park(block)}
    quiet = [
        block
        for block in sorted(blocks - in_park)
        if plan.road_class(plan.street(block)) == "residential" and not _beside_park(plan, block)
    ]
    blocks -= in_park
    for block in random.sample(quiet, len(quiet) // 6):
        if _in_one_piece(blocks - {block}, sum(1 for _ in _ends(blocks))):
            blocks.remove(block)
    return blocks


def _beside_park(plan: TownPlan, block: Block) -> bool:
    ring = _park_ring(plan)
    return block[0] in ring and block[1] in ring


def _ends(blocks: set[Block]) -> set[Corner]:
    return {corner for block in blocks for corner in block}


def _in_one_piece(blocks: set[Block], corner_count: int) -> bool:
    neighbours: defaultdict[Corner, list[Corner]] = defaultdict(list)
    for a, b in blocks:
        neighbours[a].append(b)
        neighbours[b].append(a)
    start = min(neighbours)
    seen, frontier = {start}, [start]
    while frontier:
        for corner in neighbours[frontier.pop()]:
            if corner not in seen:
                seen.add(corner)
                frontier.append(corner)
    return len(seen) == corner_count


def _runs(plan: TownPlan, blocks: set[Block]) -> Iterator[list[Block]]:
    """Consecutive blocks of one street: a way each."""
    by_street: defaultdict[str, list[Block]] = defaultdict(list)
    for block in sorted(blocks):
        by_street[plan.street(block)].append(block)
    for street in by_street.values():
        run = [street[0]]
        for before, block in pairwise(street):
            if block[0] != before[1]:
                yield run
                run = []
            run.append(block)
        yield run


def _bend(a: Metres, b: Metres, random: Random) -> Metres:
    """The middle of a block, a little off the straight line."""
    (ax, ay), (bx, by) = a, b
    aside = random.gauss(0, 0.03)
    return (ax + bx) / 2 - aside * (by - ay), (ay + by) / 2 + aside * (bx - ax)


def _add_signals(plan: TownPlan, corners: dict[Corner, Metres], network: Network) -> None:
    """Traffic lights where two larger streets cross."""
    large = plan.primary | plan.secondary
    for (column, row), spot in corners.items():
        if plan.columns[column] in large and plan.rows[row] in large:
            network.mark(_place(plan, spot), highway="traffic_signals")


def _park_ring(plan: TownPlan) -> list[Corner]:
    west, south, east, north = plan.park
    ring = [(column, south) for column in range(west, east)]
    ring += [(east, row) for row in range(south, north)]
    ring += [(column, north) for column in range(east, west, -1)]
    ring += [(west, row) for row in range(north, south, -1)]
    return ring


def _add_park(plan: TownPlan, corners: dict[Corner, Metres], network: Network) -> None:
    """A green area just inside the streets around it, and a path across."""
    spots = [corners[corner] for corner in _park_ring(plan)]
    middle = (sum(x for x, _ in spots) / len(spots), sum(y for _, y in spots) / len(spots))

    def inset(spot: Metres) -> Point:
        dx, dy = middle[0] - spot[0], middle[1] - spot[1]
        share = 18 / hypot(dx, dy)
        return _place(plan, (spot[0] + share * dx, spot[1] + share * dy))

    outline = [inset(spot) for spot in spots]
    network.add([*outline, outline[0]], leisure="park", name=plan.park_name, **GENERATED)
    across = (spots[0], middle, spots[len(spots) // 2])
    network.add([_place(plan, spot) for spot in across], highway="footway", **GENERATED)
