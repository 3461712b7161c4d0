"""Who delivers what, and in which order: drivers, orders, travel times and the time of day in, plans out.

Pure: knows neither the road server nor the database, and reads no clock but to stop in time. docs/planning.md
has the model, the objective and every setting.
"""

from routing.planner.assignment import plan, propose
from routing.planner.model import (
    Driver,
    Kind,
    Order,
    Plan,
    Proposal,
    Situation,
    Stop,
    Travel,
    Trip,
    Visit,
)
from routing.planner.objective import Objective
from routing.planner.remedies import Remedy, remedies
from routing.planner.settings import Settings
from routing.planner.telling import sets_off
from routing.planner.trips import best_trip, trip_in_order
from routing.problems import Problem

__all__ = [
    "Driver",
    "Kind",
    "Objective",
    "Order",
    "Plan",
    "Problem",
    "Proposal",
    "Remedy",
    "Settings",
    "Situation",
    "Stop",
    "Travel",
    "Trip",
    "Visit",
    "best_trip",
    "plan",
    "propose",
    "remedies",
    "sets_off",
    "trip_in_order",
]
