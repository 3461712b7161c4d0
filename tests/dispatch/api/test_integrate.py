"""The commands of docs/integrate.md, one after the other, do what it says."""

import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import ANY
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from dispatch.models import Driver, Order, Restaurant

GUIDE = (Path(settings.BASE_DIR) / "docs/integrate.md").read_text()


def commands(program: str) -> list[str]:
    """Those that stand in the guide, indented, with the lines that belong to them."""
    blocks: list[list[str]] = [[]]
    for line in GUIDE.splitlines():
        if line.startswith("    "):
            blocks[-1].append(line[4:])
        elif blocks[-1]:
            blocks.append([])
    texts = ["\n".join(block) for block in blocks]
    return [text for text in texts if text.startswith(program)]


def ask(command: str, variables: dict[str, str]) -> Any:
    """What curl would be answered."""
    words = iter(shlex.split(command.replace("\\\n", " ")))
    method, address, body, headers = "", "", None, {}
    next(words)
    for word in words:
        match word:
            case "-X":
                method = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = filled_in(value, variables)
            case "-d":
                body = filled_in(next(words), variables)
            case _:
                address = filled_in(word, variables)
    parts = urlsplit(address)
    assert parts.netloc == "testserver"
    return Client().generic(
        method or ("GET" if body is None else "POST"),
        parts.path,
        (body or "").encode(),
        content_type=headers.pop("Content-Type", ""),
        headers=headers,
        QUERY_STRING=parts.query,
    )


def filled_in(text: str, variables: dict[str, str]) -> str:
    for name, value in variables.items():
        text = text.replace(f"${name}", value)
    assert "$" not in text
    return text


@pytest.mark.django_db
def test_from_a_key_to_an_order_and_its_link(
    restaurant: Restaurant, driver: Driver, capsys: pytest.CaptureFixture[str]
) -> None:
    [create] = commands("manage.py api_key create")
    call_command(*shlex.split(create.replace("\\\n", " "))[1:])
    secret = capsys.readouterr().out.strip()
    variables = {
        "DOORSTEP": "http://testserver",
        "KEY": secret,
        "RESTAURANT": str(restaurant.pk),
        "UNTIL": (timezone.now() + timedelta(hours=1)).isoformat(),
    }

    restaurants, quoting, placing, reading, listing, amending, ready, cancelling, _, drivers = commands(
        "curl"
    )
    [opening] = [text.partition("\n")[2] for text in commands("export UNTIL")]
    quoted = ask(quoting, variables).json()
    assert (quoted["deliverable"], quoted["problems"]) == (True, [])
    assert [one["id"] for one in ask(restaurants, variables).json()["restaurants"]] == [str(restaurant.pk)]
    placed = ask(placing, variables)
    assert placed.status_code == 201, placed.content
    assert ask(placing, variables).content == placed.content
    order = Order.objects.get()
    link = urlsplit(placed.json()["tracking_url"])
    assert Client().get(link.path, QUERY_STRING=link.query).status_code == 200

    assert ask(reading, variables).json()["id"] == str(order.pk)
    assert ask(listing, variables).json() == {"orders": [], "next": None}
    assert ask(amending, variables).json()["door_note"] == "Ring twice"
    assert ask(ready, variables).json()["ready_at"] == "2026-11-29T01:25:00Z"
    assert ask(cancelling, variables).json()["status"] == "cancelled"
    order.refresh_from_db()
    assert order.status == "cancelled"

    opened = ask(opening, variables).json()
    assert (opened["open"], opened["extra"]["minutes"]) == (False, 15)
    assert [one["position"]["age_s"] for one in ask(drivers, variables).json()["drivers"]] == [ANY]
