"""What an order is made of, as the restaurant packs it and the driver counts it."""

import re
from collections.abc import Iterable
from typing import Any, TypedDict

from django.core.exceptions import ValidationError

MOST_ITEMS = 200
MOST_OF_ONE = 999
LONGEST = 200

_LINE = re.compile(r"(?:(\d{1,3})\s*[x×*]?\s+)?(.+)", re.IGNORECASE)


class Item(TypedDict):
    """`text`: what it is, with whatever was wished for."""

    count: int
    text: str


def parse_items(lines: str) -> list[Item]:
    """One item a line: "2 × Pad Thai, no peanuts", or without a number for one of it."""
    found = []
    for line in filter(None, map(str.strip, lines.splitlines())):
        match = _LINE.fullmatch(line)
        assert match is not None  # noqa: S101 (a line with anything in it matches)
        found.append(Item(count=int(match[1] or 1), text=match[2]))
    return found


def as_lines(items: Iterable[Item]) -> str:
    return "\n".join(f"{item['count']} × {item['text']}" for item in items)


def validate_items(items: Any) -> None:
    """Raises ValidationError for what is no list of items."""
    if not isinstance(items, list) or len(items) > MOST_ITEMS:
        raise ValidationError(f"Items are a list of at most {MOST_ITEMS}.")
    for item in items:
        if not isinstance(item, dict) or item.keys() != {"count", "text"}:
            raise ValidationError('An item is {"count": 2, "text": "Pad Thai"}.')
        count, text = item["count"], item["text"]
        if type(count) is not int or not 1 <= count <= MOST_OF_ONE:
            raise ValidationError(f"Of one item there are 1 to {MOST_OF_ONE}.")
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
            raise ValidationError(f"An item is named in at most {LONGEST} characters.")
