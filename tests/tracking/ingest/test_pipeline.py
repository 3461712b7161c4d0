"""`Pipeline.ingest` without sockets, Redis or a database: what it collects for them."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from dispatch.orders import geofence_actions
from tests.tracking.ingest.drives import STOP, T0, at, fence
from tests.tracking.ingest.sessions import DRIVER, OTHER, new_session, parts
from tracking.ingest.fix_filter import Fix, Limits
from tracking.ingest.geofences import Rules
from tracking.ingest.pipeline import Pipeline
from tracking.ingest.session import Session
from tracking.protocol.messages import FixTrouble, Location


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(*parts(), Limits(), Rules(), keep_every=5)


@pytest.fixture
def acked() -> list[int]:
    return []


@pytest.fixture
def session(acked: list[int]) -> Session:
    return new_session(acknowledge=acked.append)


@pytest.fixture
def take(pipeline: Pipeline, session: Session) -> Callable[..., str | None]:
    """Takes in a fix so far east of the fence's centre at `seconds`; by default it arrives at once."""

    def ingest(
        east_m: float, seconds: float, *, seq: int | None = None, now_s: float | None = None, **fields: float
    ) -> str | None:
        fix = at(east_m, seconds, **fields)
        location = Location(fix.lat, fix.lng, fix.speed, fix.heading, fix.accuracy, fix.ts, seq)
        return pipeline.ingest(
            session, location, T0 + round((seconds if now_s is None else now_s) * 1000)
        ).name

    return ingest


def kept_seconds(pipeline: Pipeline) -> list[float]:
    return [(kept.fix.ts - T0) / 1000 for kept in pipeline.recorder.record.kept]


def counted(pipeline: Pipeline) -> Counter[str]:
    """At once, or with the next commit."""
    return pipeline.verdicts.counts + pipeline.recorder.record.verdicts


# --------------------------------------------------------------------------------------------- live position


def test_a_good_fix_becomes_the_live_position(pipeline: Pipeline, take: Callable) -> None:
    assert take(100, 0, speed=8.2, heading=90.0) is None
    position = pipeline.publisher.moved["denver"][str(DRIVER)]
    assert (position.driver_id, position.ts, position.speed, position.heading) == (str(DRIVER), T0, 8.2, 90.0)
    assert position.lat == pytest.approx(at(100, 0).lat, abs=1e-6)
    assert position.lng == pytest.approx(at(100, 0).lng, abs=1e-6)
    assert pipeline.recorder.record.positions() == {DRIVER: at(100, 0, speed=8.2, heading=90.0)}


def test_of_several_fixes_the_newest_is_shown(pipeline: Pipeline, take: Callable) -> None:
    for seconds in (0, 5, 10):
        take(seconds * 10, seconds)
    assert pipeline.publisher.moved["denver"][str(DRIVER)].ts == T0 + 10_000
    assert pipeline.recorder.record.positions()[DRIVER].ts == T0 + 10_000


@pytest.mark.parametrize(
    ("seconds", "east_m", "name"),
    [(95, 10, "out_of_order"), (100, 10, "duplicate"), (105, 9000, "teleport")],
)
def test_a_fix_that_is_not_believed_never_moves_the_marker(
    pipeline: Pipeline, take: Callable, seconds: float, east_m: float, name: str
) -> None:
    take(0, 100)
    assert take(east_m, seconds, now_s=105) == name
    assert pipeline.publisher.moved["denver"][str(DRIVER)].ts == T0 + 100_000
    assert pipeline.recorder.record.positions()[DRIVER].ts == T0 + 100_000
    assert counted(pipeline) == {"good": 1, name: 1}


def test_an_inaccurate_fix_moves_the_marker_but_no_order(
    pipeline: Pipeline, session: Session, take: Callable
) -> None:
    session.next_stops.replace([fence(200)], {})
    assert [take(10, n * 5, accuracy=500, speed=0.0) for n in range(10)] == ["inaccurate"] * 10
    assert pipeline.publisher.moved["denver"][str(DRIVER)].ts == T0 + 45_000
    assert not session.writes


def test_a_clock_that_runs_ahead_does_not_hide_the_next_fixes(pipeline: Pipeline, take: Callable) -> None:
    take(0, 20, now_s=0)
    assert pipeline.publisher.moved["denver"][str(DRIVER)].ts == T0
    assert pipeline.recorder.record.positions()[DRIVER].ts == T0 + 20_000


def test_drivers_and_cities_are_kept_apart(pipeline: Pipeline, session: Session) -> None:
    other = new_session(OTHER, "boulder")
    pipeline.ingest(session, Location(1.0, 2.0), T0)
    pipeline.ingest(other, Location(3.0, 4.0), T0)
    assert {city: set(moved) for city, moved in pipeline.publisher.moved.items()} == {
        "denver": {str(DRIVER)},
        "boulder": {str(OTHER)},
    }


# -------------------------------------------------------------------------------------------------- history


def test_every_fifth_fix_and_the_last_of_a_session_are_kept(
    pipeline: Pipeline, session: Session, take: Callable
) -> None:
    for n in range(8):
        take(n * 10, n)
    pipeline.end(session)
    assert kept_seconds(pipeline) == [0, 5, 7]


def test_a_fix_that_changed_something_is_kept(pipeline: Pipeline, session: Session, take: Callable) -> None:
    session.next_stops.replace([fence(200)], {})
    for n in range(5):
        take(250 - n * 18, n * 5)
    assert [write.func for _, write in session.writes] == [geofence_actions.arrive]
    assert kept_seconds(pipeline) == [0, 20]


def test_what_is_not_worth_keeping_is_not_kept(pipeline: Pipeline, session: Session, take: Callable) -> None:
    take(0, 100)
    take(10, 100, now_s=105)
    take(9000, 105)
    pipeline.end(session)
    assert kept_seconds(pipeline) == [100]


def test_a_stale_fix_is_kept_though_it_is_not_shown(pipeline: Pipeline, take: Callable) -> None:
    assert take(0, 0, now_s=1000) == "stale"
    assert kept_seconds(pipeline) == [0]
    assert not pipeline.publisher.moved
    assert not pipeline.recorder.record.latest


# ------------------------------------------------------------------------------------ geofences, the domain


def test_an_arrival_is_asked_of_the_domain_with_its_evidence(
    pipeline: Pipeline, session: Session, take: Callable
) -> None:
    session.next_stops.replace([fence(200)], {})
    take(100, 0, seq=1)
    take(90, 5, seq=2)
    [(seq, write)] = session.writes
    assert (seq, write.func, write.args) == (2, geofence_actions.arrive, (DRIVER, [STOP]))
    assert write.keywords["happened_at"] == datetime.fromtimestamp((T0 + 5000) / 1000, UTC)
    assert write.keywords["evidence"]["rule"] == "slow"
    assert pipeline.domain.asking == {session}


def test_a_silent_driver_is_heard_of_again_once(pipeline: Pipeline, session: Session, take: Callable) -> None:
    session.offline = True
    take(0, 0, seq=1)
    take(10, 5, seq=2)
    [(seq, write)] = session.writes
    assert (seq, write.func, write.args) == (None, geofence_actions.heard_of, (DRIVER,))


def test_a_driver_without_a_position_gets_one_with_the_first_fix_and_once(
    pipeline: Pipeline, session: Session, take: Callable
) -> None:
    session.unplaced = True
    take(0, 0, seq=1)
    take(10, 5, seq=2)
    [(seq, write)] = session.writes
    first = at(0, 0)
    assert (seq, write.func) == (None, geofence_actions.placed)
    assert write.args == (DRIVER, first.lat, first.lng, datetime.fromtimestamp(T0 / 1000, UTC))


def test_a_fix_that_is_turned_away_is_a_sign_of_life_all_the_same(
    session: Session, take: Callable, pipeline: Pipeline
) -> None:
    session.offline = True
    session.track.last = at(0, 0)
    assert take(9000, 5) == "teleport"
    [(_, write)] = session.writes
    assert write.func == geofence_actions.heard_of
    assert not session.offline
    assert (pipeline.recorder.record.heard, pipeline.recorder.record.latest) == ({session}, {})


# ----------------------------------------------------------------------------------------------------- acks


def commit(pipeline: Pipeline) -> None:
    """As the recorder does after its transaction."""
    for session, seq in pipeline.recorder.take().safe_seqs().items():
        session.numbering.send_ack(seq)


def test_nothing_is_acknowledged_before_the_commit(
    pipeline: Pipeline, take: Callable, acked: list[int]
) -> None:
    take(0, 0, seq=0)
    take(10, 5, seq=1)
    assert acked == []
    commit(pipeline)
    assert acked == [1]


def test_what_was_rejected_is_acknowledged_too(pipeline: Pipeline, take: Callable, acked: list[int]) -> None:
    take(0, 0, seq=0)
    take(0, 0, seq=1)
    take(0, 100, now_s=0, seq=2)
    commit(pipeline)
    assert acked == [2]


def test_fixes_without_seq_are_not_acknowledged(pipeline: Pipeline, take: Callable, acked: list[int]) -> None:
    take(0, 0)
    commit(pipeline)
    assert acked == []


def test_a_fix_that_changes_an_order_is_acknowledged_when_the_order_has_changed(
    pipeline: Pipeline, session: Session, take: Callable, acked: list[int]
) -> None:
    session.next_stops.replace([fence(200)], {})
    for n, east in enumerate((300, 180, 150, 120)):
        take(east, n * 5 + n * 10, seq=n)
    assert [seq for seq, _ in session.writes] == [2]
    commit(pipeline)
    assert acked == [1]
    session.writes.popleft()
    pipeline.recorder.considered(session)
    assert acked == [1]
    commit(pipeline)
    assert acked == [1, 3]


def test_a_sign_of_life_holds_no_ack_back(
    pipeline: Pipeline, session: Session, take: Callable, acked: list[int]
) -> None:
    session.offline = True
    take(0, 0, seq=0)
    commit(pipeline)
    assert session.writes
    assert acked == [0]


# ----------------------------------------------------------------------------------- fixes that come again


def test_a_fix_that_comes_again_is_considered_once_and_acknowledged_anew(
    pipeline: Pipeline, take: Callable, acked: list[int]
) -> None:
    for n in range(3):
        take(n, n * 5, seq=n)
    commit(pipeline)
    assert acked == [2]
    kept = kept_seconds(pipeline)
    assert [take(n, n * 5, seq=n) for n in range(3)] == ["duplicate"] * 3
    assert kept_seconds(pipeline) == kept
    commit(pipeline)
    assert acked == [2, 2]


def test_numbering_goes_on_over_a_reconnect(pipeline: Pipeline, session: Session, take: Callable) -> None:
    session.go_on(7)
    assert [take(n, n * 5, seq=n) for n in (0, 6, 7, 8)] == ["duplicate"] * 3 + [None]


def test_what_a_driver_is_known_for_waits_for_the_writes_to_the_domain(
    pipeline: Pipeline, session: Session, take: Callable
) -> None:
    """After a crash the app must send a fix again whose write was not done."""
    take(0, 0, seq=0)
    session.writes.append((1, print))
    take(0, 5, seq=1)
    assert pipeline.recorder.record.safe_seqs() == {session: 0}
    session.writes.clear()
    assert pipeline.recorder.record.safe_seqs() == {session: 1}


def test_what_an_earlier_socket_did_not_acknowledge_is_seen_again(
    pipeline: Pipeline, session: Session, take: Callable
) -> None:
    """Its process has stored where the driver was, and was killed before the arrival was."""
    session.go_on(0)
    session.track.last = at(120, 45)
    session.next_stops.replace([fence(200)], {})
    for n, east in enumerate((300, 180, 150, 120)):
        assert take(east, n * 15, seq=n) in (None, "duplicate")
    assert [write.func for _, write in session.writes] == [geofence_actions.arrive]


def test_an_app_that_goes_on_with_newer_fixes_is_judged_by_the_last_one(
    pipeline: Pipeline, session: Session, take: Callable
) -> None:
    session.go_on(0)
    session.track.last = at(0, 45)
    assert take(9000, 50, seq=1) == "teleport"
    assert take(10, 40, seq=2) == "out_of_order"


def test_a_dispatcher_is_told_what_was_turned_away(
    pipeline: Pipeline, session: Session, take: Callable
) -> None:
    take(0, 100)
    assert not pipeline.verdicts.troubled
    take(0, 95, now_s=105)
    take(9000, 105, now_s=106)
    assert pipeline.verdicts.troubled == {session}
    assert session.rejected.trouble(DRIVER) == FixTrouble(
        DRIVER, T0 + 106_000, T0 + 105_000, "teleport", {"out_of_order": 1, "teleport": 1}
    )


def test_a_fix_of_which_something_is_stored_is_counted_with_its_commit(
    pipeline: Pipeline, session: Session, take: Callable
) -> None:
    """Of the good ones not every one is kept, but each is the driver's position for a while."""
    good = [take(n, n) for n in range(100, 107)]
    inaccurate = [take(n, n, accuracy=500) for n in range(107, 109)]
    late = [take(n, n, now_s=109) for n in range(90, 100)]
    assert (good, inaccurate, late) == ([None] * 7, ["inaccurate"] * 2, ["out_of_order"] * 10)
    assert take(9000, 110) == "teleport"
    kept = sum(kept.verdict == "out_of_order" for kept in pipeline.recorder.record.kept)
    assert pipeline.recorder.record.verdicts == {"good": 7, "inaccurate": 2, "out_of_order": kept}
    assert pipeline.verdicts.counts == {"teleport": 1, "out_of_order": 10 - kept}
    assert 0 < kept < 10


# --------------------------------------------------------------------------- a commit that has to be repeated


def test_the_settings_reach_the_pipeline(settings: object) -> None:
    settings.LOCATION_HISTORY_EVERY = 3
    settings.FIX_MAX_SPEED_MPS = 12.5
    pipeline = Pipeline.from_settings(*parts())
    assert (pipeline.keep_every, pipeline.limits.max_speed_mps) == (3, 12.5)


def test_an_accurate_fix_far_in_the_past_is_no_live_position(pipeline: Pipeline, session: Session) -> None:
    session.track.last = Fix(39.75, -104.99, T0)
    assert pipeline.ingest(session, Location(39.75, -104.99, ts=T0 - 1), T0).name == "out_of_order"
    assert not pipeline.publisher.moved


def test_what_waits_to_be_published_moves_with_the_driver(
    pipeline: Pipeline, session: Session, take: Callable
) -> None:
    take(0, 0)
    denver = session.city
    pipeline.move(session, "boulder", T0 + 1000)
    moved = pipeline.publisher.take()
    assert denver not in moved
    assert (moved["boulder"][session.key].lat, session.city) == (round(at(0, 0).lat, 6), "boulder")
