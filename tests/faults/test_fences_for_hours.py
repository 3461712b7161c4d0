"""Hours at a fence's edge, drives past it, arrivals and exits by the hundred: what the geofences make of them."""

from random import Random
from statistics import quantiles

import pytest

from tests.faults import length
from tests.tracking.ingest.drives import T0, at, drive, drive_and_stay, events, fence, parked, watch
from tracking.ingest.geofences import FenceEvent

ARRIVED, LEFT = FenceEvent.ARRIVED, FenceEvent.LEFT
HOUR_S = 3600

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("radius", [100, 200])
@pytest.mark.parametrize("memory_s", [0, 20, 60, 120])
@pytest.mark.parametrize("every_s", [5, 10])
def test_eight_hours_parked_on_the_edge_are_one_arrival(
    radius: float, memory_s: float, every_s: float
) -> None:
    for seed in range(length(short=2, full=40)):
        accuracy = [None, 5.0, 25.0][seed % 3]
        speed = [None, 0.0, 1.0, 4.0][seed % 4]  # which lies, in the end
        night = parked(
            radius,
            8 * HOUR_S,
            sigma_m=25,
            memory_s=memory_s,
            seed=seed,
            every_s=every_s,
            accuracy=accuracy,
            speed=speed,
        )
        assert events(fence(radius), night) == [ARRIVED], f"seed {seed}"


@pytest.mark.parametrize("every_s", [1, 5, 10])
@pytest.mark.parametrize("radius", [100, 200])
def test_at_60_km_h_past_the_door_nobody_arrives(radius: float, every_s: float) -> None:
    for seed in range(length(short=20, full=400)):
        rng = Random(seed)
        north, start = rng.uniform(-radius, radius), -1000 - rng.uniform(0, 100)
        knows_speed = rng.random() < 0.8
        drift = parked(0, 200, sigma_m=8, memory_s=60, seed=seed, every_s=every_s)
        way = drive(start, 1000, 60 / 3.6, every_s=every_s, north_m=north, accuracy=rng.uniform(3, 60))
        here = at(0, 0)
        off = [
            one._replace(
                lat=one.lat + error.lat - here.lat,
                lng=one.lng + error.lng - here.lng,
                speed=one.speed if knows_speed else None,
            )
            for one, error in zip(way, drift, strict=False)
        ]
        assert events(fence(radius), off) == [], f"seed {seed}"


@pytest.mark.parametrize("every_s", [1, 5, 10])
@pytest.mark.parametrize("radius", [100, 200])
@pytest.mark.parametrize("knows_speed", [True, False])
def test_arrivals_are_confirmed_within_15_s_and_exits_within_25_of_all_but_one_in_twenty(
    radius: float, every_s: float, knows_speed: bool
) -> None:
    rng, arrivals, exits = Random(7), [], []
    for _ in range(length(short=40, full=300)):
        way = drive_and_stay(
            rng,
            radius_m=radius,
            every_s=every_s,
            sigma_m=rng.choice([4, 4, 10, 20]),
            stay_s=rng.uniform(120, 300),
            knows_speed=knows_speed,
        )
        _, sightings = watch(fence(radius), way.fixes)
        assert [sighting.event for sighting in sightings] == [ARRIVED, LEFT]
        arrived, left = ((sighting.evidence["ts"] - T0) / 1000 for sighting in sightings)
        arrivals.append(arrived - way.stands_from)
        exits.append(left - way.outside_from)
    assert quantiles(arrivals, n=20)[-1] <= 15
    # Several fixes must be clearly outside: of a phone that tells its place every 10 s they take longer to come.
    assert quantiles(exits, n=20)[-1] <= (25 if every_s <= 5 else 30)
