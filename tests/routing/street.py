"""Orders along a street, for plans that can be worked out by hand."""

from routing.planner import Shipment, Visit

LINE = [[abs(a - b) * 60.0 for b in range(10)] for a in range(10)]  # places along a street, a minute apart


def shipment(id_: str, restaurant: int | None, customer: int | None, **fields: float) -> Shipment:
    return Shipment(
        id_, restaurant, customer, **{"placed_at": 0.0, "ready_at": 0.0, "promised_at": 3600.0} | fields
    )


def both(*ids: str) -> tuple[Visit, ...]:
    return tuple(Visit(id_, kind) for id_ in ids for kind in ("pickup", "dropoff"))


def shown(visits: tuple[Visit, ...]) -> str:
    return " ".join(f"{'+' if visit.kind == 'pickup' else '-'}{visit.shipment}" for visit in visits)
