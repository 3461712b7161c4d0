"""Whom a load test plays: drivers, customers and dispatchers, and how each speaks to the server at hand."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import msgspec
from msgspec import Struct


class DriverTarget(Struct, frozen=True):
    id: str
    #: The driver's bearer token; the plain server asks for none.
    token: str = ""
    #: Latitude and longitude of where the driver begins; None: somewhere around downtown Denver.
    start: tuple[float, float] | None = None


class CustomerTarget(Struct, frozen=True, rename="camel"):
    token: str
    driver_id: str


class Targets(Struct, frozen=True):
    """As `manage.py seed` writes them."""

    drivers: list[DriverTarget]
    customers: list[CustomerTarget]


class TargetsError(Exception):
    """The targets can't be used; the message says what to do."""


def read_targets(file: Path, drivers: int | None, customers: int | None) -> Targets:
    """The first `drivers` of the file (all of them with None) and `customers` who watch them, taking turns where the
    file has fewer. TargetsError: no such file, or too few in it."""
    try:
        known = msgspec.json.decode(file.read_bytes(), type=Targets)
    except OSError as error:
        raise TargetsError(f"Cannot read {file}: {error.strerror}.") from error
    except msgspec.MsgspecError as error:
        raise TargetsError(f"{file} is not what `manage.py seed --json` writes: {error}.") from error
    chosen = known.drivers[:drivers]
    if drivers is not None and len(chosen) < drivers:
        raise TargetsError(f"{file} has {len(chosen)} drivers: seed {drivers}, or ask for fewer.")
    ids = {driver.id for driver in chosen}
    watching = [customer for customer in known.customers if customer.driver_id in ids]
    wanted = len(watching) if customers is None else customers
    if wanted and not watching:
        raise TargetsError(f"{file} has no customers of these drivers: seed orders, or ask for no customers.")
    return Targets(chosen, [watching[n % len(watching)] for n in range(wanted)])


class Dialect(Protocol):
    """How a server is spoken to."""

    #: It acknowledges fixes by `seq` and ends its snapshot with `ready`.
    acknowledges: bool

    def driver(self, driver: DriverTarget) -> tuple[str, Mapping[str, str]]:
        """Path and headers of a driver's socket."""

    def customer(self, customer: CustomerTarget) -> tuple[str, Mapping[str, str]]: ...

    def dispatcher(self) -> tuple[str, Mapping[str, str]]: ...

    def fix(self, lat: float, lng: float, speed: float, ts: int, seq: int) -> bytes:
        """A driver's frame: degrees, m/s, ms since the epoch."""


class Doorstep:
    """docs/protocol.md. `run` names the drivers' session, `cookie` signs the dispatchers in, `origin` is the
    server's own."""

    acknowledges = True

    def __init__(self, *, run: str, cookie: str, origin: str) -> None:
        self._run = run
        self._dispatcher = {"Cookie": cookie, "Origin": origin}

    def driver(self, driver: DriverTarget) -> tuple[str, Mapping[str, str]]:
        return f"/ws?role=driver&session={self._run}", {"Authorization": f"Bearer {driver.token}"}

    def customer(self, customer: CustomerTarget) -> tuple[str, Mapping[str, str]]:
        return f"/ws?role=customer&token={quote(customer.token)}", {}

    def dispatcher(self) -> tuple[str, Mapping[str, str]]:
        return "/ws?role=dispatcher", self._dispatcher

    def fix(self, lat: float, lng: float, speed: float, ts: int, seq: int) -> bytes:
        return b'{"type":"location","lat":%.6f,"lng":%.6f,"speed":%.1f,"ts":%d,"seq":%d}' % (
            lat,
            lng,
            speed,
            ts,
            seq,
        )


class Plain:
    """A server without sign-in and acks, to compare with: one message per position and receiver."""

    acknowledges = False

    def driver(self, driver: DriverTarget) -> tuple[str, Mapping[str, str]]:
        return f"/?role=driver&driverId={quote(driver.id)}", {}

    def customer(self, customer: CustomerTarget) -> tuple[str, Mapping[str, str]]:
        return f"/?role=customer&token={quote(customer.token)}", {}

    def dispatcher(self) -> tuple[str, Mapping[str, str]]:
        return "/?role=dispatcher", {}

    def fix(self, lat: float, lng: float, speed: float, ts: int, seq: int) -> bytes:
        return b'{"type":"location","lat":%.6f,"lng":%.6f,"speed":%.1f}' % (lat, lng, speed)


class Position(Struct, rename="camel"):
    driver_id: str
    lat: float
    lng: float


class Heard(Struct, rename="camel"):
    """What a load test reads of any frame: acks, errors, positions (of the customer's own driver, of one driver or
    of many)."""

    type: str
    seq: int | None = None
    code: str = ""
    driver_id: str | None = None
    lat: float | None = None
    lng: float | None = None
    drivers: list[Position] = []


decode_heard = msgspec.json.Decoder(Heard).decode
