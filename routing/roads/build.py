"""Road data in, an OSRM data set and map tiles out: the steps of a build, in their order."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from routing.errors import RoadsError
from routing.profiles import Profile
from routing.roads import addresses, features, steps
from routing.roads.builds import (
    Algorithm,
    Build,
    check_version,
    current_build,
    discard,
    finish,
    folders,
    locked,
    osrm_data,
    osrm_version,
    read,
    switch,
    try_out,
)
from routing.roads.default import default_network
from routing.roads.disk import check_room, size_of
from routing.roads.features import write_features
from routing.roads.network import write_pbf
from routing.roads.programs import await_end, osrm_profile, osrm_program, run, tippecanoe_program
from routing.roads.progress import Progress
from routing.roads.sources import Source, forget_others, open_source
from routing.roads.steps import Step

#: Bytes of disk that a build takes while it runs for each byte of an extract with all tags: measured 3 to 16. One
#: with nothing but roads took up to 64: where that does not fit, it ends with the disk full, and can go on later.
ROOM_FACTOR = 16

type Done = dict[str, Any]
type Bounds = list[list[float]]  # south-west and north-east corner, each (lat, lng)
type Accept = Callable[[Bounds], None]  # RoadsError: roads in these bounds are not to be used


@dataclass(frozen=True)
class Job:
    """What is to be built. `fingerprint`: of all that decides what comes out."""

    source: Source
    algorithm: Algorithm
    profiles: Sequence[Profile]
    accept: Accept | None
    fingerprint: str


def build(
    roads_dir: Path,
    named: Path | str | None,
    *,
    algorithm: Algorithm | None = None,
    profiles: Sequence[Profile] = ("car",),
    force: bool,
    progress: Progress,
    accept: Accept | None = None,
) -> Build:
    """Makes sure that roads are in place: those of an extract, named by its path or address, or the default ones.

    Returns at once where nothing would change; goes on where a build that was killed has stopped. Without an
    extract, roads once built from one are left alone unless forced. `algorithm`: MLD unless said otherwise; the
    default roads keep theirs. `profiles`: by what one is to go on them, the car among it. `accept` has a word on
    where the roads are. RoadsError: the message says what to do; what was in use before still is.
    """
    with locked(roads_dir, progress):
        found = current_build(roads_dir)
        if found and not (force or named or found.is_default):
            check_version(found)
            progress.message(f"in place: {found.source} (--force goes back to the default roads)")
            if missing := [profile for profile in profiles if profile not in found.profiles]:
                progress.message(f"not by {' or '.join(missing)}: build them from the extract once more")
            return found
        source = open_source(named, roads_dir / "downloads", progress)
        if algorithm is None:
            algorithm = found.algorithm if found and found.is_default and not named else "mld"
        job = Job(source, algorithm, profiles, accept, source.fingerprint(algorithm, profiles))
        if found and found.fingerprint == job.fingerprint and not force:
            progress.message(f"in place: {found.source}, unchanged")
            forget_others(roads_dir / "downloads", source)
            return found
        folder = None if force else _built(roads_dir, job, progress)
        folder = folder or _build(roads_dir, job, progress)
        _put_in_use(roads_dir, folder)
        forget_others(roads_dir / "downloads", source)
    ready = read(folder)
    if ready is None:
        raise RoadsError
    return ready


def _built(roads_dir: Path, job: Job, progress: Progress) -> Path | None:
    """A finished build of the same: the one before the current one, or one killed before it was in use."""
    for folder in folders(roads_dir):
        if (found := read(folder)) and found.fingerprint == job.fingerprint:
            progress.message(f"built before: {found.source}")
            if job.accept:
                job.accept(found.bounds)
            try:
                try_out(folder, found.algorithm, found.profiles)
            except RoadsError as error:
                progress.message(error.message)
            else:
                return folder
    return None


def _build(roads_dir: Path, job: Job, progress: Progress) -> Path:
    folder, extract = _workplace(roads_dir, job.fingerprint, progress), job.source.extract
    if extract:
        needed = extract.stat().st_size * ROOM_FACTOR * len(job.profiles) - size_of(folder)
        check_room(roads_dir, needed, f"building from {extract.name}")
    try:
        done = steps.do(list(_steps(folder, job, progress)), folder, job.fingerprint, progress)
    except RoadsError:
        if not steps.done_for(folder, job.fingerprint):  # nothing can be made of it
            discard(folder)
            forget_others(roads_dir / "downloads", None)
        raise
    description = Build(
        source=job.source.name,
        attribution=job.source.attribution,
        licence="ODbL-1.0",
        zooms=[features.FIRST_ZOOM, features.LAST_ZOOM],
        osrm_version=osrm_version(),
        fingerprint=job.fingerprint,
        built_at=datetime.now(UTC).isoformat(timespec="seconds"),
        algorithm=job.algorithm,
        profiles=list(job.profiles),
        **done["features"],
    )
    finish(folder, description)
    return folder


def _workplace(roads_dir: Path, fingerprint: str, progress: Progress) -> Path:
    """Where a build of the same was killed, or a new folder. What other builds left unfinished goes."""
    for folder in folders(roads_dir):
        if (folder / "roads.json").exists():
            continue
        await_end(folder / "build.log")
        if steps.done_for(folder, fingerprint):
            progress.message("going on where an earlier build stopped")
            return folder
        discard(folder)
    folder = roads_dir / "builds" / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{fingerprint[:8]}"
    folder.mkdir(parents=True)
    return folder


def _steps(folder: Path, job: Job, progress: Progress) -> Iterator[Step]:
    source, accept = job.source, job.accept
    network = source.extract or folder / "roads.osm.pbf"
    geojson, tiles, log = folder / "features.geojsonl", folder / "streets.pmtiles", folder / "build.log"

    def read_features(_: Done) -> dict[str, Any]:
        contents = write_features(network, geojson)
        if contents.notice:
            progress.message(contents.notice)
        return {
            "bounds": [list(contents.south_west), list(contents.north_east)],
            "features": dict(contents.layers),
            "notice": contents.notice,
        }

    if not source.extract:
        yield Step("network", "laying out the default roads", lambda _: write_pbf(default_network(), network))
    yield Step("features", f"reading {network.name}", read_features)
    if accept:
        yield Step("place", "looking where they are", lambda done: accept(done["features"]["bounds"]))
    found = folder / addresses.FILE
    yield Step("addresses", "reading addresses", lambda _: addresses.write_addresses(network, found))
    for profile in job.profiles:
        yield from _osrm_steps(folder, network, profile, job.algorithm)
    yield Step("map", "drawing the map", lambda _: _draw(geojson, tiles, source.attribution, log))
    yield Step("trial", "trying them out", lambda _: try_out(folder, job.algorithm, job.profiles))


def _osrm_steps(folder: Path, network: Path, profile: Profile, algorithm: Algorithm) -> Iterator[Step]:
    """From the network to the data set of one profile."""
    data, log = osrm_data(folder, profile), folder / "build.log"
    # osrm-partition writes over what it reads, so it works on a copy; osrm-contract does not.
    extracted = folder / f"extracted-{profile}" / data.name if algorithm == "mld" else data

    def osrm(program: str, *arguments: str | Path) -> None:
        run([osrm_program(program), *arguments], log)

    def extract(_: Done) -> None:
        _clear(extracted.parent)
        osrm("osrm-extract", "--profile", osrm_profile(profile), "--output", extracted, network)

    def partition(_: Done) -> None:
        _clear(data.parent)
        shutil.copytree(extracted.parent, data.parent, dirs_exist_ok=True)
        osrm("osrm-partition", data)

    def step(work: Callable[[Done], None], program: str) -> Step:
        name = work.__name__
        if profile == "car":
            return Step(name, f"preparing OSRM: {program}", work)
        return Step(f"{name} {profile}", f"preparing OSRM by {profile}: {program}", work)

    def customize(_: Done) -> None:
        osrm("osrm-customize", data)

    def contract(_: Done) -> None:
        osrm("osrm-contract", data)

    yield step(extract, "osrm-extract")
    if algorithm == "mld":
        yield step(partition, "osrm-partition")
        yield step(customize, "osrm-customize")
    else:
        yield step(contract, "osrm-contract")


def _draw(geojson: Path, output: Path, attribution: str, log: Path) -> None:
    temporary = output.with_name("tiling")
    _clear(temporary)
    options: dict[str, Any] = {
        "--output": output,
        "--temporary-directory": temporary,
        "--minimum-zoom": features.FIRST_ZOOM,
        "--maximum-zoom": features.LAST_ZOOM,
        "--drop-rate": 1,  # every road from its own lowest zoom on, none thinned out below
        "--buffer": 8,
        "--name": "Doorstep",
        "--attribution": attribution,
    }
    flags = (
        "--force",
        "--read-parallel",
        "--drop-smallest-as-needed",
        "--no-tile-stats",
        "--no-progress-indicator",
    )
    run([tippecanoe_program(), *flags, *(f"{key}={value}" for key, value in options.items()), geojson], log)


def _put_in_use(roads_dir: Path, folder: Path) -> None:
    """And removes what only the way there needed."""
    for path in folder.iterdir():
        if path.is_dir() and not path.name.startswith("osrm"):
            shutil.rmtree(path)
        elif path.name in ("roads.osm.pbf", "features.geojsonl", "steps.json"):
            path.unlink()
    switch(roads_dir, folder)


def _clear(folder: Path) -> None:
    """An empty folder, whatever was there."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
    folder.mkdir()
