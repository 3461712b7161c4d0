"""The types of what goes between server and pages, for static/js: frames, REST bodies and answers, the pages' data.

`manage.py typescript > types/server.ts` writes them; a test compares. They are made of the Python types, so that the
two cannot differ: a field that is renamed here is an error of `tsc` there. A dict whose keys are an enum has an entry
for each of them.
"""

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict
from uuid import UUID

import msgspec
from msgspec import Struct

from dispatch import dashboard, maps, rest
from tracking import views
from tracking.protocol import messages

#: What a page hears, as a union of its own: TypeScript tells the members apart by their `type`.
UNIONS = {
    "ControlFrame": messages.ControlFrame,
    "CustomerFrame": messages.CustomerFrame,
    "DispatcherFrame": messages.DispatcherFrame,
}
#: The rest that pages know by name; what these consist of comes along.
ROOTS = (
    views.TrackPage,
    dashboard.DashboardPage,
    maps.PlaceMap,
    maps.FoundAddresses,
    maps.AreaMap,
    rest.AssignmentRequest,
    rest.VisitingOrder,
    rest.Reason,
    rest.Closing,
    rest.Settling,
    rest.Seeing,
    rest.Pausing,
    rest.PromisingLater,
    rest.HandingOn,
    rest.HandingBack,
    rest.Succession,
    rest.Proposals,
    rest.Remedies,
    rest.SavingAnswer,
    rest.Notices,
    rest.Refusal,
)
HEAD = """// Made by `manage.py typescript > types/server.ts` of the Python types. Don't edit.
"""
PRIMITIVES = {
    str: "string",
    UUID: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    NoneType: "null",
}


def document() -> str:
    """The whole file."""
    unions = [f"export type {name} = {_union(get_args(union))};\n" for name, union in UNIONS.items()]
    return "\n".join([HEAD, *declarations([*UNIONS.values(), *ROOTS]), *unions])


def declarations(kinds: Iterable[Any]) -> list[str]:
    """Of these types and of what they consist of.

    TypeError: one has no counterpart in TypeScript, or two have the same name.
    """
    found: dict[str, type] = {}
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop(0)
        if not _has_name(kind):
            waiting += get_args(kind)
        elif kind.__name__ not in found:
            found[kind.__name__] = kind
            waiting += [hint for _, hint, _ in _fields(kind)] if _has_fields(kind) else []
        elif found[kind.__name__] is not kind:
            raise TypeError(f"two types are called {kind.__name__}: rename one")
    return [_declaration(kind) for kind in found.values()]


def _has_name(kind: Any) -> bool:
    return isinstance(kind, type) and (_has_fields(kind) or issubclass(kind, Enum))


def _has_fields(kind: Any) -> bool:
    return is_typeddict(kind) or hasattr(kind, "__struct_fields__") or hasattr(kind, "__dataclass_fields__")


def _fields(kind: type) -> Iterator[tuple[str, Any, bool]]:
    """Name on the wire, type, and whether it is always there."""
    hints = get_type_hints(kind)
    if not issubclass(kind, Struct):
        yield from ((name, hint, True) for name, hint in hints.items())
        return
    config = kind.__struct_config__
    if config.tag_field:
        yield config.tag_field, Literal[config.tag], True
    for field in msgspec.structs.fields(kind):
        hint = hints[field.name]
        if field.default is None and config.omit_defaults:
            # Left out, and never null.
            hint = Union[tuple(part for part in get_args(hint) if part is not NoneType)]  # noqa: UP007
        yield field.encode_name, hint, field.required


def _declaration(kind: type) -> str:
    if issubclass(kind, Enum):
        return f"export type {kind.__name__} = {_union(Literal[member.value] for member in kind)};\n"
    lines = [f"  {name}{'' if required else '?'}: {_type(hint)};\n" for name, hint, required in _fields(kind)]
    return f"{_comment(kind)}export interface {kind.__name__} {{\n{''.join(lines)}}}\n"


def _comment(kind: type) -> str:
    # A dataclass or Struct without a docstring has one that Python made, or none.
    text = kind.__dict__.get("__doc__") or ""
    if not text or text.startswith(f"{kind.__name__}("):
        return ""
    text = re.sub(r"\bNone\b", "null", cleandoc(text))
    if issubclass(kind, Struct):
        for field in msgspec.structs.fields(kind):
            text = text.replace(f"`{field.name}`", f"`{field.encode_name}`")
    lines = text.splitlines()
    if len(lines) == 1:
        return f"/** {lines[0]} */\n"
    return "/**\n" + "".join(f" * {line}".rstrip() + "\n" for line in lines) + " */\n"


def _type(hint: Any) -> str:
    """TypeError: nobody has said yet how this one is written in TypeScript."""
    if hint in PRIMITIVES:
        return PRIMITIVES[hint]
    if hint is Any:
        return "unknown"
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _type(parts[0])
    if origin is Literal:
        return " | ".join(f'"{value}"' for value in parts)
    if origin in (Union, UnionType):
        return next((name for name, union in UNIONS.items() if union == hint), _union(parts))
    if origin is list:
        item = _type(parts[0])
        return f"({item})[]" if " " in item else f"{item}[]"
    if origin is dict:
        return f"Record<{_type(parts[0])}, {_type(parts[1])}>"
    if _has_name(hint):
        return str(hint.__name__)
    raise TypeError(f"{hint} has no counterpart in TypeScript yet")


def _union(parts: Iterable[Any]) -> str:
    return " | ".join(_type(part) for part in parts)
