"""The highways that join the three cities, along their real course to within some hundred metres."""

from collections.abc import Iterator

from routing.geo import Point, bearing_deg, destination
from routing.roads.generated import GENERATED
from routing.roads.network import Line, Network, on_grid

MEDIAN_M = 24  # between the middles of the two carriageways
CURVE_STEPS = 8  # straight pieces between two waypoints; ramps are one such piece long

I_25 = (
    *((39.7600, -105.0045), (39.7692, -104.9990), (39.7795, -104.9893), (39.8030, -104.9868)),
    *((39.8285, -104.9830), (39.8560, -104.9868), (39.8855, -104.9880), (39.9140, -104.9875)),
    *((39.9430, -104.9870), (39.9790, -104.9850), (40.0020, -104.9806), (40.0440, -104.9802)),
    *((40.0880, -104.9815), (40.1300, -104.9790), (40.1615, -104.9796), (40.2035, -104.9800)),
    *((40.2600, -104.9806), (40.3050, -104.9815), (40.3480, -104.9878), (40.4070, -104.9930)),
    *((40.4375, -104.9925), (40.4790, -104.9915), (40.5230, -104.9960), (40.5820, -104.9990)),
    (40.6240, -104.9985),
)
US_36 = (
    *((39.8285, -104.9830), (39.8340, -105.0080), (39.8420, -105.0300), (39.8640, -105.0560)),
    *((39.8900, -105.0800), (39.9120, -105.0950), (39.9320, -105.1240), (39.9560, -105.1650)),
    *((39.9650, -105.2000), (39.9830, -105.2330), (39.9975, -105.2560)),
)
CO_119 = (
    *((40.0375, -105.2560), (40.0560, -105.2280), (40.0790, -105.2000), (40.0990, -105.1740)),
    *((40.1250, -105.1450), (40.1480, -105.1260), (40.1510, -105.1010), (40.1600, -105.0750)),
    *((40.1622, -105.0400), (40.1615, -105.0100), (40.1615, -104.9796)),
)
CO_14 = ((40.5820, -104.9990), (40.5822, -105.0150), (40.5819, -105.0320), (40.5826, -105.0500))

# Where one may leave or join I-25 between its ends.
I_25_EXITS = frozenset(on_grid(Point(*place)) for place in (I_25[2], US_36[0], CO_119[-1], CO_14[0]))


def join_cities(
    network: Network, *, denver: tuple[Point, Point], boulder: tuple[Point, Point], fort_collins: Point
) -> None:
    """Adds the highways, and a road from each of their ends to one of these corners of the cities' streets.

    `denver`: in the west and in the north of downtown; `boulder`: in the south-east and in the north-east.
    """
    i_25, us_36, co_119, co_14 = (
        tuple(on_grid(Point(*waypoint)) for waypoint in course) for course in (I_25, US_36, CO_119, CO_14)
    )
    add_highway(network, i_25, "motorway", "75 mph", name="Interstate 25", ref="I 25")
    add_highway(network, us_36, "motorway", "65 mph", name="Denver-Boulder Turnpike", ref="US 36")
    add_highway(network, co_119, "trunk", "60 mph", name="Diagonal Highway", ref="CO 119")

    primary = {"highway": "primary", "maxspeed": "40 mph", **GENERATED}
    network.add([i_25[0], denver[0]], name="20th Street", **primary)
    network.add([i_25[2], denver[1]], name="38th Avenue", **primary)
    network.add([us_36[-1], boulder[0]], name="28th Street", ref="US 36", **primary)
    network.add([boulder[1], co_119[0]], name="Diagonal Highway", ref="CO 119", **primary)
    network.add([*smooth(co_14), fort_collins], name="Mulberry Street", ref="CO 14", **primary)


def add_highway(network: Network, course: Line, road_class: str, maxspeed: str, **tags: str) -> None:
    """Two one-way carriageways that meet at both ends, and at each exit four ramps to the point between them."""
    tags |= {"highway": road_class, "maxspeed": maxspeed, "oneway": "yes", **GENERATED}
    ramp_tags = {"highway": f"{road_class}_link", "oneway": "yes", "maxspeed": "40 mph", **GENERATED}
    middle = smooth(course)
    for line in (middle, middle[::-1]):
        carriageway = (line[0], *_right_of(line, MEDIAN_M / 2), line[-1])
        network.add(carriageway, **tags)
        for at, place in enumerate(line):
            if place in I_25_EXITS and 0 < at < len(line) - 1:
                network.add([carriageway[at - 1], place], **ramp_tags)
                network.add([place, carriageway[at + 1]], **ramp_tags)


def _right_of(line: Line, metres: float) -> Iterator[Point]:
    """The inner points of a line, moved to the right of its direction."""
    for before, place, after in zip(line, line[1:], line[2:], strict=False):
        yield destination(place, bearing_deg(before, after) + 90, metres)


def smooth(course: Line) -> Line:
    """A Catmull-Rom curve through all the waypoints."""
    points = [course[0]]
    padded = (course[0], *course, course[-1])
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for step in range(1, CURVE_STEPS):
            t = step / CURVE_STEPS
            points.append(Point(*(_spline(*axis, t) for axis in zip(a, b, c, d, strict=True))))
        points.append(c)
    return tuple(points)


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
