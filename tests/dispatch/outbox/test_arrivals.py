"""Which arrivals are told."""

from datetime import UTC, datetime, timedelta

import pytest

from dispatch.outbox.arrivals import has_moved, is_late

AT = datetime(2026, 11, 28, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "moved"), [(0, False), (119, False), (-119, False), (120, True), (-120, True), (3600, True)]
)
def test_an_arrival_moves_by_two_minutes_either_way(seconds: int, moved: bool) -> None:
    assert has_moved(AT, AT + timedelta(seconds=seconds)) is moved


def test_the_first_one_is_told() -> None:
    assert has_moved(None, AT)


@pytest.mark.parametrize(
    ("minutes", "late"), [(-30, False), (0, False), (9.9, False), (10, True), (60, True)]
)
def test_it_is_late_ten_minutes_after_the_promise(minutes: float, late: bool) -> None:
    assert is_late(AT, AT + timedelta(minutes=minutes)) is late
    assert not is_late(None, AT)
