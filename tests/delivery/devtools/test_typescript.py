"""types/server.ts says what the code does."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, get_args
from uuid import UUID

import pytest
from msgspec import Struct

from delivery.devtools import typescript
from delivery.devtools.stack.state import ROOT
from tracking.protocol import messages


def test_the_file_is_up_to_date() -> None:
    written = (ROOT / "types" / "server.ts").read_text()
    assert written == typescript.document(), "run `manage.py typescript > types/server.ts`"


def test_every_frame_that_a_page_hears_is_in_it() -> None:
    page_hears = set(get_args(messages.ServerFrame)) - {messages.Expect, messages.Ack}
    document = typescript.document()
    assert not [frame for frame in page_hears if f"export interface {frame.__name__} {{" not in document]


class Mood(StrEnum):
    GOOD = "good"
    BAD = "bad"


@dataclass
class Plain:
    size: float


class Sample(Struct, rename="camel", omit_defaults=True, tag_field="type", tag="sample"):
    """What `order_id` is; None where it is not."""

    order_id: UUID
    moods: list[Mood | None]
    parts: dict[Mood, Plain]
    either: Literal["a", "b"] | int
    left_out: int | None = None
    usual: bool = False


def test_how_types_are_written() -> None:
    assert typescript.declarations([Sample]) == [
        "/** What `orderId` is; null where it is not. */\n"
        "export interface Sample {\n"
        '  type: "sample";\n'
        "  orderId: string;\n"
        "  moods: (Mood | null)[];\n"
        "  parts: Record<Mood, Plain>;\n"
        '  either: "a" | "b" | number;\n'
        "  leftOut?: number;\n"
        "  usual?: boolean;\n"
        "}\n",
        'export type Mood = "good" | "bad";\n',
        "export interface Plain {\n  size: number;\n}\n",
    ]


class Odd(Struct):
    moment: datetime


def test_what_has_no_counterpart_is_not_guessed() -> None:
    with pytest.raises(TypeError, match="no counterpart in TypeScript"):
        typescript.declarations([Odd])


def test_two_types_of_one_name_are_refused() -> None:
    other = type("Plain", (Struct,), {"__annotations__": {"x": int}})
    with pytest.raises(TypeError, match="two types are called Plain"):
        typescript.declarations([Plain, other])
