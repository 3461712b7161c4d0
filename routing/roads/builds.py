"""The builds of roads on this disk: which one is in use, and how another one takes its place.

    <roads folder>/current → builds/<name>          what is in use; switched atomically
    <roads folder>/builds/<name>/osrm/roads.osrm*           for osrm-routed, by car
                                 osrm-bicycle/roads.osrm*   by another profile, where it was asked for
                                 streets.pmtiles            for the map
                                 roads.json                 a Build; what has none is not finished

Two builds stay: the one in use and the one before it, for `rollback`.
"""

import fcntl
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from routing.errors import RoadsError
from routing.profiles import Profile
from routing.roads.disk import settle, settle_all, write_whole
from routing.roads.programs import await_end, osrm_program, run
from routing.roads.progress import Progress
from routing.roads.tiles import Tiles

type Algorithm = Literal["mld", "ch"]

DEFAULT_SOURCE = "default"


@dataclass(frozen=True)
class Build:
    """What `roads.json` says. `source`: "default", the extract's path or its address; `bounds`: south-west and
    north-east corner of all roads, each (lat, lng); `zooms`: first and last that the map has tiles for;
    `algorithm`: which of OSRM's; `profiles`: by what one can go on them; `fingerprint`: of the input and of
    everything that turned it into data; `notice`: what had to be left out, or empty.
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
    algorithm: Algorithm = "mld"
    profiles: list[Profile] = field(default_factory=lambda: ["car"])

    @property
    def is_default(self) -> bool:
        return self.source == DEFAULT_SOURCE


def current_build(roads_dir: Path) -> Build | None:
    """The build in use, or None where there is none."""
    return read(roads_dir / "current")


def read(folder: Path) -> Build | None:
    """What a build says of itself; None where it is not finished."""
    try:
        return Build(**json.loads((folder / "roads.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (TypeError, ValueError):
        return None  # written by another version of Doorstep: as good as none


def rollback(roads_dir: Path) -> Build:
    """Puts the build before the current one back in use; once more undoes that.

    RoadsError: there is none, or the programs of today can't use it any more; what is in use stays.
    """
    with locked(roads_dir):
        in_use = (roads_dir / "current").resolve()
        others = [
            (folder, found) for folder in folders(roads_dir) if folder != in_use and (found := read(folder))
        ]
        if not others:
            raise RoadsError("There is no earlier build to go back to.")
        folder, found = max(others, key=lambda other: other[0].name)
        check_version(found)
        try_out(folder, found.algorithm, found.profiles)
        switch(roads_dir, folder)
    return found


def check_version(found: Build) -> None:
    """RoadsError: these roads were made for another OSRM than is installed."""
    if found.osrm_version != osrm_version():
        raise RoadsError(
            f"The roads of {found.source} were built for OSRM {found.osrm_version}, which is now {osrm_version()}: "
            f"run `manage.py roads build {found.source}` again."
        )


def osrm_data(folder: Path, profile: Profile = "car") -> Path:
    """What osrm-routed reads of a build."""
    return folder / ("osrm" if profile == "car" else f"osrm-{profile}") / "roads.osrm"


def try_out(folder: Path, algorithm: Algorithm, profiles: Iterable[Profile]) -> None:
    """Lets OSRM and the map load what is in a build's folder. RoadsError: one of them can't."""
    options = ("--trial=yes", f"--algorithm={algorithm}", "--ip=127.0.0.1", "--port=0")
    try:
        for profile in profiles:
            run([osrm_program("osrm-routed"), *options, osrm_data(folder, profile)], folder / "build.log")
        Tiles(folder / "streets.pmtiles")
    except (RoadsError, OSError, ValueError) as error:
        raise RoadsError(
            f"The build {folder.name} can't be used ({error}): build these roads again."
        ) from error


def osrm_version() -> str:
    return version("osrm-bindings")


def finish(folder: Path, description: Build) -> None:
    """From here on the folder is a build."""
    settle_all(folder)
    write_whole(folder / "roads.json", json.dumps(asdict(description), indent=2, ensure_ascii=False) + "\n")


def switch(roads_dir: Path, folder: Path) -> None:
    """`current` points to `folder` from one instant to the next; older builds than the one before it go."""
    link, following = roads_dir / "current", roads_dir / "following"
    before = link.resolve()
    following.unlink(missing_ok=True)
    following.symlink_to(folder.relative_to(roads_dir))
    following.replace(link)
    settle(roads_dir)
    for other in folders(roads_dir):
        if other.name not in (folder.name, before.name):
            discard(other)


def folders(roads_dir: Path) -> list[Path]:
    """Those of all builds, finished or not."""
    return [path.resolve() for path in sorted((roads_dir / "builds").glob("*/"))]


def discard(folder: Path) -> None:
    await_end(folder / "build.log")
    shutil.rmtree(folder)


@contextmanager
def locked(roads_dir: Path, progress: Progress | None = None) -> Iterator[None]:
    """One build or rollback at a time; a second one waits."""
    roads_dir.mkdir(parents=True, exist_ok=True)
    with (roads_dir / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if progress:
                progress.message("waiting for another build of these roads to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
