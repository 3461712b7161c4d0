"""Why an order has no driver, a driver no order, or a stop no time to rely on."""

from enum import StrEnum


class Problem(StrEnum):
    """Codes; the sentences for people are their readers' (dispatch/problems.py)."""

    RESTAURANT_UNPLACED = "restaurant_unplaced"
    CUSTOMER_UNPLACED = "customer_unplaced"
    RESTAURANT_AT_ZERO = "restaurant_at_zero"
    CUSTOMER_AT_ZERO = "customer_at_zero"
    RESTAURANT_FAR = "restaurant_far"
    CUSTOMER_FAR = "customer_far"
    CUSTOMER_DOUBTFUL = "customer_doubtful"
    CUSTOMER_OUTSIDE = "customer_outside"
    RESTAURANT_UNREACHABLE = "restaurant_unreachable"
    CUSTOMER_UNREACHABLE = "customer_unreachable"
    RESTAURANT_CLOSED = "restaurant_closed"
    RESTAURANT_PAUSED = "restaurant_paused"
    RESTAURANT_CLOSES = "restaurant_closes"
    CITY_CLOSED = "city_closed"
    CITY_PAUSED = "city_paused"
    NO_DRIVER = "no_driver"
    DRIVER_UNPLACED = "driver_unplaced"
    DRIVER_OFF_ROAD = "driver_off_road"
    DRIVER_SILENT = "driver_silent"
    SHIFT_OVER = "shift_over"
    SHIFT_ENDS = "shift_ends"
    ON_BREAK = "on_break"
    TOO_BIG = "too_big"
    LACKS_SKILL = "lacks_skill"
    NO_ROOM = "no_room"
    IN_ANOTHER_BAG = "in_another_bag"
    LEG_KEPT = "leg_kept"
    CONTRADICTORY = "contradictory"
    EARLIER_STOP = "earlier_stop"
    ROADS_AWAY = "roads_away"


#: No road leads there: the roads have been asked.
UNREACHABLE = frozenset({Problem.RESTAURANT_UNREACHABLE, Problem.CUSTOMER_UNREACHABLE})
#: What is wrong with an address, and stored with the order: coordinates alone do not tell.
OF_THE_ADDRESS = UNREACHABLE | {Problem.CUSTOMER_OUTSIDE}
#: Nobody is sent for food now.
CLOSED = frozenset(
    {Problem.RESTAURANT_CLOSED, Problem.RESTAURANT_PAUSED, Problem.CITY_CLOSED, Problem.CITY_PAUSED}
)
