"""Finding orders by what people remember of them: words that begin so, the start or the end of a phone number, a
restaurant, a driver, an order's number.

Words and not any text within: `order_words` (dispatch/migrations) has an index of a kind that every PostgreSQL has;
pg_trgm is an extension that the database's owner may have no right to, or no package of.
"""

import re
import string
from collections.abc import Iterator
from uuid import UUID

from django.db import connection

#: Of more orders only the newest are found.
HITS = 500
#: Among so many of the newest it is looked first.
NEWEST = 5_000
#: Of a longer search the rest counts for nothing.
MOST_WORDS = 8

#: Two statements, for no plan is good for both: what many orders have (a street, a kitchen) is soon found among the
#: newest, what few have by index among all. Which of them it is PostgreSQL does not know before: it has no statistics
#: of how words begin. Left to choose, it would look for what hardly any order has from the newest to the oldest.
_AMONG_THE_NEWEST = """
SELECT id FROM (SELECT * FROM orders ORDER BY created_at DESC, id LIMIT {newest}) AS newest
WHERE {matching} ORDER BY created_at DESC, id LIMIT {hits}
"""
_AMONG_ALL = """
WITH found AS MATERIALIZED (SELECT id, created_at FROM orders WHERE {matching})
SELECT id FROM found ORDER BY created_at DESC, id LIMIT {hits}
"""
_HAS_WORD = """(
    order_words(customer_name, customer_phone, customer_address) @@ to_tsquery('simple', %s)
    OR restaurant_id = ANY {restaurants} OR driver_id = ANY {drivers} OR id BETWEEN %s AND %s
)"""
#: Restaurants and drivers of that name: for each of the newest orders in a hash, for an index as an array.
_HASHED = "(SELECT id FROM {table} WHERE name ILIKE %s)"
_LISTED = "(ARRAY(SELECT id FROM {table} WHERE name ILIKE %s))"

#: As `order_words` has it.
_BLANKED = {ord(mark): " " for mark in string.punctuation}
_REVERSED = "r"
#: Fewer digits are no end of a phone number; so many, and nothing else, are one with gaps in it.
_END_OF_PHONE, _WHOLE_PHONE = 4, 7
_NUMBER = re.compile(r"[0-9a-f]{8,32}")


def newest_matching(search: str) -> list[UUID]:
    """The orders that have all words of the search, the newest first, HITS at most."""
    words = _words(search)
    if not words:
        return []
    values = [value for word in words for value in _values(word)]
    with connection.cursor() as cursor:
        for statement, ids in ((_AMONG_THE_NEWEST, _HASHED), (_AMONG_ALL, _LISTED)):
            named = {table: ids.format(table=table) for table in ("restaurants", "drivers")}
            matching = " AND ".join([_HAS_WORD.format(**named)] * len(words))
            cursor.execute(statement.format(matching=matching, newest=NEWEST, hits=HITS), values)
            found = [pk for (pk,) in cursor.fetchall()]
            if len(found) == HITS:
                break
    return found


def _words(search: str) -> list[str]:
    """Its words; a phone number is one, with whatever gaps."""
    if len(_digits(search)) >= _WHOLE_PHONE and not any(map(str.isalpha, search)):
        return [search]
    return [word for word in search.split() if word.translate(_BLANKED).strip()][:MOST_WORDS]


def _values(word: str) -> Iterator[str | UUID]:
    """Those of _HAS_WORD."""
    yield " | ".join(_queries(word))
    # A restaurant's name, a driver's.
    yield from ["%" + re.sub(r"([\\%_])", r"\\\1", word) + "%"] * 2
    number = word.lower().replace("-", "")
    is_number = _NUMBER.fullmatch(number) is not None
    # What is no number lies between the last one and the first: there is none.
    first, last = (number.ljust(32, "0"), number.ljust(32, "f")) if is_number else ("f" * 32, "0" * 32)
    yield UUID(first)
    yield UUID(last)


def _queries(word: str) -> Iterator[str]:
    """The ways, as tsquery, in which the text of an order may have the word."""
    yield "(" + " & ".join(f"'{part}':*" for part in word.translate(_BLANKED).split()) + ")"
    digits = _digits(word)
    if len(digits) >= _END_OF_PHONE and not any(map(str.isalpha, word)):
        yield f"'{digits}':*"
        yield f"'{_REVERSED}{digits[::-1]}':*"


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)
