"""What the OpenAPI document says of operations beside their types: headers, and what may go wrong."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from dispatch.api.idempotency import HEADER
from dispatch.api.problems import CODES
from dispatch.api_keys import ANSWERS_KEPT_H

type Extra = dict[str, Any]


class WrongField(BaseModel):
    """A field of the body by its JSON pointer, or a parameter or header by its name."""

    pointer: str | None = Field(None, examples=["#/items/0/count"])
    parameter: str | None = None
    header: str | None = None
    message: str


class Problem(BaseModel):
    """RFC 9457. `code` is for programs and stays as it is; `errors` names every field that is wrong."""

    type: str
    title: str
    status: int
    code: Literal[*CODES]  # type: ignore[valid-type]
    detail: str
    errors: list[WrongField] = []


#: Every request may end so: 400, for no address has a NUL character.
_ALWAYS = (400, 401, 403, 429, 503)


def answers(ok: int, told: Any, *problems: int) -> Mapping[int, Any]:
    """What an operation answers: `told` with status `ok`, and these problems beside those of every request."""
    return {ok: told} | dict.fromkeys(sorted({*_ALWAYS, *problems}), Problem)


def header(name: str, description: str, **schema: Any) -> Extra:
    return {
        "in": "header",
        "name": name,
        "required": False,
        "description": description,
        "schema": {"type": "string", **schema},
    }


IDEMPOTENT = header(
    HEADER,
    f"Any text of your own for this request, a UUID say. Sent again with the same body within {ANSWERS_KEPT_H} hours "
    "it is answered as the first time, and done once; with another body it is refused.",
    maxLength=255,
)
IF_MATCH = header(
    "If-Match", "The ETag that you know: the request is refused (412) where it is another one by now."
)
IF_NONE_MATCH = header(
    "If-None-Match", "The ETag that you know: 304 without a body where it still is that one."
)


def parameters(*of_an_operation: Extra) -> Extra:
    return {"parameters": list(of_an_operation)}
