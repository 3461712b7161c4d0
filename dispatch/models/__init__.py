"""The tables of the domain.

Table and column names are meant to be read in plain SQL, and the defaults stand in the database too, so that an
`INSERT` from psql gets an id, a token and a timestamp. Writes are actions: dispatch/orders/ and
dispatch/planning/plan_store.py.
"""

from dispatch.models.etas import EtaPrediction, EtaSpread, HandoverTime, KitchenTime, SpeedFactor
from dispatch.models.orders import (
    NO_ETA,
    City,
    Driver,
    Order,
    OrderEvent,
    Restaurant,
    Stop,
    left_and_ahead,
    plans_of,
)

__all__ = [
    "NO_ETA",
    "City",
    "Driver",
    "EtaPrediction",
    "EtaSpread",
    "HandoverTime",
    "KitchenTime",
    "Order",
    "OrderEvent",
    "Restaurant",
    "SpeedFactor",
    "Stop",
    "left_and_ahead",
    "plans_of",
]
