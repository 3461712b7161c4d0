"""The default roads: real downtown Denver, generated Boulder and Fort Collins, highways between them."""

from routing.geo import Point
from routing.roads.cities import CITIES
from routing.roads.denver import downtown_denver
from routing.roads.generated import BOULDER_PLAN, FORT_COLLINS_PLAN, corner_at, town
from routing.roads.highways import join_cities
from routing.roads.network import Network

ATTRIBUTION = "© OpenStreetMap contributors (Denver); Boulder, Fort Collins and highways generated"

# Two-way streets at the edge of the data set from which all of downtown can be reached.
WAZEE_AND_20TH = Point(39.7549879, -104.9951571)
BLAKE_AND_DOWNING = Point(39.7702079, -104.9737792)


def default_network() -> Network:
    denver, boulder, fort_collins = downtown_denver(), town(BOULDER_PLAN), town(FORT_COLLINS_PLAN)
    network = Network()
    for part in (denver, boulder, fort_collins):
        network.include(part)
    for city in CITIES:
        network.mark(city.center, place="city", name=city.name)
    join_cities(
        network,
        denver=(WAZEE_AND_20TH, BLAKE_AND_DOWNING),
        boulder=(
            corner_at(boulder, "28th Street", "Baseline Road"),
            corner_at(boulder, "28th Street", "Iris Avenue"),
        ),
        fort_collins=corner_at(fort_collins, "Mulberry Street", "Lemay Avenue"),
    )
    return network
