"""Recorded drives with places on them, through the real filter and fences: the goals of docs/geofences.md hold."""

import pytest

from delivery.devtools.bench.fences_page import DELAY_S, FOUND, TAKEN
from tests.tracking.ingest.recorded.drives import recorded
from tests.tracking.ingest.recorded.measured import DOOR_M, replayed, spiked
from tests.tracking.ingest.recorded.outcomes import outcome
from tests.tracking.ingest.recorded.phones import Phone
from tests.tracking.ingest.recorded.places import RADIUS_M, Kind, Place, places
from tracking.ingest.geofences import Rules

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found() -> list[Place]:
    return [place for drive in recorded() for place in places(drive)]


def test_there_is_something_to_see(found: list[Place]) -> None:
    counts = {kind: sum(place.kind == kind for place in found) for kind in Kind}
    assert counts == {Kind.VISIT: 74, Kind.HALT: 23, Kind.PASS: 107}


@pytest.mark.parametrize("radius_m", [RADIUS_M, DOOR_M])
@pytest.mark.parametrize("knows_speed", [True, False])
def test_visits_are_told_from_halts_and_passes(
    found: list[Place], radius_m: float, *, knows_speed: bool
) -> None:
    counted = replayed(found, Phone(5, knows_speed), radius_m)
    assert counted.visits_found >= FOUND * counted.visits
    assert counted.halts_taken <= TAKEN * counted.halts
    assert counted.passes_taken == 0
    assert sorted(counted.delays_s)[counted.visits // 2] <= DELAY_S


def test_wrong_fixes_in_a_row_end_no_visit(found: list[Place]) -> None:
    assert spiked(found, Phone(5)).exits == 0


def test_the_drives_tell_other_rules_from_these(found: list[Place]) -> None:
    """Whoever is inside for half a minute has visited: what the time inside a fence alone would say."""
    halts = [place for place in found if place.kind == Kind.HALT]
    credulous = Rules(min_visit_s=20)
    taken = sum(outcome(place, Phone(5), rules=credulous).left_at is not None for place in halts)
    assert taken > len(halts) / 4
