"""From the roads in use to the index of addresses in the database, as a whole or not at all.

Whoever looks an address up meanwhile finds the old index: the new one is complete when it is switched to.
"""

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from routing.addresses import matching, parse, vocabulary
from routing.addresses.parse import StreetName, canonical, words_of
from routing.errors import RoadsError
from routing.models import AddressIndex
from routing.roads.addresses import FILE
from routing.roads.builds import Build, current_build

#: Of two that load at a time the second one waits, and finds the work done.
_LOCK = 0x_0D00_25E9
#: The ids of one index's streets lie together.
STREETS_OF_AN_INDEX = 1_000_000_000

_STREETS = (
    "id",
    "index_id",
    "name",
    "base",
    "type",
    "directions",
    "keys",
    "south",
    "west",
    "north",
    "east",
    "lat",
    "lng",
    "houses",
)
_HOUSES = ("street_id", "number", "letter", "lat", "lng", "postcode", "town")
_BLOCKS = ("street_id", "first", "last", "first_lat", "first_lng", "last_lat", "last_lng")
_TOWNS = ("index_id", "name", "lat", "lng")


def load(roads_dir: Path) -> bool:
    """Whether another index is in use from now on. RoadsError: there are no roads, or they know of no addresses."""
    build = current_build(roads_dir)
    if build is None:
        raise RoadsError
    file = roads_dir / "current" / FILE
    if not file.is_file():
        raise RoadsError("These roads were built without addresses: run `manage.py roads build` once more.")
    return fill(file, build.source, _fingerprint(build))


def fill(file: Path, source: str, fingerprint: str) -> bool:
    """From a file of `routing/roads/addresses.py`; False where the index in use is of this fingerprint."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if AddressIndex.objects.filter(in_use=True, fingerprint=fingerprint).exists():
            return False
        before = list(AddressIndex.objects.values_list("pk", flat=True))
        index = AddressIndex.objects.create(fingerprint=fingerprint, source=source)
        _copy(cursor, "address_streets", _STREETS, _streets(file, index.pk))
        _copy(cursor, "address_houses", _HOUSES, _of_streets(file, index.pk, "house"))
        _copy(cursor, "address_blocks", _BLOCKS, _of_streets(file, index.pk, "block"))
        _copy(cursor, "address_towns", _TOWNS, _towns(file, index.pk))
        for pk in before:
            _forget(cursor, pk)
        index.in_use = True
        index.save(update_fields=["in_use"])
        cursor.execute("ANALYZE address_streets, address_houses, address_blocks, address_towns")
    return True


def _fingerprint(build: Build) -> str:
    """Of the build, and of the code that decides how its addresses are stored."""
    digest = hashlib.sha256(build.fingerprint.encode())
    for module in (matching, parse, vocabulary):
        assert module.__file__  # noqa: S101 (a file of ours)
        digest.update(Path(module.__file__).read_bytes())
    return digest.hexdigest()


def _copy(cursor: Any, table: str, columns: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> None:
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _forget(cursor: Any, index_id: int) -> None:
    ids = [_id(index_id, 0), _id(index_id + 1, 0)]
    for table in ("address_houses", "address_blocks"):
        cursor.execute(f"DELETE FROM {table} WHERE street_id >= %s AND street_id < %s", ids)  # noqa: S608
    for table in ("address_streets", "address_towns"):
        cursor.execute(f"DELETE FROM {table} WHERE index_id = %s", [index_id])  # noqa: S608
    cursor.execute("DELETE FROM address_indexes WHERE id = %s", [index_id])


def _rows(file: Path, kind: str) -> Iterator[list[Any]]:
    start = f'["{kind}"'
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith(start):
                yield json.loads(line)[1:]


def _id(index_id: int, number: int) -> int:
    return index_id * STREETS_OF_AN_INDEX + number


def _streets(file: Path, index_id: int) -> Iterator[tuple[Any, ...]]:
    for number, name, *box_and_middle, houses in _rows(file, "street"):
        parts = StreetName.of(words_of(name))
        keys = json.dumps(sorted(matching.keys(parts.base)))
        yield (
            *(_id(index_id, number), index_id, name, parts.base, parts.type, parts.directions, keys),
            *box_and_middle,
            houses,
        )


def _of_streets(file: Path, index_id: int, kind: str) -> Iterator[tuple[Any, ...]]:
    for number, *row in _rows(file, kind):
        if kind == "house":
            *row, postcode, town = row
            row += [canonical(postcode), canonical(town)]
        yield _id(index_id, number), *row


def _towns(file: Path, index_id: int) -> Iterator[tuple[Any, ...]]:
    for name, lat, lng in _rows(file, "town"):
        yield index_id, canonical(name), lat, lng
