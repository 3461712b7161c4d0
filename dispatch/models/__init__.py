"""The tables of the domain.

Table and column names are meant to be read in plain SQL, and the defaults stand in the database too, so that an
`INSERT` from psql gets an id, a token and a timestamp. Writes are actions: dispatch/orders/ and
dispatch/planning/plan_store.py.
"""

from dispatch.models.alerts import Alert, AlertKind, Whereabouts
from dispatch.models.api_keys import ApiAnswer, ApiKey, ApiKeyCity, Scope
from dispatch.models.areas import DeliveryArea
from dispatch.models.cities import City
from dispatch.models.conflicts import Conflict
from dispatch.models.drivers import CAPACITY, HEARD_NOW, Driver, Vehicle
from dispatch.models.etas import EtaPrediction, EtaSpread, HandoverTime, KitchenTime, SpeedFactor
from dispatch.models.failure_reasons import FailureReason
from dispatch.models.items import Item
from dispatch.models.leases import Lease
from dispatch.models.messages import (
    LinkFrom,
    Message,
    MessageKind,
    MessageSettings,
    MessageState,
    MessageText,
    StoppedNumber,
    WhyNot,
)
from dispatch.models.openings import OpeningException, OpeningHours
from dispatch.models.orders import NO_ETA, DoorFrom, Order, OrderEvent
from dispatch.models.outbox import ArrivalTold, OutboxEntry, OutboxEvent, OutboxReceiver, OutboxState
from dispatch.models.platforms import PlatformRestaurant
from dispatch.models.promises import Promise
from dispatch.models.quotes import Quote
from dispatch.models.restaurants import Restaurant
from dispatch.models.shifts import (
    LONGEST_BREAK,
    LONGEST_SHIFT,
    Planned,
    PlannedBreak,
    Shift,
    breaks_to_come,
    planned_end,
    planned_ends,
)
from dispatch.models.skills import Skill
from dispatch.models.stops import (
    Stop,
    left_and_ahead,
    next_stops,
    number,
    places,
    plans_of,
    to_fetch,
    visitable,
)
from dispatch.models.users import User
from dispatch.models.webhooks import WebhookEndpoint, WebhookEvent, receiver_of

__all__ = [
    "CAPACITY",
    "HEARD_NOW",
    "LONGEST_BREAK",
    "LONGEST_SHIFT",
    "NO_ETA",
    "Alert",
    "AlertKind",
    "ApiAnswer",
    "ApiKey",
    "ApiKeyCity",
    "ArrivalTold",
    "City",
    "Conflict",
    "DeliveryArea",
    "DoorFrom",
    "Driver",
    "EtaPrediction",
    "EtaSpread",
    "FailureReason",
    "HandoverTime",
    "Item",
    "KitchenTime",
    "Lease",
    "LinkFrom",
    "Message",
    "MessageKind",
    "MessageSettings",
    "MessageState",
    "MessageText",
    "OpeningException",
    "OpeningHours",
    "Order",
    "OrderEvent",
    "OutboxEntry",
    "OutboxEvent",
    "OutboxReceiver",
    "OutboxState",
    "Planned",
    "PlannedBreak",
    "PlatformRestaurant",
    "Promise",
    "Quote",
    "Restaurant",
    "Scope",
    "Shift",
    "Skill",
    "SpeedFactor",
    "Stop",
    "StoppedNumber",
    "User",
    "Vehicle",
    "WebhookEndpoint",
    "WebhookEvent",
    "Whereabouts",
    "WhyNot",
    "breaks_to_come",
    "left_and_ahead",
    "next_stops",
    "number",
    "places",
    "planned_end",
    "planned_ends",
    "plans_of",
    "receiver_of",
    "to_fetch",
    "visitable",
]
