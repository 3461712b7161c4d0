"""Signing in with a name and a password: bounded, so that guessers cost nobody else anything, and locked for who
guesses (django-axes).
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from axes.backends import AxesStandaloneBackend
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dispatch.models import User

#: Hashing a password takes a processor some tenths of a second, on purpose. So many at once in a process.
_AT_ONCE = 2
#: So many with those who wait for it: each holds a thread, of which there are not many.
_AT_MOST = 12
_turns = threading.BoundedSemaphore(_AT_ONCE)
_places = threading.BoundedSemaphore(_AT_MOST)


class TooManySignIns(Exception):
    """There was no place to wait, or no turn in time: somebody floods the sign-in. Try again."""


class Backend(AxesStandaloneBackend, ModelBackend):
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """None: not with this password. PermissionDenied: locked, for too many wrong ones. Raises TooManySignIns."""
        if request is None or username is None or password is None:
            return None
        with _turn():
            # In turn, so that of many at once those behind the limit are not even hashed.
            AxesStandaloneBackend.authenticate(self, request, username, password, **kwargs)
            user = User.objects.filter(username=username).first()
            _give_back_connection()
            if user is None:
                User().set_password(password)  # takes as long as for a name that there is
            elif user.check_password(password) and self.user_can_authenticate(user):
                return user
        return None


@contextmanager
def _turn() -> Iterator[None]:
    _give_back_connection()
    with _held(_places, 0), _held(_turns, settings.SIGN_IN_WAITS_S):
        yield


@contextmanager
def _held(some: threading.BoundedSemaphore, wait_s: float) -> Iterator[None]:
    if not some.acquire(timeout=wait_s):
        raise TooManySignIns
    try:
        yield
    finally:
        some.release()


def _give_back_connection() -> None:
    """What follows takes long and needs none, and those who look at their orders do."""
    if not connection.in_atomic_block:
        connection.close()


def locked(request: HttpRequest, *_: object) -> HttpResponse:
    """To who guessed too often, or is somebody of that name."""
    left = settings.AXES_COOLOFF_TIME
    response = render(request, "429.html", {"minutes": left // timedelta(minutes=1)}, status=429)
    response["Retry-After"] = str(int(left.total_seconds()))
    return response
