"""Who delivers what, and in which order: drivers, orders, travel times and the time of day in, tours out.

In the terms of vehicle routing: an order is a shipment with two visits, its pickup and its dropoff; a driver is a
vehicle, and makes a tour of visits.

Pure: knows neither the road server nor the database, and reads no clock but to stop in time. docs/planning.md
has the model, the objective and every setting.
"""

from routing.planner.assignment import propose, solve
from routing.planner.departures import departures
from routing.planner.model import (
    Break,
    Instance,
    Kind,
    Proposal,
    ScheduledBreak,
    ScheduledVisit,
    Shipment,
    Solution,
    Tour,
    Travel,
    Vehicle,
    Visit,
)
from routing.planner.objective import Objective
from routing.planner.remedies import Remedy, remedies
from routing.planner.settings import Settings
from routing.planner.tours import best_tour, tour_in_order
from routing.problems import Problem

__all__ = [
    "Break",
    "Instance",
    "Kind",
    "Objective",
    "Problem",
    "Proposal",
    "Remedy",
    "ScheduledBreak",
    "ScheduledVisit",
    "Settings",
    "Shipment",
    "Solution",
    "Tour",
    "Travel",
    "Vehicle",
    "Visit",
    "best_tour",
    "departures",
    "propose",
    "remedies",
    "solve",
    "tour_in_order",
]
