"""Counts of what was made of all places, by phone and width of the fence."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from delivery.devtools.bench.fences_page import Fences, Replays, Spikes
from tests.tracking.ingest.recorded.drives import Drive
from tests.tracking.ingest.recorded.outcomes import Outcome, outcome
from tests.tracking.ingest.recorded.phones import Phone
from tests.tracking.ingest.recorded.places import RADIUS_M, Kind, Place, places

#: Around a customer.
DOOR_M = 100
FIELDS = (True, False)
PHONES = [
    *(Phone(every_s, knows_speed) for every_s in (1, 5, 10, 15, 30) for knows_speed in FIELDS),
    *(Phone(5, knows_speed, error_m) for error_m in (10.0, 25.0, 50.0) for knows_speed in FIELDS),
]
DOOR_PHONES = [Phone(5, knows_speed) for knows_speed in FIELDS]
SPIKED = [Phone(every_s, knows_speed) for every_s in (5, 10) for knows_speed in FIELDS]
#: When during a visit the wrong fixes come, by share of it.
SPIKES = (0.1, 0.3, 0.5, 0.7)


def measured(drives: Sequence[Drive]) -> Fences:
    found = [place for drive in drives for place in places(drive)]
    return Fences(
        [drive.name for drive in drives],
        sum(len(drive.way) for drive in drives) / 3600,
        [
            *(replayed(found, phone, RADIUS_M) for phone in PHONES),
            *(replayed(found, phone, DOOR_M) for phone in DOOR_PHONES),
        ],
        [spiked(found, phone) for phone in SPIKED],
    )


def replayed(found: Iterable[Place], phone: Phone, radius_m: float) -> Replays:
    seen = {
        kind: [(one, outcome(one, phone, radius_m=radius_m)) for one in found if one.kind == kind]
        for kind in Kind
    }
    visits, halts, passes = (seen[kind] for kind in (Kind.VISIT, Kind.HALT, Kind.PASS))
    return Replays(
        radius_m,
        phone.every_s,
        phone.knows_speed,
        phone.error_m,
        len(visits),
        sum(_left_after(place, what) for place, what in visits),
        [what.arrived_at - place.begins for place, what in visits if what.arrived_at is not None],
        *_counted(halts),
        *_counted(passes),
    )


def spiked(found: Iterable[Place], phone: Phone) -> Spikes:
    exits = [
        what.left_at is not None and what.left_at < place.ends
        for place in found
        if place.kind == Kind.VISIT
        for share in SPIKES
        for second in [place.begins + round(share * (place.ends - place.begins))]
        for what in [outcome(place, replace(phone, spike=second, seed=second))]
    ]
    return Spikes(phone.every_s, phone.knows_speed, phone.spike_m, len(exits), sum(exits))


def _left_after(place: Place, what: Outcome) -> bool:
    return what.left_at is not None and what.left_at >= place.ends


def _counted(seen: Sequence[tuple[Place, Outcome]]) -> tuple[int, int, int]:
    """All of them, those taken for visits, and those whose arrival was taken back."""
    return (
        len(seen),
        sum(what.left_at is not None for _, what in seen),
        sum(what.taken_back for _, what in seen),
    )
