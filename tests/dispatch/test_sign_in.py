"""Signing in: who guesses is locked out, and costs nobody else anything."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dispatch import sign_in
from dispatch.models import User
from tests.waiting import wait_until

PASSWORD = "a long one that nobody guesses"
LIMIT = 20


@pytest.fixture(autouse=True)
def _quickly_hashed(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def dana(db: None) -> User:
    return User.objects.create_superuser("dana", "dana@doorstep.example", PASSWORD)


def attempt(password: str, *, name: str = "dana", address: str = "203.0.113.7") -> HttpResponse:
    form = {"username": name, "password": password}
    return Client(REMOTE_ADDR=address).post(reverse("admin:login"), form)


def wrong(times: int, **who: str) -> None:
    for _ in range(times):
        assert attempt("wrong", **who).status_code in (200, 429)


def test_the_right_password_signs_in(dana: User) -> None:
    wrong(LIMIT - 1)
    assert attempt(PASSWORD).status_code == 302
    # And what came before is forgiven.
    wrong(LIMIT - 1)
    assert attempt(PASSWORD).status_code == 302


@pytest.mark.parametrize(
    ("guesser", "stranger"),
    [
        ({"address": "198.51.100.1"}, {"name": "erin"}),
        ({"name": "somebody"}, {"address": "198.51.100.1"}),
    ],
    ids=["one name", "one address"],
)
def test_who_guesses_is_locked_out_by_name_and_by_address(
    dana: User, guesser: dict[str, str], stranger: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """`stranger`: has nothing to do with it."""
    User.objects.create_superuser("erin", password=PASSWORD)
    wrong(LIMIT, **guesser)
    locked = attempt(PASSWORD)
    assert locked.status_code == 429
    assert "Try again in 15 minutes" in locked.content.decode()
    assert locked["Retry-After"] == "900"
    assert "locking out" in caplog.text.lower()
    assert attempt(PASSWORD, **stranger).status_code == 302
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert attempt(PASSWORD).status_code == 302


def test_an_administrator_sees_and_lifts_it(dana: User) -> None:
    wrong(LIMIT)
    boss = Client()
    boss.force_login(User.objects.create_superuser("erin"))
    assert "203.0.113.7" in boss.get(reverse("admin:axes_accessattempt_changelist")).content.decode()
    AccessAttempt.objects.all().delete()
    assert attempt(PASSWORD).status_code == 302


def test_no_password_is_stored_of_an_attempt(dana: User) -> None:
    attempt("almost the right one")
    (stored,) = AccessAttempt.objects.values()
    assert "almost the right one" not in str(stored)


@pytest.mark.parametrize(
    "password", ["83920174", "839201748392", "eleven char", "password1234", "dana@doorstep"]
)
def test_what_is_easily_guessed_is_no_password(dana: User, password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, dana)
    validate_password(PASSWORD, dana)


# ------------------------------------------------------------------------------------------- what it costs others


@pytest.fixture
def no_turn_is_free() -> Iterator[Callable[[], None]]:
    with ExitStack() as taken:
        for _ in range(sign_in._AT_ONCE):
            taken.enter_context(sign_in._held(sign_in._turns, 0))
        yield taken.close


def test_who_finds_no_place_to_wait_is_told_to_come_back_at_once(dana: User, settings: Any) -> None:
    settings.SIGN_IN_WAITS_S = 3600
    with ExitStack() as taken:
        for _ in range(sign_in._AT_MOST):
            taken.enter_context(sign_in._held(sign_in._places, 0))
        flooded = attempt(PASSWORD)
    assert (flooded.status_code, flooded["Retry-After"]) == (503, "5")
    assert attempt(PASSWORD).status_code == 302


def test_who_waits_too_long_is_told_to_come_back(dana: User, no_turn_is_free: object, settings: Any) -> None:
    settings.SIGN_IN_WAITS_S = 0
    flooded = attempt(PASSWORD)
    assert flooded.status_code == 503
    assert "Too many people sign in right now" in flooded.content.decode()


@pytest.mark.django_db(transaction=True)
def test_who_waits_holds_no_connection(dana: User, no_turn_is_free: Callable[[], None]) -> None:
    """Else a few guessers would keep everybody from the database while their passwords are hashed."""
    waiting: list[BaseDatabaseWrapper] = []

    def come() -> int:
        User.objects.exists()
        waiting.append(connections["default"])
        try:
            return attempt(PASSWORD).status_code
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(come)
        wait_until(lambda: bool(waiting) and waiting[0].connection is None, "the connection is given back")
        assert not answer.done()
        no_turn_is_free()
        assert answer.result() == 302
