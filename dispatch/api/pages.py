"""What the API says of itself: the OpenAPI document, and a page made of it. Neither needs a key."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from http.client import responses as phrases
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from dispatch.api.app import api
from dispatch.api.problems import CODES

type Schema = Mapping[str, Any]

_REF = "#/components/schemas/"
#: Of a JSON schema, how it is said.
_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "{} characters or more",
    "maxLength": "up to {} characters",
    "maxItems": "up to {}",
}


@dataclass(frozen=True)
class Field:
    name: str
    where: str
    type: SafeString
    required: bool
    about: SafeString


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    summary: str
    about: SafeString
    parameters: list[Field]
    body: SafeString | None
    answers: list[tuple[int, str, SafeString | None]]
    example: str


@dataclass(frozen=True)
class Type:
    name: str
    about: SafeString
    fields: list[Field]
    values: list[str]


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(json.dumps(document(), ensure_ascii=False), content_type="application/json")


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    told = document()
    groups: dict[str, list[Operation]] = {}
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_operation(path, method, operation))
    context = {
        "info": told["info"],
        "groups": groups,
        "types": [_type(name, schema) for name, schema in sorted(told["components"]["schemas"].items())],
        "problems": [(code, status, title) for code, (status, title) in CODES.items()],
    }
    return render(request, "api_docs.html", context)


@cache
def document() -> dict[str, Any]:
    return dict(api.get_openapi_schema())


def _operation(path: str, method: str, told: Schema) -> Operation:
    body = told.get("requestBody")
    schema = body["content"]["application/json"]["schema"] if body else None
    return Operation(
        id=told["operationId"],
        method=method.upper(),
        path=path,
        summary=told["summary"],
        about=_prose(told.get("description", "")),
        parameters=[
            Field(
                one["name"],
                one["in"],
                _words(one["schema"]),
                one["required"],
                _prose(one.get("description", "")),
            )
            for one in told["parameters"]
        ],
        body=None if schema is None else _words(schema),
        answers=[
            (status, phrases[status], _words(_content(answer)) if "content" in answer else None)
            for status, answer in told["responses"].items()
        ],
        example=_curl(path, method, told["parameters"], _example(schema)),
    )


def _content(answer: Schema) -> Schema:
    [content] = answer["content"].values()
    schema: Schema = content["schema"]
    return schema


def _type(name: str, schema: Schema) -> Type:
    required = schema.get("required", ())
    fields = [
        Field(field, "", _words(told), field in required, _prose(told.get("description", "")))
        for field, told in schema.get("properties", {}).items()
    ]
    # What is needed comes first.
    fields.sort(key=lambda field: not field.required)
    return Type(
        name, _prose(schema.get("description", "")), fields, [str(value) for value in schema.get("enum", ())]
    )


def _prose(text: str) -> SafeString:
    """Names stand between backticks."""
    parts = text.split("`")
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if n % 2 else part,) for n, part in enumerate(parts))
    )


def _words(schema: Schema) -> SafeString:
    """A JSON schema in a few words, other types as links."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REF)
        return format_html('<a href="#{}">{}</a>', name, name)
    if "allOf" in schema:
        return _words(schema["allOf"][0])
    if "anyOf" in schema:
        return format_html_join(" or ", "{}", ((_words(one),) for one in schema["anyOf"]))
    if "enum" in schema:
        return format_html_join(" · ", "{}", ((value,) for value in schema["enum"]))
    if schema.get("type") == "array":
        return format_html("list of {}{}", _words(schema.get("items", {})), _said("; ", schema))
    return format_html("{}{}", schema.get("format", schema.get("type", "anything")), _said(", ", schema))


def _said(joint: str, schema: Schema) -> str:
    bounds = [words.format(schema[bound]) for bound, words in _BOUNDS.items() if bound in schema]
    return "".join(joint + bound for bound in bounds)


def _example(schema: Schema | None) -> Any:
    if schema is None:
        return None
    if "allOf" in schema:
        return _example(schema["allOf"][0])
    if "$ref" in schema:
        return _example(document()["components"]["schemas"][schema["$ref"].removeprefix(_REF)])
    return next(iter(schema.get("examples", ())), None)


def _curl(path: str, method: str, parameters: list[Schema], body: Any) -> str:
    return " \\\n  ".join(_parts(path, method, parameters, body))


def _parts(path: str, method: str, parameters: list[Schema], body: Any) -> Iterator[str]:
    for one in parameters:
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", str(one.get("example", "ID")))
    [server] = document()["servers"]
    verb = "" if method == "get" else f"-X {method.upper()} "
    yield f'curl {verb}{server["url"]}{path} -H "Authorization: Bearer $KEY"'
    if body is not None:
        yield "-H 'Content-Type: application/json'"
        yield f"-d '{json.dumps(body, indent=2, ensure_ascii=False)}'"
