"""A day in tab-separated tables: orders, restaurants, couriers, parameters.

Reads its own tables and those of the public Meal Delivery Routing Problem instances, which name some columns
differently. Times in the tables are minutes (or HH:MM, HH:MM:SS), in memory seconds.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan
from pathlib import Path

from routing.geo import Point

#: A row's values by column, the names in lower case with underscores.
type Row = Mapping[str, str]


class BadTable(Exception):
    """A table that cannot be read; the message names the file, the line and what to do."""


@dataclass(frozen=True, slots=True)
class DayOrder:
    """`place`, `restaurant`: numbers of places. Times are seconds."""

    id: str
    place: int
    restaurant: int
    placed_at: float
    ready_at: float
    promised_at: float
    bags: int = 1


@dataclass(frozen=True, slots=True)
class Courier:
    id: str
    place: int
    on_at: float
    off_at: float
    capacity: int = 10


@dataclass(frozen=True, slots=True)
class Parameters:
    """`metres_per_minute`: None where roads are asked. `whole_minutes`: drives are rounded up, as the public
    instances have it. `handover`: the share of the time at a stop before the food changes hands.
    """

    pickup_s: float
    dropoff_s: float
    target_s: float
    metres_per_minute: float | None
    whole_minutes: bool
    handover: float


@dataclass(frozen=True, slots=True)
class Day:
    """`places[k]`: (x, y) in metres, or a Point where roads are asked."""

    orders: Sequence[DayOrder]
    couriers: Sequence[Courier]
    parameters: Parameters
    places: Sequence[tuple[float, float] | Point]


def read_day(folder: Path) -> Day:
    """Reads `orders`, `restaurants`, `couriers` and `parameters` (or `instance_parameters`), .tsv or .txt."""
    parameters = _parameters(folder)
    on_roads = parameters.metres_per_minute is None
    places: list[tuple[float, float] | Point] = []

    def place(cells: "Cells") -> int:
        if on_roads:
            places.append(Point.checked(cells.number("lat"), cells.number("lng")))
        else:
            places.append((cells.number("x"), cells.number("y")))
        return len(places) - 1

    restaurants = {cells.text("restaurant", "id"): place(cells) for cells in _rows(folder, "restaurants")}
    orders = []
    for cells in _rows(folder, "orders"):
        name, placed = cells.text("restaurant"), cells.time("placed", "placement_time")
        if name not in restaurants:
            raise BadTable(f"{cells.where}: restaurant {name} is not in the restaurants' table.")
        ready = cells.time("ready", "ready_time")
        promised = cells.time("promised") if cells.has("promised") else placed + parameters.target_s
        bags = int(cells.number("bags", least=1)) if cells.has("bags") else 1
        orders.append(
            DayOrder(
                cells.text("order", "id"), place(cells), restaurants[name], placed, ready, promised, bags
            )
        )
    couriers = [
        Courier(
            cells.text("courier", "id"),
            place(cells),
            cells.time("on", "on_time"),
            cells.time("off", "off_time"),
            int(cells.number("capacity", least=1)) if cells.has("capacity") else 10,
        )
        for cells in _rows(folder, "couriers")
    ]
    for courier in couriers:
        if courier.off_at <= courier.on_at:
            raise BadTable(f"{folder}: courier {courier.id} is off before being on.")
    for name, ids in (("orders", [o.id for o in orders]), ("couriers", [c.id for c in couriers])):
        if len(set(ids)) < len(ids):
            raise BadTable(f"{folder}: one of the {name} is listed twice.")
    return Day(sorted(orders, key=lambda order: (order.placed_at, order.id)), couriers, parameters, places)


def _parameters(folder: Path) -> Parameters:
    public = any((folder / f"instance_parameters{ending}").exists() for ending in (".txt", ".tsv"))
    (cells, *_) = [*_rows(folder, "instance_parameters" if public else "parameters")]
    speed = None
    if cells.has("metres_per_minute", "meters_per_minute"):
        speed = cells.number("metres_per_minute", "meters_per_minute", least=1)
    return Parameters(
        pickup_s=60 * cells.number("pickup_service_minutes", least=0),
        dropoff_s=60 * cells.number("dropoff_service_minutes", least=0),
        target_s=60 * cells.number("target_click_to_door", least=0),
        metres_per_minute=speed,
        whole_minutes=bool(cells.number("whole_minutes")) if cells.has("whole_minutes") else public,
        handover=cells.number("handover") if cells.has("handover") else (0.5 if public else 1.0),
    )


@dataclass(frozen=True, slots=True)
class Cells:
    """One row, by the names that a column goes by."""

    row: Row
    where: str

    def has(self, *names: str) -> bool:
        return any(self.row.get(name) for name in names)

    def text(self, *names: str) -> str:
        for name in names:
            if value := self.row.get(name):
                return value
        known = next((name for name in names if name in self.row), None)
        if known is not None:
            raise BadTable(f"{self.where}: nothing in column “{known}”.")
        raise BadTable(f"{self.where}: no column “{names[0]}”.")

    def number(self, *names: str, least: float = -inf) -> float:
        text = self.text(*names)
        try:
            number = float(text)
        except ValueError:
            number = nan
        if not isfinite(number):
            raise BadTable(f"{self.where}: “{text}” in column “{names[0]}” is no number.")
        if number < least:
            raise BadTable(f"{self.where}: {text} in column “{names[0]}” is below {least:g}.")
        return number

    def time(self, *names: str) -> float:
        """Seconds, from minutes or HH:MM or HH:MM:SS."""
        text = self.text(*names)
        if ":" not in text:
            return 60 * self.number(*names)
        try:
            hours, minutes, *seconds = (float(part) for part in text.split(":"))
            at = 3600 * hours + 60 * minutes + sum(seconds)
        except ValueError:
            at = nan
        if not isfinite(at):
            raise BadTable(f"{self.where}: “{text}” in column “{names[0]}” is no time.")
        return at


def _rows(folder: Path, name: str) -> Iterable[Cells]:
    path = next((path for ending in (".tsv", ".txt") if (path := folder / f"{name}{ending}").exists()), None)
    if path is None:
        raise BadTable(f"{folder} has no {name}.tsv (or .txt).")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = list(csv.reader(file, delimiter="\t"))
    except (OSError, ValueError, csv.Error) as wrong:
        raise BadTable(f"{path} can't be read as a table: {wrong}.") from None
    below = [(number, line) for number, line in enumerate(lines[1:], start=2) if any(map(str.strip, line))]
    if not below:
        raise BadTable(f"{path} has no rows below its header.")
    header = [column.strip().lower().replace(" ", "_").replace("-", "_") for column in lines[0]]
    for number, line in below:
        yield Cells(dict(zip(header, map(str.strip, line), strict=False)), f"{path.name} line {number}")


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
