"""CSV as people have it."""

import csv
import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.files.csv_text import DANGEROUS, Unreadable, decode, quoted, read, unquoted, written

COLUMNS = ["name", "note"]


def lines(text: str) -> list[tuple[int, str, str]]:
    found = read(text, COLUMNS, ["name"], most_lines=100)
    return [(line.number, line.cells["name"], line.cells.get("note", "")) for line in found]


def mistakes(text: str, most_lines: int = 3) -> str:
    with pytest.raises(Unreadable) as raised:
        read(text, COLUMNS, ["name"], most_lines=most_lines)
    return "\n".join(raised.value.mistakes)


@pytest.mark.parametrize(
    "text",
    ["name,note\na,b\n", "Name;Note\r\na;b\r\n", "name\tnote\na\tb", " NAME , note \n\n a , b \n,\n"],
)
def test_separators_and_spaces(text: str) -> None:
    assert [line[1:] for line in lines(text)] == [("a", "b")]


def test_lines_are_counted_where_they_begin() -> None:
    assert lines('name,note\n"a","b\nc"\n\nd,e\n') == [(2, "a", "b\nc"), (5, "d", "e")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "column “name” is missing"),
        ("name,note\n", "nothing below"),
        ("nome,note\na,b", "no column “nome”"),
        ("name,name\na,b", "“name” comes twice"),
        ("name,note\na,b\nc\n", "Line 3: 1 columns instead of 2"),
        ('name,note\na,"b', "Line 2: this is no CSV"),
        ("name\n" + "a\n" * 4, "more than 3 lines"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    assert said in mistakes(text)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(encoding: str) -> None:
    assert decode("Zoë’s café".encode(encoding), 1000) == "Zoë’s café"


@pytest.mark.parametrize("content", [b"PK\x03\x04\x00\x00", b"\x00", b"\x81\x8d\x8f"])
def test_what_is_no_text_is_refused(content: bytes) -> None:
    with pytest.raises(Unreadable, match="UTF-8"):
        decode(content, 1000)


def test_a_file_may_be_too_large() -> None:
    with pytest.raises(Unreadable, match="1 MiB"):
        decode(b"a" * (2**20 + 1), 2**20)


@pytest.mark.parametrize("start", [*DANGEROUS, *(f"'{mark}" for mark in DANGEROUS)])
def test_no_cell_is_a_formula(start: str) -> None:
    cell = quoted(f'{start}HYPERLINK("https://evil.example","x")')
    assert cell[0] == "'"


@given(st.text())
def test_what_is_quoted_is_read_as_it_was(text: str) -> None:
    assert unquoted(quoted(text)) == text
    assert quoted(text)[:1] not in {*DANGEROUS}


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=20).map(str.strip),
        min_size=2,
        max_size=2,
    )
)
def test_what_is_written_is_read(row: list[str]) -> None:
    if not any(row):
        return
    text = "".join(written([COLUMNS, [quoted(cell) for cell in row]]))
    assert next(csv.reader(io.StringIO(text, newline=""))) == COLUMNS
    [(_, name, note)] = lines(text)
    assert [name, note] == row


@given(st.text())
def test_any_text_is_read_or_refused_with_words(text: str) -> None:
    found: object = None
    with suppress(Unreadable):
        found = read(text, COLUMNS, ["name"], most_lines=10)
    assert found or mistakes(text, 10)
