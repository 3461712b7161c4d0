"""When it is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.outbox.backoff import AWAY_AFTER, GIVE_UP_AFTER_S, entry_wait_s, probe_wait_s


@pytest.mark.parametrize(("tries", "most_s"), [(1, 4), (2, 8), (5, 64), (10, 2048), (11, 3600), (1000, 3600)])
def test_an_entry_waits_up_to_twice_as_long_each_time(tries: int, most_s: float) -> None:
    assert (entry_wait_s(tries, 0.0), entry_wait_s(tries, 1.0)) == (0.0, most_s)
    assert entry_wait_s(tries, 0.25) == most_s / 4


@given(st.integers(0, 10**9), st.floats(0, 1))
def test_a_receiver_is_probed_twice_a_minute_or_more(failures: int, chance: float) -> None:
    assert 0 <= probe_wait_s(failures, chance) <= 30
    assert failures >= AWAY_AFTER or probe_wait_s(failures, chance) == 0


def test_a_day_is_not_too_long() -> None:
    assert GIVE_UP_AFTER_S >= 24 * 3600 + 60
