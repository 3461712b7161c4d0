"""What an order is made of: lines of text and back."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from dispatch.models.items import LONGEST, MOST_ITEMS, as_lines, parse_items, validate_items


@pytest.mark.parametrize(
    ("lines", "items"),
    [
        ("", []),
        (" \n\n", []),
        ("Pad Thai", [(1, "Pad Thai")]),
        ("2 Pad Thai, no peanuts", [(2, "Pad Thai, no peanuts")]),
        ("2 × Pad Thai\r\n 1x Tea", [(2, "Pad Thai"), (1, "Tea")]),
        ("3X Tea", [(3, "Tea")]),
        ("7up", [(1, "7up")]),
        ("12", [(1, "12")]),
    ],
)
def test_an_item_a_line(lines: str, items: list[tuple[int, str]]) -> None:
    assert parse_items(lines) == [{"count": count, "text": text} for count, text in items]


@given(
    st.lists(st.tuples(st.integers(1, 999), st.from_regex(r"[A-Za-z][A-Za-z ,]{0,20}[a-z]", fullmatch=True)))
)
def test_what_is_shown_is_read_as_the_same(items: list[tuple[int, str]]) -> None:
    made = [{"count": count, "text": text} for count, text in items][:MOST_ITEMS]
    assert parse_items(as_lines(made)) == made  # type: ignore[arg-type]
    validate_items(made)


@pytest.mark.parametrize(
    "items",
    [
        None,
        {},
        "2 × Tea",
        ["Tea"],
        [{"text": "Tea"}],
        [{"count": 1, "text": "Tea", "price": 3}],
        [{"count": 0, "text": "Tea"}],
        [{"count": 1000, "text": "Tea"}],
        [{"count": True, "text": "Tea"}],
        [{"count": 1.5, "text": "Tea"}],
        [{"count": 1, "text": " "}],
        [{"count": 1, "text": 5}],
        [{"count": 1, "text": "T" * (LONGEST + 1)}],
        [{"count": 1, "text": "Tea"}] * (MOST_ITEMS + 1),
    ],
)
def test_what_is_no_list_of_items(items: Any) -> None:
    with pytest.raises(ValidationError):
        validate_items(items)
