"""Tells Deliverect, signed in with the operator's client id. A token is used until it expires, as they ask."""

import time
from typing import NamedTuple

import msgspec
from django.conf import settings
from django.db import connection

from dispatch.models import OutboxEntry
from dispatch.outbox.registry import Answer, Refused, TryLater
from dispatch.webhooks.posting import Answered, Forbidden, Unreachable, post

#: The whole of one request (seconds); with a new token there are two.
TIMEOUT_S = 8.0
#: Before it expires (seconds) a token is not used any more.
_MARGIN_S = 60.0
#: What would be answered alike if it were sent again.
_FINAL = {400, 404, 409, 410, 413, 422}
_UNAUTHORIZED = 401


class _Token(NamedTuple):
    text: str
    until: float


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: float = 3600.0


#: By server and client id. Threads that find none at the same moment ask for one each, and wait for nobody.
_tokens: dict[tuple[str, str], _Token] = {}


def send(entry: OutboxEntry) -> Answer:
    """Raises TryLater, Refused."""
    connection.close()  # back to the pool: others want it while we wait
    path, told = entry.body["path"], entry.body["told"]
    answered = _post(path, told, {"Authorization": f"Bearer {_token()}"})
    if answered.status == _UNAUTHORIZED:
        _tokens.pop(_key(), None)
        raise TryLater(answered.text, code=answered.status)
    if answered.status in _FINAL:
        raise Refused(answered.text, code=answered.status)
    if not 200 <= answered.status < 300:
        raise TryLater(answered.text, code=answered.status)
    return Answer(answered.text, answered.status)


def _key() -> tuple[str, str]:
    return settings.DELIVERECT_URL, settings.DELIVERECT_CLIENT_ID


def _token() -> str:
    known = _tokens.get(_key())
    if known is None or known.until < time.monotonic():
        known = _tokens[_key()] = _new_token()
    return known.text


def _new_token() -> _Token:
    asked = {
        "client_id": settings.DELIVERECT_CLIENT_ID,
        "client_secret": settings.DELIVERECT_CLIENT_SECRET,
        "audience": settings.DELIVERECT_URL,
        "grant_type": "client_credentials",
    }
    answered = _post("/oauth/token", asked, {})
    if answered.status != 200:
        # Without its text: it may repeat what it was sent.
        raise TryLater("No token was granted: see DELIVERECT_CLIENT_ID.", code=answered.status)
    try:
        granted = msgspec.json.decode(answered.text, type=_Granted)
    except msgspec.MsgspecError:
        raise TryLater("What should be a token can’t be read.", code=answered.status) from None
    return _Token(granted.access_token, time.monotonic() + granted.expires_in - _MARGIN_S)


def _post(path: str, told: object, headers: dict[str, str]) -> Answered:
    try:
        return post(
            f"{settings.DELIVERECT_URL}{path}",
            msgspec.json.encode(told),
            {"Content-Type": "application/json", "User-Agent": "Doorstep", **headers},
            timeout_s=TIMEOUT_S,
            private=settings.WEBHOOKS_ALLOW_PRIVATE,
        )
    except Forbidden as error:
        raise Refused(str(error)) from None
    except Unreachable as error:
        raise TryLater(str(error)) from None
