"""What a dispatcher asks for and gets over HTTP, as types: bodies of requests, and answers to questions.

Minutes and kilometres have one decimal; times are milliseconds since the epoch.
"""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from dispatch.models.switches import MOST_EXTRA_MINUTES
from dispatch.planning import assignment, replanning
from dispatch.planning import succession as planning
from dispatch.planning.handing_on import Move
from dispatch.planning.visiting_order import Wish
from dispatch.problems import SENTENCES
from routing import planner
from routing.problems import Problem

# ------------------------------------------------------------------------------------------------ requests


#: As long as the admin's forms take it: the order's timeline keeps it. No text in PostgreSQL has a NUL.
Words = Annotated[str, Meta(max_length=300, pattern=r"^[^\x00]*$")]


class AssignmentRequest(Struct, frozen=True):
    driver: UUID


class Nothing(Struct, frozen=True):
    pass


class VisitingOrder(Struct, frozen=True):
    #: Many more than a driver can have: a pickup and a dropoff for each of a hundred bags.
    stops: Annotated[list[Wish], Meta(max_length=1000)]


class Reason(Struct, frozen=True):
    reason: Words = ""


class Settling(Struct, frozen=True):
    """Who is right: what the “driver” says, or what “stands”."""

    outcome: Literal["driver", "stands"]


class HandingOn(Struct, rename="camel", frozen=True):
    """Which driver takes which of a driver's orders. `end_shift`: the driver's shift ends with it."""

    moves: Annotated[list[Move], Meta(min_length=1, max_length=1000)]
    end_shift: bool = False


class HandingBack(Struct, rename="camel", frozen=True):
    """The driver's stops as they were, in visiting order. `on_shift`: as the driver was; null leaves it as it is."""

    stops: Annotated[list[Wish], Meta(min_length=1, max_length=1000)]
    on_shift: bool | None = None


class Cancelling(Struct, frozen=True):
    """`dispose`: food that the driver has already is not brought back."""

    reason: Words = ""
    dispose: bool = False


class Closing(Struct, frozen=True):
    status: Literal["delivered", "failed"]
    reason: Words = ""


class Seeing(Struct, frozen=True):
    """Whether somebody looks after an alert; false takes that back."""

    seen: bool = True


#: Milliseconds since the epoch, to the end of the year 9999.
Moment = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]


class Pausing(Struct, frozen=True):
    """`until`: null is until somebody resumes."""

    until: Moment | None = None
    reason: Words = ""


class PromisingLater(Struct, frozen=True):
    """So many minutes more for who orders until then."""

    minutes: Annotated[int, Meta(ge=1, le=MOST_EXTRA_MINUTES)]
    until: Moment


def decode[Body: Struct](body: bytes, body_type: type[Body]) -> Body:
    """A request's JSON; `msgspec.MsgspecError` says what is wrong with it."""
    try:
        return msgspec.json.decode(body or b"{}", type=body_type)
    except UnicodeError:
        raise msgspec.DecodeError("The text is not valid UTF-8") from None
    except RecursionError:
        raise msgspec.DecodeError("The JSON is nested too deeply") from None


# ------------------------------------------------------------------------------------------------- answers


class Delay(Struct, rename="camel", frozen=True):
    """By how much later than now an order that the driver has already would become late."""

    order_id: str
    minutes: float


class Offer(Struct, rename="camel", frozen=True):
    """What it would mean that this driver takes the order: more work, when it is at the door, what becomes late."""

    driver_id: str
    added_minutes: float
    late_minutes: float
    delivered_at: int | None
    delays: list[Delay]


class Unable(Struct, rename="camel", frozen=True):
    """Why this driver can't take the order: a code and a sentence."""

    driver_id: str
    problem: Problem
    message: str


class Proposals(Struct, rename="camel", frozen=True):
    """The best driver first. `approximate`: by straight lines, as the roads do not answer."""

    approximate: bool
    proposals: list[Offer | Unable]


class Remedy(Struct, rename="camel", frozen=True):
    """What would help a late order. `moves`: the order that goes to the driver, or comes first."""

    kind: Literal["reassign", "relieve", "first"]
    moves: str
    driver_id: str
    saved_minutes: float
    relief_minutes: float


class Remedies(Struct, rename="camel", frozen=True):
    """The best first; none while the roads are away."""

    roads_away: bool
    remedies: list[Remedy]


class Saving(Struct, frozen=True):
    """The planner's order of a driver's stops (ids), and what it saves; km below 0 is a longer way."""

    stops: list[UUID]
    minutes: float
    km: float


class SavingAnswer(Struct, frozen=True):
    """None where the planner's order is the one in hand."""

    saving: Saving | None


class Heir(Struct, rename="camel", frozen=True):
    """Who takes an order that a driver hands on, and when it is at the door then."""

    order_id: str
    driver_id: str
    late_minutes: float
    delivered_at: int | None


class Heirless(Struct, rename="camel", frozen=True):
    """Why nobody can take this order: a code and a sentence."""

    order_id: str
    problem: Problem
    message: str


class Succession(Struct, frozen=True):
    """What a driver has, in visiting order, and whom it makes late. `approximate`: by straight lines, as the roads do
    not answer.
    """

    approximate: bool
    heirs: list[Heir | Heirless]
    delays: list[Delay]


class Notices(Struct, frozen=True):
    """Sentences that stand over the dashboard as long as they hold."""

    notices: list[str]


class Refusal(Struct, frozen=True):
    """What comes with a 4xx or 503: a code, and a sentence for the dispatcher."""

    code: str
    message: str


def proposals(order_id: UUID, found: assignment.Proposals) -> Proposals:
    return Proposals(found.approximate, [_proposal(proposal, order_id) for proposal in found.ranked])


def _proposal(proposal: planner.Proposal, order_id: UUID) -> Offer | Unable:
    if proposal.problem is not None:
        return Unable(str(proposal.vehicle), proposal.problem, SENTENCES[proposal.problem])
    delivered = proposal.tour.delivered(order_id) if proposal.tour else None
    return Offer(
        driver_id=str(proposal.vehicle),
        added_minutes=_minutes(proposal.added_s),
        late_minutes=_minutes(proposal.late_s),
        delivered_at=None if delivered is None else round(delivered * 1000),
        delays=[Delay(str(order), _minutes(seconds)) for order, seconds in proposal.delays_s.items()],
    )


def remedies(found: assignment.Remedies) -> Remedies:
    return Remedies(
        found.roads_away,
        [
            Remedy(
                kind=remedy.kind,
                moves=str(remedy.moves),
                driver_id=str(remedy.vehicle),
                saved_minutes=_minutes(remedy.saved_s),
                relief_minutes=_minutes(remedy.relief_s),
            )
            for remedy in found.ranked
        ],
    )


def saving(found: replanning.Saving | None) -> SavingAnswer:
    if found is None:
        return SavingAnswer(None)
    return SavingAnswer(Saving(list(found.stops), _minutes(found.seconds), round(found.metres / 1000, 1)))


def succession(found: planning.Succession) -> Succession:
    return Succession(
        found.approximate,
        [_heir(heir) for heir in found.heirs],
        [Delay(str(order), _minutes(seconds)) for order, seconds in found.delays_s.items()],
    )


def _heir(heir: planning.Heir) -> Heir | Heirless:
    if heir.problem is not None:
        return Heirless(str(heir.order), heir.problem, SENTENCES[heir.problem])
    return Heir(
        order_id=str(heir.order),
        driver_id=str(heir.driver),
        late_minutes=_minutes(heir.late_s),
        delivered_at=None if heir.delivered_at is None else round(heir.delivered_at * 1000),
    )


def _minutes(seconds: float) -> float:
    return round(seconds / 60, 1)
