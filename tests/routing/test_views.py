import gzip
from pathlib import Path

import pytest
from django.test import AsyncClient, Client
from pytest_django.fixtures import Settings

from routing.roads.build import build
from routing.roads.cities import BOULDER
from tests.routing.conftest import NO_PROGRESS
from tests.routing.tiles import tile_at

pytestmark = pytest.mark.slow

Z, X, Y = tile_at(BOULDER.center, 14)
TILE = f"/tiles/{Z}/{X}/{Y}.mvt"
GZIP = {"accept-encoding": "gzip, deflate, br"}


@pytest.fixture
def client(default_roads: Path, settings: Settings) -> Client:
    settings.ROADS_DIR = default_roads
    return Client()


def test_a_tile_travels_compressed(client: Client) -> None:
    response = client.get(TILE, headers=GZIP)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/vnd.mapbox-vector-tile"
    assert response["Content-Encoding"] == "gzip"
    assert "max-age" in response["Cache-Control"]
    assert "Accept-Encoding" in response["Vary"]
    assert b"Pearl Street" in gzip.decompress(response.content)


def test_and_plain_where_that_is_not_understood(client: Client) -> None:
    response = client.get(TILE)
    assert "Content-Encoding" not in response
    assert b"Pearl Street" in response.content


async def test_under_asgi(default_roads: Path, settings: Settings) -> None:
    settings.ROADS_DIR = default_roads
    response = await AsyncClient().get(TILE)
    assert b"Pearl Street" in response.content


def test_a_known_tile_is_not_sent_again(client: Client) -> None:
    etag = client.get(TILE, headers=GZIP)["ETag"]
    response = client.get(TILE, headers=GZIP | {"if-none-match": etag})
    assert response.status_code == 304
    assert not response.content
    neighbour = client.get(f"/tiles/{Z}/{X + 1}/{Y}.mvt", headers=GZIP | {"if-none-match": etag})
    assert neighbour.status_code == 200


def test_where_the_map_is_empty(client: Client) -> None:
    response = client.get("/tiles/14/0/0.mvt")
    assert response.status_code == 204
    assert not response.content
    assert "Content-Type" not in response


@pytest.mark.parametrize("path", ["1/2/0", "1/0/2", "32/0/0", "99999999999/0/0"])
def test_tiles_that_are_none(client: Client, path: str) -> None:
    assert client.get(f"/tiles/{path}.mvt").status_code == 404


def test_only_reading(client: Client) -> None:
    assert client.post(TILE).status_code == 405
    assert client.head(TILE).status_code == 200


def test_before_a_map_was_built(settings: Settings, tmp_path: Path) -> None:
    settings.ROADS_DIR = tmp_path
    assert Client().get(TILE).status_code == 404


def test_a_new_map_shows_at_once(settings: Settings, tmp_path: Path, extract: Path) -> None:
    settings.ROADS_DIR = tmp_path / "roads"
    client = Client()
    build(settings.ROADS_DIR, None, force=False, progress=NO_PROGRESS)
    before = client.get(TILE)
    build(settings.ROADS_DIR, extract, force=False, progress=NO_PROGRESS)
    after = client.get(TILE, headers={"if-none-match": before["ETag"]})
    assert before.status_code == 200
    assert after.status_code == 204
