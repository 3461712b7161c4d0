"""Problems of planning (routing/problems.py) in words for a dispatcher."""

from collections.abc import Mapping

from routing.problems import Problem

SENTENCES: Mapping[Problem, str] = {
    Problem.RESTAURANT_UNPLACED: "The order has no restaurant; choose one in the admin.",
    Problem.CUSTOMER_UNPLACED: "The delivery address has no coordinates; set them in the admin.",
    Problem.RESTAURANT_AT_ZERO: "The restaurant lies at 0, 0, which is in the sea; set its coordinates in the admin.",
    Problem.CUSTOMER_AT_ZERO: "The delivery address lies at 0, 0, which is in the sea; correct its coordinates.",
    Problem.RESTAURANT_FAR: "The restaurant is very far from its city; check its latitude and longitude.",
    Problem.CUSTOMER_FAR: "The customer is very far from the restaurant; check latitude and longitude.",
    Problem.CUSTOMER_DOUBTFUL: "Where the customer is, is a guess; put the pin right, or confirm it, in the admin.",
    Problem.CUSTOMER_OUTSIDE: "The customer is outside the area that the city delivers to.",
    Problem.RESTAURANT_UNREACHABLE: "No road leads to the restaurant; check its position.",
    Problem.CUSTOMER_UNREACHABLE: "No road leads to the customer; check the address.",
    Problem.RESTAURANT_CLOSED: "The restaurant is closed.",
    Problem.RESTAURANT_PAUSED: "The restaurant is paused.",
    Problem.RESTAURANT_CLOSES: "The restaurant closes before a driver could be there.",
    Problem.CITY_CLOSED: "The city is closed.",
    Problem.CITY_PAUSED: "The city is paused.",
    Problem.NO_DRIVER: "No driver can take it now.",
    Problem.DRIVER_UNPLACED: "The driver has not sent a position yet.",
    Problem.DRIVER_OFF_ROAD: "No road leads away from where the driver is.",
    Problem.DRIVER_SILENT: "Nothing is heard of the driver; the last known position counts.",
    Problem.SHIFT_OVER: "The driver's shift is over.",
    Problem.SHIFT_ENDS: "The driver's shift ends before the food could be picked up.",
    Problem.ON_BREAK: "The driver is on a break.",
    Problem.TOO_BIG: "The order is more than the driver can carry.",
    Problem.LACKS_SKILL: "The driver lacks a skill that the order needs.",
    Problem.NO_ROOM: "Nothing more fits into the driver's trip.",
    Problem.IN_ANOTHER_BAG: "Another driver has picked the food up.",
    Problem.LEG_KEPT: "Another driver is on the way to the restaurant, and legs under way are kept.",
    Problem.CONTRADICTORY: "The driver's stops contradict each other; put them in order by hand.",
    Problem.EARLIER_STOP: "No road leads to an earlier stop of the driver.",
    Problem.ROADS_AWAY: "The road server does not answer; times are those of straight lines.",
}


def closed_words(problem: Problem, until: str, *, later: bool) -> str:
    """Of one of CLOSED (routing/problems.py). `until`: when that ends, in words; `later`: of an order for later."""
    words = SENTENCES[problem].removesuffix(".")
    if later:
        words += " when the order is wanted,"
    if until:
        words += f" until {until}"
    return f"{words.removesuffix(',')}."


#: They pass by themselves: all orders may have them at once, and nobody has to do anything.
PASSING = frozenset({Problem.DRIVER_SILENT, Problem.ROADS_AWAY})
