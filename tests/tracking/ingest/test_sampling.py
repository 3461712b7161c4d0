"""Which fixes of a session the history keeps."""

from collections.abc import Iterable

import pytest

from tests.tracking.ingest.drives import T0, at
from tracking.ingest.sampling import Sampling


def kept(sampling: Sampling, seconds: Iterable[float], *, every: int = 5, always: float = -1) -> list[float]:
    """Of fixes at these times those that are kept; the one at `always` in any case."""
    return [now for now in seconds if sampling.keeps(at(0, now), every, always=now == always)]


def last(sampling: Sampling) -> float | None:
    """When the last fix was that is still to be kept."""
    fix = sampling.last()
    return None if fix is None else (fix.ts - T0) / 1000


@pytest.mark.parametrize(
    ("every", "times"), [(1, [0, 1, 2, 3, 4, 5, 6]), (2, [0, 2, 4, 6]), (5, [0, 5]), (9, [0])]
)
def test_every_so_many_from_the_first_on(every: int, times: list[float]) -> None:
    assert kept(Sampling(), range(7), every=every) == times


def test_the_last_is_kept_once() -> None:
    sampling = Sampling()
    kept(sampling, range(8))
    assert [last(sampling), last(sampling)] == [7, None]


def test_a_last_one_whose_turn_it_was_is_kept_already() -> None:
    sampling = Sampling()
    assert kept(sampling, range(6)) == [0, 5]
    assert last(sampling) is None


def test_nothing_came() -> None:
    assert last(Sampling()) is None


def test_one_that_changed_something_is_kept_and_takes_nobodys_turn() -> None:
    sampling = Sampling()
    assert kept(sampling, range(7), always=3) == [0, 3, 5]
    assert last(sampling) == 6


def test_a_late_one_does_not_displace_the_last() -> None:
    sampling = Sampling()
    kept(sampling, [0, 1, 2, 4, 3])
    assert last(sampling) == 4


def test_a_late_one_whose_turn_it_is_does_not_displace_the_last_either() -> None:
    sampling = Sampling()
    assert kept(sampling, [0, 1, 2, 3, 5, 4]) == [0, 4]
    assert last(sampling) == 5
