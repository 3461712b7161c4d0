"""The demo's restaurants: invented kitchens on the streets of the default road network."""

from typing import NamedTuple


class Place(NamedTuple):
    """Degrees; `geofence_radius` in metres: blocks downtown are short."""

    name: str
    address: str
    city: str
    lat: float
    lng: float
    geofence_radius: int = 100


RESTAURANTS = (
    Place("Copper Ladle", "961 20th Street", "Denver", 39.748743, -104.987001),
    Place("Mile & Marrow", "1744 Curtis Street", "Denver", 39.752552, -104.987725),
    Place("Juniper Dumpling House", "838 18th Street", "Denver", 39.748656, -104.991711, 80),
    Place("Larimer Noodle Bar", "1630 Larimer Street", "Denver", 39.750660, -104.995678, 80),
    Place("Tortilleria Luna Alta", "2218 Lawrence Street", "Denver", 39.756632, -104.986254),
    Place("The Quiet Oven", "1515 Court Place", "Denver", 39.742647, -104.988358),
    Place("Saffron Switchback", "612 15th Street", "Denver", 39.745455, -104.994804, 120),
    Place("Pho on Twenty-First", "1426 21st Street", "Denver", 39.754700, -104.992597),
    Place("Five Points Fry", "731 25th Street", "Denver", 39.753450, -104.980984, 120),
    Place("Uptown Paneer", "419 East 17th Avenue", "Denver", 39.743179, -104.981467),
    Place("Little Basilico", "375 East 20th Avenue", "Denver", 39.747609, -104.981961, 80),
    Place("Clarkson Street Bagels", "2041 Clarkson Street", "Denver", 39.748384, -104.976862),
    Place("Pearl & Pine", "1128 Pearl Street", "Boulder", 40.017644, -105.280595, 80),
    Place("Flatiron Falafel", "1777 Canyon Boulevard", "Boulder", 40.015205, -105.270987),
    Place("Mapleton Momo", "702 Mapleton Avenue", "Boulder", 40.022102, -105.289993),
    Place("Ninth Street Ramen", "1330 9th Street", "Boulder", 40.009857, -105.285258),
    Place("Alpine Arepas", "2655 17th Street", "Boulder", 40.025866, -105.276592, 120),
    Place("College Hill Curry", "1310 College Avenue", "Boulder", 40.008807, -105.276223),
    Place("Old Magnolia Kitchen", "144 Magnolia Street", "Fort Collins", 40.584059, -105.084734, 80),
    Place("Howes Street Pizza", "320 Howes Street", "Fort Collins", 40.592446, -105.088022),
    Place("Poudre River Poke", "517 Elizabeth Street", "Fort Collins", 40.577879, -105.077150),
    Place("The Laurel Table", "611 Laurel Street", "Fort Collins", 40.580832, -105.094785),
    Place("Smith Street Souvlaki", "409 Smith Street", "Fort Collins", 40.588682, -105.073438, 120),
    Place("Oak & Ember", "702 Oak Street", "Fort Collins", 40.588055, -105.095263),
)
