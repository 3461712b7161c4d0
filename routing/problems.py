"""Why an order has no driver, a driver no order, or a stop no time to rely on: in words for a dispatcher."""

from enum import StrEnum


class Problem(StrEnum):
    RESTAURANT_UNPLACED = "restaurant_unplaced"
    CUSTOMER_UNPLACED = "customer_unplaced"
    RESTAURANT_UNREACHABLE = "restaurant_unreachable"
    CUSTOMER_UNREACHABLE = "customer_unreachable"
    NO_DRIVER = "no_driver"
    DRIVER_UNPLACED = "driver_unplaced"
    DRIVER_OFF_ROAD = "driver_off_road"
    DRIVER_SILENT = "driver_silent"
    SHIFT_OVER = "shift_over"
    SHIFT_ENDS = "shift_ends"
    TOO_BIG = "too_big"
    NO_ROOM = "no_room"
    IN_ANOTHER_BAG = "in_another_bag"
    LEG_KEPT = "leg_kept"
    CONTRADICTORY = "contradictory"
    EARLIER_STOP = "earlier_stop"
    ROADS_AWAY = "roads_away"

    @property
    def text(self) -> str:
        """A sentence for the dispatcher."""
        return _TEXTS[self]


_TEXTS = {
    Problem.RESTAURANT_UNPLACED: "The restaurant has no coordinates; set them in the admin.",
    Problem.CUSTOMER_UNPLACED: "The delivery address has no coordinates; set them in the admin.",
    Problem.RESTAURANT_UNREACHABLE: "No road leads to the restaurant; check its position.",
    Problem.CUSTOMER_UNREACHABLE: "No road leads to the customer; check the address.",
    Problem.NO_DRIVER: "No driver can take it now.",
    Problem.DRIVER_UNPLACED: "The driver has not sent a position yet.",
    Problem.DRIVER_OFF_ROAD: "No road leads away from where the driver is.",
    Problem.DRIVER_SILENT: "Nothing is heard of the driver; the last known position counts.",
    Problem.SHIFT_OVER: "The driver's shift is over.",
    Problem.SHIFT_ENDS: "The driver's shift ends before the food could be picked up.",
    Problem.TOO_BIG: "The order is more than the driver can carry.",
    Problem.NO_ROOM: "Nothing more fits into the driver's trip.",
    Problem.IN_ANOTHER_BAG: "Another driver has picked the food up.",
    Problem.LEG_KEPT: "Another driver is on the way to the restaurant, and legs under way are kept.",
    Problem.CONTRADICTORY: "The driver's stops contradict each other; put them in order by hand.",
    Problem.EARLIER_STOP: "No road leads to an earlier stop of the driver.",
    Problem.ROADS_AWAY: "The road server does not answer; times are those of straight lines.",
}
