"""Who is let in, and with what: the key, its scope, how often it asks, and a body that can be one."""

from typing import Any, cast

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from ninja.security.http import HttpAuthBase
from pydantic import BaseModel

from dispatch.api import limits
from dispatch.api.problems import Problem, Wrong, invalid
from dispatch.api_keys import Caller
from dispatch.models import OrderEvent, Scope
from dispatch.orders.transitions import Actor

#: Several times what the largest order takes.
MOST_BYTES = 512 * 1024
#: Ours have 52.
_LONGEST_KEY = 200
_JSON = ("application/json", "application/merge-patch+json")


class Key(HttpAuthBase):
    """`Authorization: Bearer <key>`, of a key that has this scope; None: of any key."""

    openapi_scheme = "bearer"
    openapi_description = "A key made in the admin, or by `manage.py api_key create`."

    def __init__(self, scope: Scope | None = None) -> None:
        super().__init__()
        self.scope = scope

    def __call__(self, request: HttpRequest) -> Caller:
        """Raises Problem."""
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Problem(
                "unauthorized",
                "Send a key: “Authorization: Bearer …”.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        asking = Caller.with_secret(secret.strip()) if len(secret) <= _LONGEST_KEY else None
        if asking is None:
            raise Problem(
                "unauthorized",
                "No such key, or it has expired, or was revoked.",
                headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
            )
        limits.count(request, asking.key.pk)
        if self.scope is not None and not asking.may(self.scope):
            raise Problem("forbidden", f"The key lacks the scope {self.scope}.")
        _check_body(request)
        return asking


def caller(request: HttpRequest) -> Caller:
    """Who was let in."""
    return cast(Caller, cast(Any, request).auth)


def actor(request: HttpRequest) -> Actor:
    return Actor(OrderEvent.Actor.PLATFORM, caller(request).key.name)


def check_parameters(request: HttpRequest, known: type[BaseModel]) -> None:
    """Raises Problem for one that is not known: a filter that is misspelt would leave nothing out."""
    unknown = [name for name in request.GET if name not in known.model_fields]
    if unknown:
        raise invalid(*(Wrong(parameter=name, message="There is no such parameter.") for name in unknown))


def _check_body(request: HttpRequest) -> None:
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        too_large = length > MOST_BYTES or len(request.body) > MOST_BYTES
    except (ValueError, RequestDataTooBig):
        too_large = True
    if too_large:
        raise Problem("too_large", f"A body has at most {MOST_BYTES:,} bytes.")
    if request.body and request.content_type not in _JSON:
        raise Problem("unsupported_media_type", "Send JSON, as “Content-Type: application/json”.")
