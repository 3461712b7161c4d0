"""An extract from the web: what broke off goes on, and what is unchanged since is not brought again.

By hand: pooch (1.9) begins a download that broke off anew, and asks neither with If-Range nor for a 304.

<folder>/<name>        a whole file, and beside it <name>.version: what its server said of it
<folder>/<name>.part   one that is not whole yet, and <name>.part.version
"""

import json
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

import requests

from routing.errors import RoadsError
from routing.roads.disk import check_room, settle, write_whole
from routing.roads.pbf import check_file, check_start
from routing.roads.progress import MB, Progress

TIMEOUT_S = (10, 30)  # to connect; of silence
#: How long to wait before each further try, when a download breaks off or its server is out of order.
PAUSES_S = (1.0, 2.0, 4.0, 8.0)
CHUNK_BYTES = 1 << 18


class _BrokeOff(Exception):
    """Another try may bring the rest."""


class _NotThat(Exception):
    """What is here in part is not of the file that the server has now."""


@dataclass(frozen=True)
class Version:
    """`etag`, `modified`: the server's ETag and Last-Modified, or empty; `size`: in bytes, where it was sent."""

    etag: str = ""
    modified: str = ""
    size: int | None = None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str], size: int | None) -> Self:
        if "Content-Encoding" in headers:  # packed on the way: its size and its parts are not the file's
            return cls()
        return cls(headers.get("ETag", ""), headers.get("Last-Modified", ""), size)

    @classmethod
    def noted(cls, path: Path) -> Self:
        """Of a file in the folder; an unknown one where there is no note, or none that can be read."""
        with suppress(OSError, ValueError, TypeError):
            return cls(**json.loads(_note(path).read_text(encoding="utf-8")))
        return cls()

    def note(self, path: Path) -> None:
        write_whole(_note(path), json.dumps(asdict(self)) + "\n")

    @property
    def exact(self) -> str:
        """For If-Range. A weak ETag does not say that the bytes are the same."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


def redacted(url: str) -> str:
    """An address without what may be secret in it: user, password, query. RoadsError: it is none."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise RoadsError(f"This is no address to download from: {error}.") from None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def download(url: str, folder: Path, progress: Progress, *, pauses_s: tuple[float, ...] = PAUSES_S) -> Path:
    """The file at an http or https address, in a folder that is for this address alone.

    RoadsError: there is none, it is no extract, it does not fit on the disk, or it broke off once too often;
    what is here by then stays, and the next call goes on behind it.
    """
    address = redacted(url)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _name(url)
    for pause_s in (*pauses_s, None):
        try:
            return _fetch(url, path, progress)
        except _NotThat:
            _part(path).unlink()
        except _BrokeOff as error:
            if pause_s is None:
                raise RoadsError(
                    f"{address} could not be downloaded: {error}. Run this again, and it goes on from there."
                ) from error
            progress.message(f"{error}; another try in {pause_s:g} s")
            time.sleep(pause_s)
    raise RoadsError(f"{address} changes while it is downloaded: try again later.")


def _fetch(url: str, path: Path, progress: Progress) -> Path:
    part = _part(path)
    version = Version.noted(part)
    here = part.stat().st_size if version.exact and part.exists() else 0
    headers = {"Accept-Encoding": "identity"}  # bytes as they are in the file, which a range counts
    if here:
        headers |= {"Range": f"bytes={here}-", "If-Range": version.exact}
    else:
        headers |= _unless_unchanged(path)
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
            match response.status_code:
                case 304 if "If-None-Match" in headers or "If-Modified-Since" in headers:
                    return path
                case 200:
                    here, version = 0, Version.from_headers(response.headers, _length(response))
                case 206 if here and _goes_on(response, version, here):
                    pass
                case 206 | 416 if here:
                    raise _NotThat
                case status if status >= 500 or status in (408, 429):
                    raise _BrokeOff(f"the server answers HTTP {status}")
                case status:
                    raise RoadsError(f"{redacted(url)}: the server answers HTTP {status}; check the address.")
            _receive(response, part, here, version, f"downloading {path.name}", progress)
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
        raise _BrokeOff(f"the connection broke ({type(error).__name__})") from None
    except requests.RequestException as error:  # its text may hold what `redacted` leaves out
        raise RoadsError(
            f"{redacted(url)} is no http(s) address to download from ({type(error).__name__})."
        ) from None
    check_file(part)
    # In this order: an old note beside a new file costs a download, a new note beside an old file would hide it.
    part.replace(path)
    _note(part).replace(_note(path))
    return path


def _receive(
    response: requests.Response, part: Path, here: int, version: Version, doing: str, progress: Progress
) -> None:
    name = redacted(response.url)
    if version.size:
        check_room(part.parent, version.size - here, name)
    if not here:
        part.unlink(missing_ok=True)
        version.note(part)
    with part.open("ab") as file:
        progress.loading(doing, here, version.size)
        for chunk in response.iter_content(CHUNK_BYTES):
            if not here:
                check_start(chunk, name)
            here += file.write(chunk)
            progress.loading(doing, here, version.size)
    if version.size is not None and here != version.size:
        raise _BrokeOff(f"it ended after {here / MB:.1f} of {version.size / MB:.1f} MB")
    settle(part)


def _unless_unchanged(path: Path) -> dict[str, str]:
    """The question's headers where the file is here, whole, and the server could tell whether its own is newer."""
    version = Version.noted(path)
    if not path.exists() or version.size not in (None, path.stat().st_size):
        return {}
    headers = {"If-None-Match": version.etag, "If-Modified-Since": version.modified}
    return {name: value for name, value in headers.items() if value}


def _goes_on(response: requests.Response, version: Version, here: int) -> bool:
    """Whether this is the rest of the version that is here in part. A server need not repeat all it has told."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if not found or int(found[1]) != here:
        return False
    sent = Version.from_headers(response.headers, None if found[2] == "*" else int(found[2]))
    return all(
        value in ("", None, known) for value, known in zip(astuple(sent), astuple(version), strict=True)
    )


def _length(response: requests.Response) -> int | None:
    sent = response.headers.get("Content-Length", "")
    return int(sent) if sent.isdecimal() else None


def _name(url: str) -> str:
    """One that programs know by its end to be an extract."""
    last = unquote(urlsplit(url).path).rpartition("/")[2]
    plain = re.sub(r"[^\w.-]", "_", last).lstrip(".") or "extract"
    return plain if plain.endswith(".pbf") else f"{plain}.osm.pbf"


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.version")
