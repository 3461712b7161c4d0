"""CSV as people have it: out of Excel with semicolons or tabs, with a byte order mark or without, in UTF-8 or in
Windows' own characters. Pure.

A spreadsheet takes a cell that begins with one of DANGEROUS for a formula, and runs it. Such a text is written with
an apostrophe before it, and read without.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

DANGEROUS = "=+-@\t\r\n＝＋－＠"
DELIMITERS = (",", ";", "\t")
#: What is said of a file that has more is not read to its end by anybody.
MOST_MISTAKES = 50

_NEEDS_QUOTE = re.compile(f"'*[{re.escape(DANGEROUS)}]")
_QUOTED = re.compile(f"'+[{re.escape(DANGEROUS)}]")


class Unreadable(Exception):
    """What is wrong with a file, line by line: nothing of it was stored."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__(mistakes)
        self.mistakes = mistakes


@dataclass(frozen=True)
class Line:
    """`number`: where it begins in the file, counted from 1; `cells`: by the names of their columns."""

    number: int
    cells: Mapping[str, str]


def decode(content: bytes, most_bytes: int) -> str:
    """Raises Unreadable."""
    if len(content) > most_bytes:
        raise Unreadable([f"The file is larger than {most_bytes // 2**20} MiB: import it in parts."])
    for encoding in ("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        return text
    raise Unreadable(["This is no text: save the sheet as “CSV UTF-8”."])


def read(text: str, columns: Sequence[str], needed: Iterable[str], *, most_lines: int) -> list[Line]:
    """The lines below that of the columns; empty ones are left out. Raises Unreadable."""
    begins = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=begins.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines: list[Line] = []
    mistakes: list[str] = []
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        if wrong := _wrong_columns(names, columns, needed):
            raise Unreadable(wrong)
        number = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if len(cells) != len(names):
                    mistakes.append(
                        f"Line {number}: {len(cells)} columns instead of {len(names)}; "
                        "put quotes around a text that has the separator in it."
                    )
                found = zip(names, (unquoted(cell.strip()) for cell in cells), strict=False)
                lines.append(Line(number, dict(found)))
                if len(lines) > most_lines:
                    raise Unreadable([f"The file has more than {most_lines:,} lines: import it in parts."])
            number = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable([f"Line {reader.line_num}: this is no CSV ({error})."]) from error
    if mistakes:
        raise Unreadable(mistakes[:MOST_MISTAKES])
    if not lines:
        raise Unreadable(["There is nothing below the line of the columns."])
    return lines


def _wrong_columns(names: Sequence[str], columns: Sequence[str], needed: Iterable[str]) -> list[str]:
    wrong = [f"Line 1: there is no column “{name}”." for name in dict.fromkeys(names) if name not in columns]
    wrong += [f"Line 1: the column “{name}” comes twice." for name in {*names} if names.count(name) > 1]
    wrong += [f"Line 1: the column “{name}” is missing." for name in needed if name not in names]
    return [*wrong, f"There may be {', '.join(columns)}."] if wrong else []


def written(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A piece of CSV for each row, as RFC 4180 has it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for row in rows:
        writer.writerow(row)
        yield out.getvalue()
        out.seek(0)
        out.truncate()


def quoted(text: str) -> str:
    """So that no spreadsheet takes it for a formula."""
    return f"'{text}" if _NEEDS_QUOTE.match(text) else text


def unquoted(text: str) -> str:
    """The same as it was before."""
    return text[1:] if _QUOTED.match(text) else text
