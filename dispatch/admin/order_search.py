"""Finding orders by what people remember of them: words that begin so, the start or the end of a phone number, a
restaurant, a driver, an order's number or id.

Words and not any text within: `order_words` (dispatch/migrations) has an index of a kind that every PostgreSQL has;
pg_trgm is an extension that the database's owner may have no right to, or no package of.
"""

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from dispatch.models import Driver, Restaurant

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
SELECT id FROM (
    SELECT *, {indexed} AS words
    FROM orders ORDER BY created_at DESC, id LIMIT {newest}
) AS newest
WHERE {matching} ORDER BY created_at DESC, id LIMIT {hits}
"""
_AMONG_ALL = """
WITH found AS MATERIALIZED (SELECT id, created_at FROM orders WHERE {matching})
SELECT id FROM found ORDER BY created_at DESC, id LIMIT {hits}
"""
#: The words of an order: worked out once for each of the newest; among all, what has the index.
_COLUMN = "words"
_INDEXED = (
    "order_words(customer_name || ' ' || number || ' ' || coalesce(external_id, ''),"
    " customer_phone, customer_address)"
)
#: So many restaurants or drivers of a name lead to their orders by index. More are asked for each order only, as long
#: as another word leads to the orders.
MOST_NAMED = 100

#: As `order_words` has it.
_BLANKED = {ord(mark): " " for mark in string.punctuation}
_REVERSED = "r"
#: Fewer digits are no end of a phone number; so many, and nothing else, are one with gaps in it.
_END_OF_PHONE, _WHOLE_PHONE = 4, 7
_NUMBER = re.compile(r"[0-9a-f]{8,32}")


def newest_matching(search: str) -> list[UUID]:
    """The orders that have all words of the search, the newest first, HITS at most."""
    words = [_Word.of(text) for text in _words(search)]
    if not words:
        return []
    leading = [word for word in words if word.leads] or words[:1]
    conditions, values = zip(*(word.condition(leads=word in leading) for word in words), strict=True)
    with connection.cursor() as cursor:
        for statement, words_of_order in ((_AMONG_THE_NEWEST, _COLUMN), (_AMONG_ALL, _INDEXED)):
            matching = " AND ".join(conditions).format(words=words_of_order)
            sql = statement.format(matching=matching, newest=NEWEST, hits=HITS, indexed=_INDEXED)
            cursor.execute(sql, list(chain(*values)))
            found = [pk for (pk,) in cursor.fetchall()]
            if len(found) == HITS:
                break
    return found


@dataclass(frozen=True)
class _Word:
    """`restaurants`, `drivers`: those of that name."""

    text: str
    restaurants: QuerySet[Restaurant]
    drivers: QuerySet[Driver]
    leads: bool

    @classmethod
    def of(cls, text: str) -> "_Word":
        restaurants = Restaurant.objects.filter(name__icontains=text)
        drivers = Driver.objects.filter(name__icontains=text)
        named = restaurants[: MOST_NAMED + 1].count() + drivers[: MOST_NAMED + 1].count()
        return cls(text, restaurants, drivers, named <= MOST_NAMED)

    def condition(self, *, leads: bool) -> tuple[str, list[Any]]:
        """What holds, in SQL, of orders that have the word, and the values in it."""
        conditions: list[str] = []
        values: list[Any] = []
        number = self.text.lower().replace("-", "")
        if _NUMBER.fullmatch(number):
            conditions.append("id BETWEEN %s AND %s")
            values += [UUID(number.ljust(32, "0")), UUID(number.ljust(32, "f"))]
        for column, named in (("restaurant_id", self.restaurants), ("driver_id", self.drivers)):
            ids = named.order_by().values_list("pk", flat=True)
            if not leads:
                sql, params = ids.query.sql_with_params()
                conditions.append(f"{column} IN ({sql})")
                values += params
            elif listed := list(ids):
                conditions.append(f"{column} = ANY(%s)")
                values.append(listed)
        # Last, for it costs most.
        conditions.append("{words} @@ to_tsquery('simple', %s)")
        values.append(" | ".join(_queries(self.text)))
        return f"({' OR '.join(conditions)})", values


def _words(search: str) -> list[str]:
    """Its words; a phone number is one, with whatever gaps."""
    if len(_digits(search)) >= _WHOLE_PHONE and not any(map(str.isalpha, search)):
        return [search]
    return [word for word in search.split() if word.translate(_BLANKED).strip()][:MOST_WORDS]


def _queries(word: str) -> Iterator[str]:
    """The ways, as tsquery, in which the text of an order may have the word."""
    yield "(" + " & ".join(f"'{part}':*" for part in word.translate(_BLANKED).split()) + ")"
    digits = _digits(word)
    if len(digits) >= _END_OF_PHONE and not any(map(str.isalpha, word)):
        yield f"'{digits}':*"
        yield f"'{_REVERSED}{digits[::-1]}':*"


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)
