"""Which geocoder is asked, as GEOCODER_URL names it: `photon+https://…`, `nominatim+https://…`. Pure."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args
from urllib.parse import urlsplit

type Protocol = Literal["photon", "nominatim"]

PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol.__value__)
#: Questions a second, where nothing else is set: the public Nominatim's policy allows one.
USUAL_PER_S: Mapping[Protocol, float] = {"photon": 5.0, "nominatim": 1.0}


class Service(NamedTuple):
    """`url`: without a slash at its end."""

    protocol: Protocol
    url: str


def parse_service(text: str) -> Service | None:
    """None for "". ValueError says what is wrong."""
    if not text:
        return None
    protocol, plus, url = text.partition("+")
    parts = urlsplit(url)
    known = next((one for one in PROTOCOLS if one == protocol), None)
    if known is None or not plus or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            f"name it as {' or '.join(f'{one}+https://host' for one in PROTOCOLS)}, or leave it empty for none"
        )
    return Service(known, url.rstrip("/"))
