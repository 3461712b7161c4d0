"""Extracts from the web, from a real HTTP server that behaves well and badly on purpose."""

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random

import pytest

from routing.errors import RoadsError
from routing.roads.build import build
from routing.roads.builds import current_build
from routing.roads.download import CHUNK_BYTES, Version, download
from routing.roads.pbf import MARK
from routing.roads.progress import ProgressLog

#: Three chunks and a bit of what begins like an extract.
CONTENT = b"\0\0\0\x0d" + MARK + Random(1).randbytes(3 * CHUNK_BYTES + 1000)
HALF = 2 * CHUNK_BYTES  # what breaks off within a chunk loses that chunk
HTML = b"<!DOCTYPE html><title>Sign in</title>" + b" " * 100

type Behaviour = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Serves `server.files.content` as a good server would, to request k differently if `behaviours[k]` is there."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        files: Files = self.server.files  # type: ignore[attr-defined]
        files.requests.append(dict(self.headers))
        behaviour = files.behaviours.pop(0) if files.behaviours else serve
        behaviour(self)

    @property
    def files(self) -> "Files":
        return self.server.files  # type: ignore[attr-defined]

    def answer(self, status: int, body: bytes = b"", *, length: int | None = None, **headers: str) -> None:
        """`length`: what Content-Length says; the connection ends after `body` either way."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        if length is not None:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class Files:
    def __init__(self) -> None:
        self.content = CONTENT
        self.behaviours: list[Behaviour] = []
        self.requests: list[dict[str, str]] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.files = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self.server.server_port}/europe/monaco-latest.osm.pbf"

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:12]}"'

    @property
    def ranges(self) -> list[str | None]:
        return [request.get("Range") for request in self.requests]


@pytest.fixture
def files() -> Iterator[Files]:
    files = Files()
    thread = threading.Thread(target=files.server.serve_forever, args=(0.01,))
    thread.start()
    yield files
    files.server.shutdown()
    files.server.server_close()
    thread.join()


def serve(handler: Handler) -> None:
    content, etag = handler.files.content, handler.files.etag
    if handler.headers.get("If-None-Match") == etag:
        return handler.answer(304, ETag=etag)
    wanted = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    if not wanted or handler.headers.get("If-Range") != etag:
        return handler.answer(200, content, ETag=etag)
    start = int(wanted[1])
    if start >= len(content):
        return handler.answer(416, ETag=etag, Content_Range=f"bytes */{len(content)}")
    told = f"bytes {start}-{len(content) - 1}/{len(content)}"
    return handler.answer(206, content[start:], ETag=etag, Content_Range=told)


def cuts_off(handler: Handler) -> None:
    content, etag = handler.files.content, handler.files.etag
    handler.answer(200, content[:HALF], length=len(content), ETag=etag)


def cuts_off_without_a_name(handler: Handler) -> None:
    content = handler.files.content
    handler.answer(200, content[:HALF], length=len(content))


def cuts_off_a_weak_one(handler: Handler) -> None:
    content, etag = handler.files.content, handler.files.etag
    handler.answer(200, content[:HALF], length=len(content), ETag=f"W/{etag}")


def ignores_ranges(handler: Handler) -> None:
    handler.answer(200, handler.files.content, ETag=handler.files.etag)


def ignores_if_range(handler: Handler) -> None:
    """Gives the rest of another file than the one that was begun."""
    content = handler.files.content
    told = f"bytes {HALF}-{len(content) - 1}/{len(content)}"
    handler.answer(206, content[HALF:], ETag=handler.files.etag, Content_Range=told)


def gives_another_range(handler: Handler) -> None:
    content = handler.files.content
    told = f"bytes 10-{len(content) - 1}/{len(content)}"
    handler.answer(206, content[10:], ETag=handler.files.etag, Content_Range=told)


def hangs_up(handler: Handler) -> None:
    handler.close_connection = True


def says(status: int, body: bytes = HTML) -> Behaviour:
    return lambda handler: handler.answer(status, body, Content_Type="text/html")


def fetch(files: Files, folder: Path, tries: int = 5, told: list[str] | None = None) -> Path:
    lines = ProgressLog([].append if told is None else told.append)
    return download(files.url, folder, lines, pauses_s=(0.0,) * (tries - 1))


def test_a_file_is_brought_whole(files: Files, tmp_path: Path) -> None:
    told: list[str] = []
    path = fetch(files, tmp_path, told=told)
    assert path == tmp_path / "monaco-latest.osm.pbf"
    assert path.read_bytes() == CONTENT
    assert told == ["downloading monaco-latest.osm.pbf (0.8 MB)"]
    assert sorted(file.name for file in tmp_path.iterdir()) == [path.name, f"{path.name}.version"]


def test_what_is_unchanged_is_not_brought_again(files: Files, tmp_path: Path) -> None:
    fetch(files, tmp_path)
    assert fetch(files, tmp_path).read_bytes() == CONTENT
    assert [request.get("If-None-Match") for request in files.requests] == [None, files.etag]
    files.content = CONTENT + b"more"
    assert fetch(files, tmp_path).read_bytes() == CONTENT + b"more"


def test_a_file_that_somebody_cut_short_is_brought_again(files: Files, tmp_path: Path) -> None:
    fetch(files, tmp_path).write_bytes(CONTENT[:1000])
    assert fetch(files, tmp_path).read_bytes() == CONTENT


def test_a_download_that_breaks_off_goes_on_from_there(files: Files, tmp_path: Path) -> None:
    files.behaviours = [cuts_off]
    told: list[str] = []
    assert fetch(files, tmp_path, told=told).read_bytes() == CONTENT
    assert files.ranges == [None, f"bytes={HALF}-"]
    assert told[1] == "the connection broke (ChunkedEncodingError); another try in 0 s"


def test_and_so_does_the_next_run(files: Files, tmp_path: Path) -> None:
    files.behaviours = [cuts_off]
    with pytest.raises(RoadsError, match=r"monaco.*could not be downloaded: .*Run this again"):
        fetch(files, tmp_path, tries=1)
    assert (tmp_path / "monaco-latest.osm.pbf.part").stat().st_size == HALF
    assert not (tmp_path / "monaco-latest.osm.pbf").exists()
    assert fetch(files, tmp_path).read_bytes() == CONTENT
    assert files.ranges == [None, f"bytes={HALF}-"]


@pytest.mark.parametrize("behaviour", [cuts_off_without_a_name, cuts_off_a_weak_one])
def test_what_could_be_of_another_file_is_begun_anew(
    files: Files, tmp_path: Path, behaviour: Behaviour
) -> None:
    files.behaviours = [behaviour]
    assert fetch(files, tmp_path).read_bytes() == CONTENT
    assert files.ranges == [None, None]


@pytest.mark.parametrize("behaviour", [serve, ignores_ranges, ignores_if_range])
def test_a_file_that_changes_in_the_middle(files: Files, tmp_path: Path, behaviour: Behaviour) -> None:
    files.behaviours = [cuts_off]
    with pytest.raises(RoadsError):
        fetch(files, tmp_path, tries=1)
    files.content = CONTENT[:100] + b"x" * 500 + CONTENT[600:]  # as long as before
    files.behaviours = [behaviour]
    assert fetch(files, tmp_path).read_bytes() == files.content


@pytest.mark.parametrize("behaviour", [ignores_ranges, gives_another_range, says(416)])
def test_servers_that_are_bad_at_ranges(files: Files, tmp_path: Path, behaviour: Behaviour) -> None:
    files.behaviours = [cuts_off, behaviour]
    assert fetch(files, tmp_path).read_bytes() == CONTENT


def test_a_part_that_is_all_of_it_is_begun_anew(files: Files, tmp_path: Path) -> None:
    """As a power cut would leave it between the last byte and the new name."""
    part = tmp_path / "monaco-latest.osm.pbf.part"
    part.write_bytes(CONTENT)
    Version(files.etag, "", len(CONTENT)).note(part)
    assert fetch(files, tmp_path).read_bytes() == CONTENT
    assert files.ranges == [f"bytes={len(CONTENT)}-", None]


@pytest.mark.parametrize(
    "trouble",
    [hangs_up, says(500), says(503), says(429), lambda handler: handler.answer(200, CONTENT[:9], length=99)],
)
def test_passing_trouble(files: Files, tmp_path: Path, trouble: Behaviour) -> None:
    files.behaviours = [trouble, trouble]
    assert fetch(files, tmp_path).read_bytes() == CONTENT
    files.behaviours = [trouble] * 5
    with pytest.raises(RoadsError, match="Run this again"):
        fetch(files, tmp_path / "again")


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        pytest.param(says(404), "HTTP 404; check the address", id="404"),
        pytest.param(says(403), "HTTP 403; check the address", id="403"),
        pytest.param(says(304), "HTTP 304; check the address", id="304 unasked"),
        pytest.param(says(200), "is a web page", id="web page"),
        pytest.param(says(200, b"\r\n <html>"), "is a web page", id="web page, later"),
        pytest.param(says(200, Random(2).randbytes(5000)), "is no .osm.pbf", id="random bytes"),
        pytest.param(says(200, b""), "is empty", id="nothing"),
        pytest.param(says(200, CONTENT[:9]), "is empty or no .osm.pbf", id="nine bytes"),
    ],
)
def test_what_no_further_try_would_mend(
    files: Files, tmp_path: Path, answer: Behaviour, complaint: str
) -> None:
    files.behaviours = [answer]
    with pytest.raises(RoadsError, match=complaint) as caught:
        fetch(files, tmp_path)
    assert "monaco-latest.osm.pbf" in caught.value.message
    assert len(files.requests) == 1
    assert fetch(files, tmp_path).read_bytes() == CONTENT  # nothing of it stays


def test_a_file_that_is_too_big_for_the_disk(files: Files, tmp_path: Path) -> None:
    files.behaviours = [lambda handler: handler.answer(200, CONTENT, length=1 << 60)]
    with pytest.raises(RoadsError, match=r"needs 1,152,921,504,607 MB, and the disk of .* make room"):
        fetch(files, tmp_path)


@pytest.mark.parametrize(
    "url", ["ftp://x.org/a.osm.pbf", "file:///etc/passwd", "http://", "https://[bad", "http:///a.osm.pbf"]
)
def test_an_address_that_is_none(url: str, tmp_path: Path) -> None:
    with pytest.raises(RoadsError, match=r"is no .*address to download from"):
        download(url, tmp_path, ProgressLog([].append), pauses_s=())


def test_no_other_kind_of_address_is_followed(files: Files, tmp_path: Path) -> None:
    files.behaviours = [lambda handler: handler.answer(302, Location="file:///etc/passwd")]
    with pytest.raises(RoadsError, match=r"no .*address to download from"):
        fetch(files, tmp_path)


def test_a_redirection_is_followed(files: Files, tmp_path: Path) -> None:
    files.behaviours = [lambda handler: handler.answer(302, Location=files.url.replace("latest", "261124"))]
    assert fetch(files, tmp_path).name == "monaco-latest.osm.pbf"


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    url = "http://someone:hidden@127.0.0.1:1/a.osm.pbf?key=hidden"
    with pytest.raises(RoadsError, match=r"^http://127.0.0.1:1/a.osm.pbf could not") as caught:
        download(url, tmp_path, ProgressLog([].append), pauses_s=(0.0,))
    assert "hidden" not in caught.value.message


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/b.osm.pbf?x=/c", "b.osm.pbf"),
        ("/", "extract.osm.pbf"),
        ("/%2e%2e%2fetc%2fpasswd", "passwd.osm.pbf"),
        ("/..%00x", "_x.osm.pbf"),
        ("/download?file=co", "download.osm.pbf"),
    ],
)
def test_the_name_of_a_file(files: Files, tmp_path: Path, path: str, name: str) -> None:
    url = files.url.removesuffix("/europe/monaco-latest.osm.pbf") + path
    assert download(url, tmp_path, ProgressLog([].append)) == tmp_path / name


# ------------------------------------------------------------------------------------- roads of an address


def steps_of(roads: Path, url: str) -> list[str]:
    steps: list[str] = []
    build(roads, url, force=False, progress=ProgressLog(steps.append))
    return steps


@pytest.mark.slow
def test_roads_of_an_address(files: Files, extract: Path, tmp_path: Path) -> None:
    files.content = extract.read_bytes()
    roads, url = tmp_path / "roads", files.url.replace("http://", "http://someone:hidden@")
    assert steps_of(roads, url)[:2] == [
        "downloading monaco-latest.osm.pbf (0.0 MB)",
        "1/7 reading monaco-latest.osm.pbf",
    ]
    found = current_build(roads)
    assert found
    assert found.source == files.url
    assert steps_of(roads, url) == [f"in place: {files.url}, unchanged"]
    assert [request.get("If-None-Match") for request in files.requests] == [None, files.etag]


def test_an_extract_that_is_broken_on_its_server_is_brought_again(
    files: Files, extract: Path, tmp_path: Path
) -> None:
    files.content = extract.read_bytes()[:-40]
    for _ in range(2):
        with pytest.raises(RoadsError, match="cannot be read"):
            steps_of(tmp_path / "roads", files.url)
    assert [request.get("If-None-Match") for request in files.requests] == [None, None]


@pytest.mark.slow
def test_downloads_for_other_roads_go(files: Files, extract: Path, tmp_path: Path) -> None:
    files.content = extract.read_bytes()
    roads = tmp_path / "roads"
    for url in (files.url, files.url.replace("monaco", "andorra")):
        steps_of(roads, url)
        assert len(list((roads / "downloads").iterdir())) == 1
    build(roads, extract, force=True, progress=ProgressLog([].append))
    assert list((roads / "downloads").iterdir()) == []
