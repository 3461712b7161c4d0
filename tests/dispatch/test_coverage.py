"""Roads that do not reach the cities that are served."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from dispatch.models import City
from routing.roads.builds import current_build
from routing.roads.network import write_pbf
from tests.routing.conftest import village

pytestmark = pytest.mark.django_db


@pytest.fixture
def extract(tmp_path: Path, settings: Settings) -> str:
    """Of a village at 40.1, -105.11; its roads folder is empty."""
    settings.ROADS_DIR = tmp_path / "roads"
    write_pbf(village(), tmp_path / "village.osm.pbf")
    return str(tmp_path / "village.osm.pbf")


def test_roads_far_from_all_cities_are_not_used(
    extract: str, city: City, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    City.objects.create(name="Porto", lat=41.15, lng=-8.61)
    complaint = r"between 40.09, -105.12 and 40.11, -105.10 .* none of your cities does \(Denver, Porto\)"
    with pytest.raises(CommandError, match=complaint):
        call_command("roads", "build", extract)
    assert current_build(settings.ROADS_DIR) is None
    assert "osrm-extract" not in capsys.readouterr().out  # it is said early
    call_command("roads", "build", extract, "--elsewhere")
    assert current_build(settings.ROADS_DIR)
    assert "1/6" not in capsys.readouterr().out  # and nothing is read twice


def test_roads_that_reach_some_cities_say_which_not(
    extract: str, city: City, capsys: pytest.CaptureFixture[str]
) -> None:
    City.objects.create(name="Niwot", lat=40.1, lng=-105.11)
    call_command("roads", "build", extract)
    assert "roads: These roads do not reach Denver: no routes there." in capsys.readouterr().out


def test_roads_that_reach_all_cities(extract: str, capsys: pytest.CaptureFixture[str]) -> None:
    City.objects.create(name="Niwot", lat=40.1, lng=-105.11)
    call_command("roads", "build", extract)
    assert "do not reach" not in capsys.readouterr().out


def test_far_roads_are_not_used_again_either(extract: str, city: City, settings: Settings) -> None:
    call_command("roads", "build", extract, "--elsewhere")
    call_command("roads", "build", "--force")
    before = current_build(settings.ROADS_DIR)
    with pytest.raises(CommandError, match="--elsewhere"):
        call_command("roads", "build", extract)
    assert current_build(settings.ROADS_DIR) == before
