"""Settings that follow from others, read anew in a process of its own."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

ASK = "import json; from delivery import settings as s; print(json.dumps([getattr(s, n) for n in {names!r}]))"


def settings(*names: str, **environment: str) -> list:
    env = os.environ | {"SECRET_KEY": "x" * 50} | environment
    said = subprocess.run(
        [sys.executable, "-c", ASK.format(names=names)], env=env, capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def test_pages_load_nothing_from_elsewhere() -> None:
    (csp,) = settings("SECURE_CSP")
    sources = {source for directive in csp.values() for source in directive}
    assert sources == {"'self'", "'none'", "data:"}


def test_another_tile_server_joins_the_policy_by_itself() -> None:
    (csp,) = settings("SECURE_CSP", MAP_TILE_URL="https://{s}.tiles.example/{z}/{x}/{y}.png")
    assert "https://*.tiles.example" in csp["img-src"]
    assert "https://*.tiles.example" in csp["connect-src"]
    assert csp["script-src"] == ["'self'"]


def test_https_means_secure_cookies() -> None:
    assert settings("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", PUBLIC_URL="https://food.example") == [
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("redis_url", "broker"),
    [
        ("redis://cache.example:6380/2", "redis://cache.example:6380/2"),
        ("unix:///run/valkey.sock?db=3", "redis+socket:///run/valkey.sock?virtual_host=3"),
        ("unix:///run/valkey.sock", "redis+socket:///run/valkey.sock?virtual_host=0"),
    ],
)
def test_celery_finds_the_same_redis(redis_url: str, broker: str) -> None:
    assert settings("CELERY_BROKER_URL", REDIS_URL=redis_url) == [broker]
