"""docs/asyncapi.json says what the code does."""

import json
from typing import get_args

from django.conf import settings

from tracking import asyncapi, messages
from tracking.consumers import CustomerConsumer, DispatcherConsumer, DriverConsumer


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


def test_every_group_event_has_a_handler_in_the_consumers_that_hear_it() -> None:
    """Channels ends a consumer that gets an event without a handler."""
    assert hasattr(DriverConsumer, "driver_changed")
    assert hasattr(DriverConsumer, "driver_replaced")
    assert hasattr(CustomerConsumer, "customer_changed")
    assert hasattr(DispatcherConsumer, "fleet_changed")
