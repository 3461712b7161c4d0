"""No tracking token reaches a log, whatever the server likes to tell."""

import logging
import logging.config
import sys

import pytest
from django.conf import settings

from delivery.logs import WithoutTrackerTokens


def test_a_server_logs_no_query_string(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "uvicorn.error"):
        logging.getLogger("uvicorn.error").info(
            '%s - "WebSocket %s" [accepted]', "127.0.0.1:5000", "/ws?role=customer&token=0123456789abcdef"
        )
    assert caplog.messages == ['127.0.0.1:5000 - "WebSocket /ws?…" [accepted]']


def test_a_failed_attempt_to_reach_redis_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler()
    logger = logging.getLogger("channels_redis.pubsub")
    logger.addHandler(handler)
    try:
        try:
            raise ConnectionError("nobody there")
        except ConnectionError:
            logger.warning("attempt failed", exc_info=True)
    finally:
        logger.removeHandler(handler)
    assert capfd.readouterr().err.splitlines()[-1:] == ["attempt failed"]


@pytest.mark.parametrize(
    ("name", "status", "shows"),
    [
        ("django.security.DisallowedHost", 400, False),
        ("django.request", 403, False),
        ("django.request", 500, True),
        ("dispatch.tasks", None, True),
    ],
)
def test_what_somebody_sent_that_is_refused_is_one_line(name: str, status: int | None, shows: bool) -> None:
    configurator = logging.config.DictConfigurator(settings.LOGGING)
    filters = {
        key: configurator.configure_filter({**spec}) for key, spec in settings.LOGGING["filters"].items()
    }
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        record = logging.getLogger(name).makeRecord(name, logging.ERROR, "", 0, "refused", (), sys.exc_info())
    if status is not None:
        record.status_code = status
    for used in settings.LOGGING["handlers"]["console"]["filters"]:
        filters[used].filter(record)
    assert bool(record.exc_info) == shows


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/api/v1/positions/owntracks/s3cr3t-t0k3n", "/api/v1/positions/owntracks/…"),
        ("/api/v1/positions/osmand/s3cr3t/t0k3n/", "/api/v1/positions/osmand/…"),
        ("/api/v1/positions/traccar", "/api/v1/positions/traccar"),
        ("/api/v1/orders/7", "/api/v1/orders/7"),
    ],
)
def test_no_drivers_token_is_told_of_a_trackers_address(path: str, told: str) -> None:
    record = logging.makeLogRecord({"msg": "%s: %s", "args": ("Unauthorized", path)})
    assert WithoutTrackerTokens().filter(record)
    assert record.getMessage() == f"Unauthorized: {told}"
