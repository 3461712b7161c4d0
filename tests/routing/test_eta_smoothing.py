"""ETAs that follow the driver without bouncing."""

from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.eta import announce

shown = st.integers(1, 180)
seconds = st.floats(-600, 3 * 3600)


def shown_over(predictions: list[float], first: int | None = None) -> list[int]:
    minutes = []
    for new_s in predictions:
        minutes.append(first := announce(first, new_s))
    return minutes


@pytest.mark.parametrize(
    ("announced", "new_s", "minutes"),
    [
        (None, 661, 12),
        (None, 660, 11),
        (None, 0, 1),
        (None, -90, 1),
        (0, 130, 3),
        (12, 720, 12),
        (12, 661, 12),
        (12, 660, 11),
        (12, 779, 12),
        (12, 780, 13),
        (12, 781, 14),
        (12, 1259, 21),
        (12, 301, 6),
        (2, 60, 1),
        (1, 0, 1),
        (1, -30, 1),
        (1, 119, 1),
        (1, 120, 2),
    ],
)
def test_a_change_is_announced_when_it_is_a_minute_or_more(
    announced: int | None, new_s: float, minutes: int
) -> None:
    assert announce(announced, new_s) == minutes


@given(st.none() | shown, seconds)
def test_what_is_shown_is_less_than_a_minute_off_and_at_least_one(
    announced: int | None, new_s: float
) -> None:
    minutes = announce(announced, new_s)
    assert minutes >= 1
    assert abs(minutes - new_s / 60) < 1 or (minutes == 1 and new_s < 1e-9)


@given(shown, seconds)
def test_nothing_is_announced_below_a_minute_and_everything_from_there(announced: int, new_s: float) -> None:
    changed = announce(announced, new_s) != announced
    off = abs(announced - new_s / 60)
    assert changed == (off >= 1) or (announced == 1 and new_s < 1e-9)


@given(st.none() | shown, seconds)
def test_the_same_prediction_changes_nothing_more(announced: int | None, new_s: float) -> None:
    once = announce(announced, new_s)
    assert announce(once, new_s) == once


@given(st.none() | shown, st.floats(0, 7200), st.lists(st.floats(0, 59.9), min_size=2, max_size=40))
def test_noise_within_a_minute_settles(announced: int | None, around_s: float, noise: list[float]) -> None:
    """A rise may be taken back by the minute that it was rounded up to, once."""
    minutes = shown_over([around_s + off for off in noise], announced)
    changes = [after - before for before, after in pairwise(minutes) if after != before]
    assert changes in ([], [1], [-1]) or (len(changes) == 2 and changes[0] > 0 and changes[1] == -1)


@given(shown, seconds)
def test_nobody_is_told_less_than_it_takes_when_it_changes(announced: int, new_s: float) -> None:
    minutes = announce(announced, new_s)
    assert minutes == announced or minutes >= new_s / 60


@given(st.floats(60, 7200), st.integers(1, 90))
def test_a_countdown_is_rounded_up_all_the_way(start_s: float, step_s: int) -> None:
    left_s = [start_s - past for past in range(0, int(start_s), step_s)]
    assert shown_over(left_s) == [max(1, ceil(new_s / 60)) for new_s in left_s]
