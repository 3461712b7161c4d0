"""The cities of the default road network; sample data and simulated demand start from them."""

from typing import NamedTuple

from routing.geo import Point


class DefaultCity(NamedTuple):
    """`radius_m`: how far from the centre the street network reaches in every direction."""

    name: str
    center: Point
    radius_m: int
    time_zone: str = "America/Denver"


DENVER = DefaultCity("Denver", Point(39.7495, -104.9865), radius_m=1000)
BOULDER = DefaultCity("Boulder", Point(40.0176, -105.2797), radius_m=1200)
FORT_COLLINS = DefaultCity("Fort Collins", Point(40.5853, -105.0844), radius_m=1200)

CITIES = (DENVER, BOULDER, FORT_COLLINS)
