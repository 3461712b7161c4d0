"""Static files over ASGI."""

import gzip
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.test import AsyncClient, Client

pytestmark = pytest.mark.usefixtures("servers")

CSS = "css/track.css"


def source() -> bytes:
    return Path(staticfiles_storage.path(staticfiles_storage.stored_name(CSS))).read_bytes()


async def test_a_file_with_its_headers() -> None:
    answer = await AsyncClient().get(staticfiles_storage.url(CSS))
    assert (answer.status_code, answer.content) == (200, source())
    assert answer["Content-Type"].startswith("text/css")
    assert "immutable" in answer["Cache-Control"]
    assert int(answer["Content-Length"]) == len(answer.content)


async def test_compressed_where_the_browser_likes() -> None:
    answer = await AsyncClient().get(staticfiles_storage.url(CSS), headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.content) == source()


async def test_nothing_but_headers_and_parts() -> None:
    client, url = AsyncClient(), staticfiles_storage.url(CSS)
    whole = await client.get(url)
    head = await client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head["Content-Length"] == whole["Content-Length"]
    known = await client.get(url, headers={"If-None-Match": whole["ETag"]})
    assert (known.status_code, known.content) == (304, b"")
    part = await client.get(url, headers={"Range": "bytes=5-14"})
    assert (part.status_code, part.content) == (206, source()[5:15])
    assert (await client.post(url)).status_code == 405


async def test_what_is_no_file_goes_on() -> None:
    assert (await AsyncClient().get("/static/css/none.css")).status_code == 404
    assert (await AsyncClient().get("/healthz")).status_code == 200


def test_without_asgi_it_is_the_same() -> None:
    answer = Client().get(staticfiles_storage.url(CSS))
    assert (answer.status_code, answer.content) == (200, source())
