"""A week of deliveries in three cities as it might really go, without looking ahead: what OSRM and the kitchens said,
and what came of it. Nothing here knows what is learned from it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp
from random import Random

DAY_S = 86_400.0
#: Trips a day; 40 % of them carry two orders, so that there are about 1,500 orders a day.
TRIPS = {"Denver": 640, "Boulder": 215, "Fort Collins": 215}
#: Share of the day's runs by the hour in which they begin.
DEMAND = {11: 8, 12: 11, 13: 8, 14: 5, 15: 4, 16: 6, 17: 12, 18: 16, 19: 14, 20: 10, 21: 6}
#: What the streets add to OSRM's durations in the evening.
EVENING = {17: 0.38, 18: 0.45, 19: 0.40, 20: 0.32, 21: 0.25}
RESTAURANTS = 20
LATE_KITCHEN = ("Denver", 0)
KITCHEN_LATE_S = 480.0
#: True medians. The defaults that are to be beaten are right about both.
COUNTER_S, DOOR_S = 120.0, 90.0


@dataclass(frozen=True, slots=True)
class Run:
    """One to two orders of a restaurant. `routed_s[k]` and `took_s[k]`: the drive to stop k, stop 0 the pickup.

    `arrived_at[k]` and `left_at[k]` in seconds since Monday 0:00.
    """

    city: str
    restaurant: tuple[str, int]
    began_at: float
    ready_at: float
    routed_s: list[float]
    took_s: list[float]
    arrived_at: list[float]
    left_at: list[float]

    @property
    def hour(self) -> int:
        return int(self.began_at // 3600) % 168


def week(seed: int) -> Iterator[list[Run]]:
    """Day by day."""
    random = Random(seed)
    habits = {
        (city, number): (exp(random.gauss(0, 0.25)), random.gauss(0, 60))
        for city in TRIPS
        for number in range(RESTAURANTS)
    }
    # Off the evening the streets are a little slower than OSRM thinks, in each city in its own way.
    calm = {city: random.uniform(1.0, 1.1) for city in TRIPS}
    hours = random.choices(list(DEMAND), list(DEMAND.values()), k=7 * sum(TRIPS.values()))
    for day in range(7):
        runs = []
        for city, number in TRIPS.items():
            for _ in range(number):
                began_at = day * DAY_S + (hours.pop() + random.random()) * 3600
                restaurant = (city, random.randrange(RESTAURANTS))
                runs.append(_trip(random, city, restaurant, began_at, calm[city], *habits[restaurant]))
        yield runs


def _trip(
    random: Random,
    city: str,
    restaurant: tuple[str, int],
    began_at: float,
    calm: float,
    slowness: float,
    habit_s: float,
) -> Run:
    ready_at = began_at + random.uniform(0, 900)
    food_at = ready_at + random.gauss(KITCHEN_LATE_S if restaurant == LATE_KITCHEN else habit_s, 90)
    clock = began_at
    routed_s: list[float] = []
    took_s: list[float] = []
    arrived_at: list[float] = []
    left_at: list[float] = []
    for stop in range(3 if random.random() < 0.4 else 2):
        routed_s.append(300 * exp(random.gauss(0, 0.5)) if stop == 2 else 480 * exp(random.gauss(0, 0.4)))
        hour = int(began_at // 3600) % 24
        slow = 1 + EVENING[hour] if hour in EVENING else calm
        took_s.append(routed_s[-1] * slow * exp(random.gauss(0, 0.15)) + _mishap(random))
        clock += took_s[-1]
        arrived_at.append(clock)
        if stop == 0:
            # Parking and walking in are done while the food is still on the stove; the rest is not.
            counter_s = COUNTER_S * slowness * exp(random.gauss(0, 0.35))
            clock = max(clock + counter_s, food_at + counter_s / 2)
        else:
            clock += DOOR_S * exp(random.gauss(0, 0.45))
        clock += _mishap(random)
        left_at.append(clock)
    return Run(city, restaurant, began_at, ready_at, routed_s, took_s, arrived_at, left_at)


def _mishap(random: Random) -> float:
    """One in fifty stops for coffee, or forgets to drive off."""
    return random.uniform(180, 1200) if random.random() < 0.02 else 0.0
