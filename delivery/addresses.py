"""Under which address people reach this server, and through whom."""

from collections.abc import Sequence
from ipaddress import ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured


class PublicAddress(NamedTuple):
    """`origin`: as a browser's Origin header has it; `host`: as ALLOWED_HOSTS has it, without a port."""

    origin: str
    host: str


def public_address(url: str) -> PublicAddress:
    """ImproperlyConfigured: the URL is no address of a site."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ImproperlyConfigured(f"PUBLIC_URL={url} is no address of a site, such as https://food.example")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return PublicAddress(f"{parts.scheme}://{parts.netloc}", host)


def proxies(named: Sequence[str]) -> list[str]:
    """Addresses and networks, or ["*"] for anybody. ImproperlyConfigured: a name, which nobody would match."""
    if list(named) == ["*"]:
        return ["*"]
    for address in named:
        try:
            ip_network(address)
        except ValueError:
            raise ImproperlyConfigured(
                f"TRUSTED_PROXIES takes addresses and networks, such as 10.0.0.7,10.1.0.0/16, and not {address}"
            ) from None
    return list(named)
