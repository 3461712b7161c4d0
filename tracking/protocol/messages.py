"""Every frame of the live protocol, as types. docs/protocol.md describes the conversation.

A frame is one JSON object in one text message. Its fields are camelCase on the wire. Coordinates are degrees, speeds
m/s, headings degrees clockwise from north, distances metres, and times milliseconds since the epoch.
"""

from typing import Annotated, Any, Literal, TypedDict
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from dispatch.models import AlertKind, Item, Vehicle
from dispatch.models.failure_reasons import LeadsTo
from dispatch.statuses import DriverStatus, OrderStatus, StopKind
from routing.problems import Problem

PROTOCOL_VERSION = 1


class Frame(Struct, tag_field="type", rename="camel", frozen=True, omit_defaults=True):
    """Base of all frames. Unknown fields are left out; those that are null instead are named in docs/protocol.md."""


# -------------------------------------------------------------------------------------- from a driver's app

Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
Speed = Annotated[float, Meta(ge=-1, le=150)]
Heading = Annotated[float, Meta(ge=-1, le=360)]
Accuracy = Annotated[float, Meta(ge=-1, le=1e6)]
Battery = Annotated[float, Meta(ge=-1, le=100)]
Number = Annotated[int, Meta(ge=0, le=2**53)]
#: From 1973 on: what is less was meant as seconds. To the end of the year 9999.
MILLISECONDS_FROM = 10**11
LATEST_MS = 253_402_300_799_999
TakenAt = Annotated[int, Meta(ge=MILLISECONDS_FROM, le=LATEST_MS)]
#: In one frame.
MOST_FIXES = 50


class Location(Frame, tag="location", frozen=True):
    """One fix. A speed, heading, accuracy or battery (per cent) of −1 is unknown, as phones report it, and an
    accuracy of 0. `ts` is the device's time; `seq` counts up by one per fix within a session, to be acknowledged.
    `background`: the app is not on the screen.
    """

    lat: Latitude
    lng: Longitude
    speed: Speed | None = None
    heading: Heading | None = None
    accuracy: Accuracy | None = None
    ts: TakenAt | None = None
    seq: Number | None = None
    battery: Battery | None = None
    background: bool | None = None


class Locations(Frame, tag="locations", frozen=True):
    """Fixes that were buffered while the network was away, oldest first, each with its time."""

    fixes: Annotated[list[Location], Meta(min_length=1, max_length=MOST_FIXES)]


class StatusReport(Frame, tag="status", frozen=True):
    """A button: the driver picked the order up, delivered it, could not do either, or brought it back. `reason`: why
    not, a code of the list (`reasons`).
    """

    order_id: UUID
    status: Literal["picked_up", "delivered", "failed", "returned"]
    ts: TakenAt | None = None
    reason: str | None = None


class Seen(Frame, tag="seen", frozen=True):
    """The driver has seen these stops of the plan."""

    stop_ids: Annotated[list[UUID], Meta(max_length=1000)]


class Shift(Frame, tag="shift", frozen=True):
    on: bool


class Break(Frame, tag="break", frozen=True):
    """Begins a break, of as many `minutes` as the driver says or else as usual; or ends it before its time."""

    on: bool
    minutes: Annotated[int, Meta(ge=1, le=480)] | None = None


DriverFrame = Location | Locations | StatusReport | Seen | Shift | Break

# ------------------------------------------------------------------------------------------ to every client


class Hello(Frame, tag="hello", frozen=True):
    """The first frame: a snapshot follows, made of the same frames as everything later, until `ready`."""

    v: int
    now: int


class Ready(Frame, tag="ready", frozen=True):
    """The snapshot is complete."""


class Heartbeat(Frame, tag="heartbeat", frozen=True):
    """Sent every 10 s: a client that hears nothing for 25 s should connect anew."""

    now: int


class Error(Frame, tag="error", frozen=True):
    """Something the client sent was not taken; the message says what to do. `seq`: the number of the fix, of several
    the last one; `seqs`: all of them then.
    """

    code: str
    message: str
    seq: int | None = None
    seqs: list[int] | None = None


ControlFrame = Hello | Ready | Heartbeat | Error

# ------------------------------------------------------------------------------------------- to a driver


class LineString(TypedDict):
    """A road, as GeoJSON: [longitude, latitude], two of them or more."""

    type: Literal["LineString"]
    coordinates: list[list[float]]


class Ack(Frame, tag="ack", frozen=True):
    """Every fix up to and including `seq` was considered and survives a crash of ours, or was refused before."""

    seq: int


class Expect(Frame, tag="expect", frozen=True):
    """The next `seq` that the server expects in this session: all fixes below it survive a crash of ours."""

    seq: int


class Reason(Struct, rename="camel", frozen=True):
    """`leads_to`: “pending”: another driver fetches the order; “return”: food on board goes back; “end”: neither."""

    code: str
    name: str
    leads_to: LeadsTo


class Reasons(Frame, tag="reasons", frozen=True):
    """What a driver may say of an order that fails, in this order."""

    reasons: list[Reason]


class PlanStop(Struct, rename="camel", frozen=True, omit_defaults=True):
    stop_id: UUID
    order_id: UUID
    kind: StopKind
    lat: float | None
    lng: float | None
    name: str
    address: str
    order_status: OrderStatus
    eta: int | None = None
    arrived_at: int | None = None
    #: The driver was at this door and left without a button: was it delivered?
    left_at: int | None = None
    ready_at: int | None = None
    #: When the driver said to have seen it.
    seen_at: int | None = None
    #: A dispatcher wants it at this place in the visiting order.
    pinned: bool = False
    #: From here on only the driver is told, and only what is needed at this stop: how the order is called and what it
    #: is made of, …
    number: str = ""
    bags: int | None = None
    items: list[Item] = []
    needs: list[str] = []
    #: … at the door what the customer wants, and there or at a transfer how to reach whom the driver meets.
    phone: str = ""
    note: str = ""
    door_note: str = ""
    tip: str = ""
    cash_due: str = ""
    #: How old who takes it there has to be, by a document.
    age_check: int | None = None


class Plan(Frame, tag="plan", frozen=True):
    """A driver's stops in visiting order, and the roads through them. `break_until`: on a break that ends then."""

    driver_id: UUID
    v: int
    status: DriverStatus
    on_shift: bool
    stops: list[PlanStop]
    geometry: LineString | None = None
    break_until: int | None = None


# ------------------------------------------------------------------------------------------ to a customer


class CustomerStatus(Frame, tag="status", frozen=True):
    status: OrderStatus
    message: str
    v: int


class Eta(Frame, tag="eta", frozen=True):
    """Minutes to the customer's door; 0 where there is nothing to wait for: the driver was there, or it is delivered.
    Four arrivals of five lie between `low` and `high` (minutes); None where an ETA is `approximate`. `stops_before`:
    others' stops before it.
    """

    minutes: int
    v: int
    low: int | None = None
    high: int | None = None
    approximate: bool = False
    stops_before: int = 0


class EtaUnknown(Frame, tag="eta_unknown", frozen=True):
    """An ETA was told, and nobody can say any longer."""

    v: int


class Route(Frame, tag="route", frozen=True):
    """The part of the driver's road that leads to this customer."""

    geometry: LineString
    v: int


class RouteHidden(Frame, tag="route_hidden", frozen=True):
    """A road was told, and there is none to show any longer."""

    v: int


class DriverPosition(Frame, tag="driver_pos", frozen=True):
    """Where the customer's driver is. `ts` is the time of the fix."""

    lat: float
    lng: float
    ts: int
    heading: float | None = None


class DriverHidden(Frame, tag="driver_hidden", frozen=True):
    """The driver is not (or no longer) to be seen: not on the way yet, at somebody else's door, or done."""

    v: int


CustomerFrame = Eta | EtaUnknown | Route | RouteHidden | DriverHidden | DriverPosition | CustomerStatus

# ---------------------------------------------------------------------------------------- to a dispatcher


class FleetPosition(Struct, rename="camel", frozen=True, omit_defaults=True):
    driver_id: str
    lat: float
    lng: float
    ts: int
    speed: float | None = None
    heading: float | None = None
    #: Of the phone, per cent; and whether the app is not on its screen.
    battery: int | None = None
    background: bool = False


class FleetPositions(Frame, tag="driver_pos", frozen=True):
    """The latest position of each driver of a city that moved since the last of these frames."""

    city_id: str
    drivers: list[FleetPosition]


class FixTrouble(Frame, tag="fixes", frozen=True):
    """What the filter turned away on a driver's present socket since `since`, by name; `last` at `v` (ms)."""

    driver_id: UUID
    v: int
    since: int
    last: str
    rejected: dict[str, int]


class DriverState(Frame, tag="driver", frozen=True):
    """A driver as now is. `skills`: their codes. `break_until`: on a break that ends then, or did."""

    driver_id: UUID
    v: int
    name: str
    phone: str
    city_id: UUID | None
    status: DriverStatus
    on_shift: bool
    vehicle: Vehicle
    skills: list[str] = []
    break_until: int | None = None


class OrderState(Frame, tag="order", frozen=True):
    """An order as it now is. One whose status is final leaves the dispatcher's lists.

    `created_at`: since when it waits; of one that is wanted later (`wanted_at`), when a driver is looked for.
    `promised_at`: by when it is to be at the door. `problem` (a code) and `problem_text` (a sentence): why it has no
    driver, no ETA or only an approximate one. `auto_pickup_at`: a geofence took it for picked up, which a
    dispatcher can still undo. `left_dropoff_at`: the driver left the customer's door and has not said how it went.
    `needs`: codes of skills without which no driver is offered or given it.
    """

    order_id: UUID
    v: int
    status: OrderStatus
    city_id: UUID | None
    restaurant_id: UUID | None
    customer_name: str
    customer_address: str
    customer_phone: str
    lat: float | None
    lng: float | None
    created_at: int
    promised_at: int
    driver_id: UUID | None = None
    eta_minutes: int | None = None
    eta_low: int | None = None
    eta_high: int | None = None
    problem: Problem | None = None
    problem_text: str | None = None
    ready_at: int | None = None
    auto_pickup_at: int | None = None
    left_dropoff_at: int | None = None
    wanted_at: int | None = None
    number: str = ""
    bags: int = 1
    items: list[Item] = []
    needs: list[str] = []
    kitchen_note: str = ""
    driver_note: str = ""
    door_note: str = ""
    cash_due: str = ""
    age_check: int | None = None


class Pause(Struct, rename="camel", frozen=True):
    """Nobody is sent for food; `until`: null where somebody has to end it. `reason`: a dispatcher's own words."""

    since: int
    until: int | None
    reason: str


class ExtraMinutes(Struct, rename="camel", frozen=True):
    """Who orders meanwhile is promised so many `minutes` more."""

    minutes: int
    since: int
    until: int


class RestaurantState(Frame, tag="restaurant", frozen=True):
    """`pause`, `extra`: its own, until they are over; a client compares with the time."""

    restaurant_id: UUID
    name: str
    address: str
    lat: float
    lng: float
    geofence_radius: int
    city_id: UUID | None
    pause: Pause | None = None
    extra: ExtraMinutes | None = None


class CityState(Frame, tag="city", frozen=True):
    """What is switched on in a city; a snapshot has those alone where something is."""

    city_id: UUID
    pause: Pause | None = None
    extra: ExtraMinutes | None = None


class GeofenceEvent(Frame, tag="geofence", frozen=True):
    """A geofence moved an order along, and why."""

    order_id: UUID
    driver_id: UUID | None
    status: OrderStatus
    at: int
    evidence: dict[str, Any] | None = None


class Against(Struct, rename="camel", frozen=True, omit_defaults=True):
    """The step that people took: `status` and when, who (`by`, in words) and why; `driver_name`: who had the order
    from then on, where it went to another driver.
    """

    status: OrderStatus
    at: int
    by: str
    reason: str = ""
    driver_name: str = ""


class ConflictState(Frame, tag="conflict", frozen=True):
    """A driver pressed `says` without a network, and it came when people had decided otherwise. A dispatcher settles
    it; `settled` ones leave the list.
    """

    conflict_id: UUID
    v: int
    order_id: UUID
    city_id: UUID | None
    restaurant_id: UUID | None
    customer_name: str
    customer_address: str
    number: str
    driver_id: UUID
    driver_name: str
    says: OrderStatus
    pressed_at: int
    told_at: int
    against: Against
    settled: bool


class AlertState(Frame, tag="alert", frozen=True):
    """What a dispatcher should look at, `since` then: of a driver, or of an order that has none. Beside a driver,
    `order_id` is what it concerns there. `due_at`: when the planned shift ends. `seen_by`: who looks after it, so
    that it is quiet. One that is `ended` leaves the list.
    """

    alert_id: UUID
    v: int
    kind: AlertKind
    city_id: UUID | None
    since: int
    driver_id: UUID | None = None
    order_id: UUID | None = None
    due_at: int | None = None
    seen_by: str = ""
    ended: bool = False


DispatcherFrame = (
    RestaurantState
    | CityState
    | DriverState
    | Plan
    | OrderState
    | FleetPositions
    | FixTrouble
    | GeofenceEvent
    | ConflictState
    | AlertState
)

ServerFrame = ControlFrame | Plan | Expect | Ack | CustomerFrame | DispatcherFrame

_encoder = msgspec.json.Encoder()
_driver_decoder: msgspec.json.Decoder[DriverFrame] = msgspec.json.Decoder(DriverFrame)
_json_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def encode(frame: Frame | FleetPosition) -> str:
    return _encoder.encode(frame).decode()


def decode_driver_frame(text: str | bytes) -> DriverFrame:
    """A driver's frame, decoded and validated in one pass; `msgspec.MsgspecError` says what is wrong with it
    (tracking/protocol/lenient.py reads it all the same, if it can be read).
    """
    frame = _decode(_driver_decoder, text)
    if isinstance(frame, Locations) and any(fix.ts is None for fix in frame.fixes):
        raise msgspec.ValidationError("Of fixes that waited each needs its time")
    return frame


def decode_json(text: str | bytes) -> Any:
    """`msgspec.MsgspecError`: it is none."""
    return _decode(_json_decoder, text)


def _decode[T](decoder: msgspec.json.Decoder[T], text: str | bytes) -> T:
    try:
        return decoder.decode(text)
    except UnicodeError:
        raise msgspec.DecodeError("The text is not valid UTF-8") from None
    except RecursionError:
        raise msgspec.DecodeError("The JSON is nested too deeply") from None
