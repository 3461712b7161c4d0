"""What goes otherwise than planned of an evening, and how often. Pure: what befalls an order or a stop follows from
its number, so that it is the same for all who ask, however often.
"""

from dataclasses import dataclass
from random import Random
from uuid import UUID

type Seconds = tuple[float, float]  # from, to

#: So much longer than it says a kitchen that is late takes.
LATE_S: Seconds = (180.0, 420.0)
#: When a customer thinks better of it, after having ordered.
SECOND_THOUGHTS_S: Seconds = (30.0, 420.0)
#: How long a phone is without a network, and how long it has one in between.
NO_NETWORK_S: Seconds = (45.0, 150.0)
NETWORK_S: Seconds = (120.0, 600.0)
#: When a driver ends the shift, whatever is on hand, and when the next one begins.
SHIFT_S: Seconds = (300.0, 1200.0)
OFF_SHIFT_S: Seconds = (120.0, 400.0)
#: Before an order that is wanted later has to be set off for.
LATER_S: Seconds = (60.0, 420.0)
#: By what a phone's clock is wrong (seconds).
CLOCKS_S = (-3600.0, -300.0, -130.0, 45.0, 240.0)
#: A bicycle is so much slower than a car in these streets.
BICYCLE = 1.8


@dataclass(frozen=True)
class Mishaps:
    """Shares, from 0 to 1. Of orders: `late_kitchen`, `cancelled` by the customer, wanted `later`, `together` with
    one from the restaurant next door. Of visits: `closed`, `nobody_home`. Of drivers: `wrong_clock`, `no_network` now
    and then, `leaves` whatever is on hand, `bicycle`.
    """

    late_kitchen: float = 0.0
    cancelled: float = 0.0
    later: float = 0.0
    together: float = 0.0
    closed: float = 0.0
    nobody_home: float = 0.0
    wrong_clock: float = 0.0
    no_network: float = 0.0
    leaves: float = 0.0
    bicycle: float = 0.0


NO_MISHAPS = Mishaps()
EVENING = Mishaps(
    late_kitchen=0.1,
    cancelled=0.06,
    later=0.08,
    together=0.05,
    closed=0.03,
    nobody_home=0.03,
    wrong_clock=0.1,
    no_network=0.2,
    leaves=0.15,
    bicycle=0.15,
)


def befalls(share: float, what: str, whom: UUID) -> bool:
    return Random(f"{what} {whom}").random() < share


def how_long(range_s: Seconds, what: str, whom: UUID) -> float:
    """Seconds, the same each time one asks."""
    return Random(f"how long {what} {whom}").uniform(*range_s)
