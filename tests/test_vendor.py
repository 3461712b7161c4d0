"""Third-party files are exactly the ones that their publishers shipped, and each has its licence beside it."""

import hashlib
import json
from pathlib import Path

import pytest
from django.conf import settings

VENDOR = Path(settings.BASE_DIR) / "static/vendor"
PACKAGES = json.loads((VENDOR / "MANIFEST.json").read_text())["packages"]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["name"])
def test_files_are_as_published(package: dict) -> None:
    for file in package["files"]:
        assert hashlib.sha256((VENDOR / file["file"]).read_bytes()).hexdigest() == file["sha256"], file[
            "file"
        ]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["name"])
def test_the_licence_is_kept(package: dict) -> None:
    assert package["version"]
    assert f"{package['name']}/LICENSE" in [file["file"] for file in package["files"]]


def test_nothing_is_there_that_the_manifest_does_not_name() -> None:
    named = {file["file"] for package in PACKAGES for file in package["files"]}
    present = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert present == named | {"MANIFEST.json"}


def test_types_are_those_of_the_vendored_versions() -> None:
    wanted = json.loads((Path(settings.BASE_DIR) / "package.json").read_text())["devDependencies"]
    vendored = {package["name"]: package["version"] for package in PACKAGES}
    assert wanted["protomaps-leaflet"] == vendored["protomaps-leaflet"]
    # Types of a library that has none itself follow its major and minor version.
    assert wanted["@types/leaflet"].split(".")[:2] == vendored["leaflet"].split(".")[:2]
