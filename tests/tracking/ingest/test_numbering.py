"""Which numbers of an app's fixes are new, and how far they are acknowledged."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.ingest.numbering import Numbering


@pytest.fixture
def acked() -> list[int]:
    return []


@pytest.fixture
def numbering(acked: list[int]) -> Numbering:
    return Numbering(acked.append)


@given(st.lists(st.integers(0, 40), max_size=60))
def test_of_numbers_in_any_order_each_is_new_once(numbers: list[int]) -> None:
    numbering = Numbering(print)
    seen: set[int] = set()
    for number in numbers:
        assert numbering.is_new(number) == (number not in seen)
        seen.add(number)
        assert numbering.highest == max(seen)


def test_a_number_far_below_the_highest_counts_as_known(numbering: Numbering) -> None:
    assert numbering.is_new(5000)
    assert numbering.is_new(5000 - 1023)
    assert not numbering.is_new(5000 - 1024)
    assert numbering.is_new(9000)
    assert not numbering.is_new(5000)


@pytest.mark.parametrize("highest", [2**20, 2**27, 2**33, 2**53])
def test_a_gap_costs_no_more_than_the_window_however_wide_it_is(numbering: Numbering, highest: int) -> None:
    tracemalloc.start()
    try:
        assert numbering.is_new(highest)
        assert not numbering.is_new(0)
        assert numbering.is_new(highest - 1)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 10_000


def test_it_goes_on_where_an_earlier_socket_left_it(numbering: Numbering, acked: list[int]) -> None:
    numbering.go_on(7)
    assert [numbering.is_new(number) for number in (0, 7, 8)] == [False, False, True]
    numbering.send_ack(7)
    assert acked == []
    numbering.send_ack(8)
    assert acked == [8]


def test_acks_only_rise(numbering: Numbering, acked: list[int]) -> None:
    for number in (0, 0, 3, 2, 4):
        numbering.send_ack(number)
    assert acked == [0, 3, 4]


def test_of_a_number_that_comes_again_the_ack_may_have_been_lost(
    numbering: Numbering, acked: list[int]
) -> None:
    numbering.send_ack(5)
    numbering.ask_again(3)
    numbering.send_ack(5)
    numbering.send_ack(5)
    assert acked == [5, 5]


def test_a_number_above_what_was_acknowledged_holds_no_ack_back(
    numbering: Numbering, acked: list[int]
) -> None:
    numbering.send_ack(2)
    numbering.ask_again(9)
    for number in (2, 5):
        numbering.send_ack(number)
    assert acked == [2, 5]
