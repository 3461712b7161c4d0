"""What an `.osm.pbf` begins with: the length of a header, as four bytes, and that it is OpenStreetMap's."""

from pathlib import Path

from routing.errors import RoadsError

LENGTH_BYTES = 4
MARK = b"\n\tOSMHeader"
START_BYTES = LENGTH_BYTES + len(MARK)


def check_file(path: Path) -> None:
    """RoadsError: it is no `.osm.pbf`. That one is whole shows only when it is read."""
    with path.open("rb") as file:
        start = file.read(START_BYTES)
    if len(start) < START_BYTES:
        raise RoadsError(f"{path.name} is empty or no .osm.pbf: download it again.")
    check_start(start, path.name)


def check_start(start: bytes, name: str) -> None:
    """RoadsError: what begins like this, be it only a few bytes of it, is no `.osm.pbf`."""
    if start.lstrip()[:1] == b"<":
        raise RoadsError(
            f"{name} is a web page or XML, no .osm.pbf: "
            "take the link of the file itself, from download.geofabrik.de say."
        )
    if not MARK.startswith(start[LENGTH_BYTES:START_BYTES]):
        raise RoadsError(f"{name} is no .osm.pbf: take one from download.geofabrik.de, say.")
