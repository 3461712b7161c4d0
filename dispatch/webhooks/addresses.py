"""Where a webhook may go: nowhere into our own network, unless WEBHOOKS_ALLOW_PRIVATE says so."""

import ipaddress
from urllib.parse import urlsplit

from dispatch.errors import Invalid

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MOST_CHARACTERS = 2000
#: An IPv6 address of these has an IPv4 one in its last four bytes, to which a gateway passes it on.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def check_url(url: str, *, private: bool) -> None:
    """Raises Invalid. `private`: plain HTTP, and addresses of our own network, are allowed."""
    if len(url) > MOST_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url:
        raise Invalid(f"An address has up to {MOST_CHARACTERS} characters of ASCII, and no blanks.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Invalid("This is no address of a server.") from None
    schemes = ("https", "http") if private else ("https",)
    if parts.scheme not in schemes or not host or port == 0:
        raise Invalid(f"An address begins with {' or '.join(schemes)}:// and a server's name.")
    if parts.username is not None or parts.password is not None or "#" in url:
        raise Invalid("An address has no user name, no password and no “#”: requests are signed.")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return  # a name; where it leads is looked at each time
    if not private and not is_public(literal):
        raise Invalid("That address belongs to a private network.")


def is_public(address: Address) -> bool:
    """Whether it is somebody's on the Internet: not private, loopback, link-local, multicast, reserved, nor one that
    stands for such an IPv4 address, nor of a tunnel (6to4, Teredo).
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address.sixtofour is not None or address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
    )
