"""NOTIFY_URLS: which gateways there are. Each address holds what the company pays with: none is ever shown.

Knows no Django: the settings are made of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

#: Stands in an address for the number that a text goes to.
PHONE = "{phone}"
#: Gateways of ours, for development: a text goes to the terminal, or into a file.
CONSOLE, FILE = "console", "file"

_GATEWAY = re.compile(r"(?:(?P<name>[A-Za-z0-9_-]+)=)?(?P<url>(?P<scheme>[A-Za-z0-9+.-]+)://\S*)")


@dataclass(frozen=True)
class GatewayUrl:
    """Its `repr`, as tracebacks and error pages have it, says no more than its name."""

    name: str
    scheme: str = field(repr=False)
    url: str = field(repr=False)


def parse_gateways(text: str) -> Mapping[str, GatewayUrl]:
    """By name, of addresses between blanks, each with `name=` before it or called “default”; the first one is for all
    who name none. ValueError: what is wrong, without the address.
    """
    gateways: dict[str, GatewayUrl] = {}
    for number, word in enumerate(text.split(), start=1):
        match = _GATEWAY.fullmatch(word)
        if match is None:
            raise ValueError(
                f"gateway {number} is no address such as twilio://…/{PHONE}, or name=twilio://…/{PHONE}"
            )
        name, scheme = match["name"] or "default", match["scheme"].lower()
        if name in gateways:
            raise ValueError(
                f"two gateways are called {name}; put another name before one: boulder=twilio://…"
            )
        if scheme not in (CONSOLE, FILE) and PHONE not in match["url"]:
            raise ValueError(
                f"gateway {name} does not say where the customer's number goes: put {PHONE} there"
            )
        if scheme == FILE and not match["url"].startswith("file:///"):
            raise ValueError(f"gateway {name} is a file: name it from the root on, as file:///var/log/texts")
        gateways[name] = GatewayUrl(name, scheme, match["url"])
    return gateways
