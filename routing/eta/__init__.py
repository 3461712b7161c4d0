"""ETAs that learn from our own trips, and tell how far they may be off.

Pure: knows neither the road server nor the database; times are seconds unless said otherwise. With what is learned,
a driver reaches the next stop after `routed_s * factor` and leaves

    a pickup at   max(arrived_at + handover, ready_at + late)
    a dropoff at  arrived_at + handover
"""

from routing.eta.learning import (
    HOURS_A_WEEK,
    Doors,
    Drive,
    Dwell,
    Estimate,
    KitchenEstimate,
    Kitchens,
    Pickup,
    Streets,
    hour_of_week,
)
from routing.eta.ranges import EDGES_S, Miss, Ranges, Spread, bucket, learn_ranges
from routing.eta.smoothing import announce

__all__ = [
    "EDGES_S",
    "HOURS_A_WEEK",
    "Doors",
    "Drive",
    "Dwell",
    "Estimate",
    "KitchenEstimate",
    "Kitchens",
    "Miss",
    "Pickup",
    "Ranges",
    "Spread",
    "Streets",
    "announce",
    "bucket",
    "hour_of_week",
    "learn_ranges",
]
