"""A file in: all of it or nothing, with what is wrong with each line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from tablib import Dataset

from dispatch.files.csv_text import MOST_MISTAKES, Line, Unreadable, read
from dispatch.files.resources import Resource
from dispatch.signals import announced

MOST_BYTES = 2**20


@dataclass(frozen=True)
class Imported:
    """What became of a file, or would."""

    new: int
    changed: int


class _Tried(Exception):
    """The transaction is taken back."""


def import_text(text: str, resource: Resource, *, most_lines: int, dry_run: bool) -> Imported:
    """Raises Unreadable."""
    lines = read(text, resource.columns, resource.needed, most_lines=most_lines)
    try:
        with announced():
            imported = _store(lines, resource)
            if dry_run:
                raise _Tried
    except _Tried:
        pass
    return imported


def _store(lines: Sequence[Line], resource: Resource) -> Imported:
    resource.prepare([line.cells for line in lines])
    headers = list(lines[0].cells)
    data = Dataset(*([line.cells[name] for name in headers] for line in lines), headers=headers)
    result = resource.import_data(data, raise_errors=False)
    for row in result.error_rows:
        raise row.errors[0].error  # a bug of ours, or the database's
    for error in result.base_errors:
        raise error.error
    mistakes = [
        mistake
        for invalid in result.invalid_rows
        for mistake in _mistakes(lines[invalid.number - 1], invalid.error)
    ]
    if mistakes:
        more = len(mistakes) - MOST_MISTAKES
        raise Unreadable([*mistakes[:MOST_MISTAKES], *([f"And {more} more."] if more > 0 else [])])
    return Imported(result.totals["new"], result.totals["update"])


def _mistakes(line: Line, error: ValidationError) -> Iterator[str]:
    told: Mapping[str, Any] = (
        error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
    )
    for name, messages in told.items():
        for message in messages:
            where = "" if name == NON_FIELD_ERRORS else f", column {name}"
            yield f"Line {line.number}{where}: {message}"
