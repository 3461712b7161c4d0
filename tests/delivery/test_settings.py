"""Settings that follow from others, read anew in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from delivery.devtools.stack.state import ROOT

pytestmark = pytest.mark.slow

ASK = """
import json
from delivery import settings
print(json.dumps([getattr(settings, name) for name in {names!r}], default=repr))
"""


def settings(*names: str, **environment: str) -> list:
    said = ask(names, environment)
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def refusal(**environment: str) -> str:
    """The last line of what is said of settings that can't be."""
    said = ask((), environment)
    assert said.returncode != 0
    return said.stderr.strip().splitlines()[-1]


def ask(names: tuple[str, ...], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"SECRET_KEY": "x" * 50} | environment
    return subprocess.run(
        [sys.executable, "-c", ASK.format(names=names)], env=env, capture_output=True, text=True
    )


def test_pages_load_nothing_from_elsewhere() -> None:
    (csp,) = settings("SECURE_CSP")
    sources = {source for directive in csp.values() for source in directive}
    assert sources == {"'self'", "'none'", "data:"}


def test_roads_are_built_for_profiles_that_there_are() -> None:
    assert settings("ROADS_PROFILES", "OSRM_URL_FOOT") == [["car"], ""]
    assert settings("ROADS_PROFILES", ROADS_PROFILES="foot,car") == [["car", "foot"]]
    assert "ROADS_PROFILES: give car" in refusal(ROADS_PROFILES="foot")


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
    assert settings("CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL", REDIS_URL=redis_url) == [
        broker,
        broker,
    ]


def test_one_redis_does_everything() -> None:
    servers, layers, positions = settings(
        "REDIS_SERVERS", "CHANNEL_LAYERS", "POSITIONS_REDIS_URL", REDIS_URL="redis://one"
    )
    assert servers == {"REDIS_URL": "redis://one"}
    assert layers["default"]["CONFIG"]["hosts"] == ["redis://one"]
    assert positions == "redis://one"


def test_several_share_the_work() -> None:
    servers, layers, positions, broker = settings(
        "REDIS_SERVERS",
        "CHANNEL_LAYERS",
        "POSITIONS_REDIS_URL",
        "CELERY_BROKER_READ_URL",
        REDIS_URL="redis://one",
        CHANNEL_REDIS_URLS="redis://two, redis+sentinel://a,b/main",
        POSITIONS_REDIS_URL="redis://one",
        CELERY_BROKER_URL="unix:///run/three.sock",
    )
    assert servers == {
        "REDIS_URL": "redis://one",
        "CHANNEL_REDIS_URLS (1)": "redis://two",
        "CHANNEL_REDIS_URLS (2)": "redis+sentinel://a,b/main",
        "CELERY_BROKER_URL": "unix:///run/three.sock",
    }
    first, second = layers["default"]["CONFIG"]["hosts"]
    assert (first, second["sentinels"]) == ("redis://two", [["a", 26379], ["b", 26379]])
    assert positions == "redis://one"
    assert broker == "redis+socket:///run/three.sock?virtual_host=0"


def test_celery_reads_its_broker_as_we_do() -> None:
    # Celery takes its own word, CELERY_BROKER_URL, from the environment before any setting.
    asked = "from delivery.celery import app; print(app.conf.broker_read_url, app.conf.broker_write_url)"
    env = os.environ | {"SECRET_KEY": "x" * 50, "CELERY_BROKER_URL": "unix:///run/three.sock?db=4"}
    said = subprocess.run([sys.executable, "-c", asked], env=env, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["redis+socket:///run/three.sock?virtual_host=4"] * 2


@pytest.mark.parametrize(
    ("setting", "url", "reason"),
    [
        ("REDIS_URL", "redis+sentinel://one", "names no master"),
        ("CELERY_BROKER_URL", "amqp://one", "must name a Redis"),
        ("CHANNEL_REDIS_URLS", "me:secret@one", "must name a Redis"),
        ("POSITIONS_REDIS_URL", "", "must name a Redis"),
    ],
)
def test_who_can_be_no_redis_is_refused_by_name(setting: str, url: str, reason: str) -> None:
    said = refusal(**{setting: url})
    assert f"ImproperlyConfigured: {setting}" in said
    assert reason in said
    assert "secret" not in said


def test_an_installation_is_named_by_its_database() -> None:
    def name(url: str, **more: str) -> str:
        return settings("INSTANCE_NAME", "REDIS_PREFIX", DATABASE_URL=url, **more)

    mine, prefix = name("postgres://me:secret@db.example/food")
    assert prefix == f"doorstep:{mine}:"
    assert name("postgres://you:changed@db.example:5432/food") == [mine, prefix]
    others = {
        name(url)[0]
        for url in (
            "postgres://me:secret@db.example/pizza",
            "postgres://me:secret@db.example:5433/food",
            "postgres://me:secret@other.example/food",
            "postgres://me@/food?host=/run/postgresql",
        )
    }
    assert len(others - {mine}) == 4
    assert name("postgres://me@db.example/food", INSTANCE_NAME="north-1") == ["north-1", "doorstep:north-1:"]


def test_all_that_redis_is_used_for_bears_the_name() -> None:
    layers, broker = settings("CHANNEL_LAYERS", "CELERY_BROKER_TRANSPORT_OPTIONS", INSTANCE_NAME="north")
    assert layers["default"]["CONFIG"]["prefix"] == "doorstep:north:"
    assert broker["global_keyprefix"] == "doorstep:north:"


def test_a_name_that_can_stand_in_no_key_is_refused() -> None:
    assert "INSTANCE_NAME takes" in refusal(INSTANCE_NAME="north side")


def test_the_public_address_is_answered_and_may_send_forms() -> None:
    hosts, origins = settings(
        "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", PUBLIC_URL="https://food.example:8443/"
    )
    assert hosts == ["localhost", "127.0.0.1", "food.example"]
    assert origins == ["https://food.example:8443"]
    hosts, origins = settings(
        "ALLOWED_HOSTS",
        "CSRF_TRUSTED_ORIGINS",
        PUBLIC_URL="http://[::1]:8000",
        ALLOWED_HOSTS="a.example",
        CSRF_TRUSTED_ORIGINS="https://b.example",
    )
    assert (hosts, origins) == (["a.example", "[::1]"], ["https://b.example"])


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"PUBLIC_URL": "food.example"}, "PUBLIC_URL=food.example is no address of a site"),
        ({"TRUSTED_PROXIES": "10.0.0.7,nginx"}, "and not nginx"),
        ({"TRUSTED_PROXIES": "*,10.0.0.7"}, "and not *"),
        ({"SECURE_SSL_REDIRECT": "true"}, "name it in TRUSTED_PROXIES"),
    ],
)
def test_what_could_not_work_is_refused(environment: dict[str, str], said: str) -> None:
    assert said in refusal(**environment)


def test_proxies_are_named_by_address_or_network() -> None:
    assert settings("TRUSTED_PROXIES", TRUSTED_PROXIES="10.0.0.7,10.1.0.0/16,::1") == [
        ["10.0.0.7", "10.1.0.0/16", "::1"]
    ]
    assert settings("TRUSTED_PROXIES", TRUSTED_PROXIES="*") == [["*"]]


@pytest.mark.parametrize("port", ["WORKER_METRICS_PORT", "BEAT_METRICS_PORT"])
def test_figures_on_a_port_want_a_token(port: str) -> None:
    assert "Set METRICS_TOKEN" in refusal(**{port: "9101"})
    assert settings(port, "METRICS_HOST", METRICS_TOKEN="sesame", **{port: "9101"}) == [9101, "127.0.0.1"]


@pytest.mark.parametrize("more", [[], ["--traceback"]])
def test_a_setting_that_is_missing_is_one_line(more: list[str], tmp_path: Path) -> None:
    env = os.environ | {"SECRET_KEY": "", "DOORSTEP_STATE": str(tmp_path)}
    command = [sys.executable, "manage.py", "replay", "nowhere", *more]
    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1
    assert ("Traceback" in ran.stderr) == bool(more)
    assert "Set SECRET_KEY" in ran.stderr


def test_gateways_of_texts_are_known_by_name_and_nothing_else_is_told_of_them() -> None:
    (gateways,) = settings("NOTIFY_URLS", NOTIFY_URLS="console:// b=json://user:s3cr3t@sms.example/{phone}")
    assert list(gateways) == ["default", "b"]
    assert "s3cr3t" not in str(gateways)
    refused = refusal(NOTIFY_URLS="json://user:s3cr3t@sms.example/")
    assert "NOTIFY_URLS: gateway default does not say where the customer's number goes" in refused
    assert "s3cr3t" not in refused


def test_the_secret_of_what_customers_answer_is_long_and_the_stop_lists_key_stays() -> None:
    assert "MESSAGES_INBOUND_SECRET takes 20 to 200" in refusal(MESSAGES_INBOUND_SECRET="short")
    assert settings("STOP_LIST_KEY", SECRET_KEY="s" * 50) == ["s" * 50]
    assert settings("STOP_LIST_KEY", SECRET_KEY="s" * 50, STOP_LIST_KEY="k" * 50) == ["k" * 50]
