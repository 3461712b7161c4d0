"""docs/asyncapi.json says what the code does."""

import json
from typing import get_args

from django.conf import settings

from tracking.protocol import asyncapi, messages


def test_the_document_is_up_to_date() -> None:
    written = json.loads((settings.BASE_DIR / "docs" / "asyncapi.json").read_text())
    assert written == asyncapi.document(), "run `manage.py asyncapi > docs/asyncapi.json`"


def test_every_frame_is_described() -> None:
    described = {frame for taken, sent in asyncapi.ROLES.values() for frame in (*taken, *sent)}
    assert described == {*get_args(messages.ServerFrame), *get_args(messages.DriverFrame)}


def test_every_reference_leads_somewhere() -> None:
    document = asyncapi.document()

    def check(node: object) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                target: object = document
                for name in node["$ref"].removeprefix("#/").split("/"):
                    assert isinstance(target, dict)
                    assert name in target, node["$ref"]
                    target = target[name]
            for value in node.values():
                check(value)
        elif isinstance(node, list):
            for value in node:
                check(value)

    check(document)
