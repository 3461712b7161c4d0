"""The API put together: how it reads bodies, what it makes of errors, and what it says of itself."""

import logging
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec
import psycopg
from django.conf import settings
from django.db import DataError, IntegrityError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser
from psycopg.errors import UniqueViolation

from dispatch.api import drivers, orders, places, problems, webhooks
from dispatch.api.admission import Key
from dispatch.api.problems import Problem, Wrong
from dispatch.errors import Conflict, DispatchError, Invalid
from dispatch.models import Scope

logger = logging.getLogger(__name__)

PREFIX = "/api/v1"
#: Of what is wrong with one body: it may have thousands of fields that nobody knows.
MOST_TOLD = 100

DESCRIPTION = (
    "What an ordering platform asks of Doorstep. Send “Authorization: Bearer <key>”; a key has scopes and the "
    "cities that it is for. Bodies are JSON, times ISO 8601 with a zone, coordinates degrees, telephone numbers "
    "E.164. What goes wrong is told as application/problem+json (RFC 9457). A POST with an Idempotency-Key may be "
    "sent again."
)


class _Json(Parser):
    """Strict: no NaN, no halves of characters, no number beyond what JSON programs agree on."""

    def parse_body(self, request: HttpRequest) -> Any:
        return msgspec.json.decode(request.body)


class Api(NinjaAPI):
    def get_openapi_schema(self, **_: Any) -> OpenAPISchema:
        document = super().get_openapi_schema(path_prefix=f"{PREFIX}/")
        scopes = self._scopes()
        for operations in document["paths"].values():
            for operation in operations.values():
                if scope := scopes[operation["operationId"]]:
                    operation["security"] = [{Key.__name__: [scope]}]
                    operation["description"] = f"{operation.get('description', '')} Needs `{scope}`.".strip()
                for status, told in operation["responses"].items():
                    if status >= 400 and "content" in told:
                        told["content"] = {problems.MEDIA_TYPE: told["content"]["application/json"]}
        return document

    def _scopes(self) -> dict[str | None, Scope | None]:
        """What each operation wants of a key, by its id."""
        operations = [
            operation
            for router in self._get_bound_routers()
            for path in router.path_operations.values()
            for operation in path.operations
        ]
        return {
            one.operation_id: auth.scope
            for one in operations
            for auth in one.auth_callbacks
            if isinstance(auth, Key)
        }


api = Api(
    title="Doorstep",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    parser=_Json(),
    openapi_url=None,
    docs_url=None,
    servers=[{"url": settings.PUBLIC_URL}],
)
api.add_router("/orders", orders.router)
api.add_router("/cities", places.cities)
api.add_router("/restaurants", places.restaurants)
api.add_router("/drivers", drivers.router)
api.add_router("/webhooks", webhooks.router)


# --------------------------------------------------------------------------------------------------- errors


@api.exception_handler(Problem)
def _problem(request: HttpRequest, problem: Problem) -> HttpResponse:
    return problems.response(problem)


@api.exception_handler(DispatchError)
def _domain(request: HttpRequest, error: DispatchError) -> HttpResponse:
    return problems.response(problems.of(error))


@api.exception_handler(IntegrityError)
@api.exception_handler(DataError)
def _unstorable(request: HttpRequest, error: IntegrityError | DataError) -> HttpResponse:
    """Our own checks come first: it is somebody who was faster, or a check that we lack."""
    cause = error.__cause__
    constraint = cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None
    if isinstance(cause, UniqueViolation) and "external_id" in (constraint or ""):
        return problems.response(problems.taken())
    if isinstance(cause, UniqueViolation):
        return problems.response(Problem(Conflict.code, "The same was written at this moment. Try again."))
    logger.warning("a request of the API could not be stored: %s", constraint or type(cause).__name__)
    return problems.response(Problem(Invalid.code, "A value is none that can be stored."))


@api.exception_handler(HttpError)
def _unreadable(request: HttpRequest, error: HttpError) -> HttpResponse:
    match error.__cause__:
        case RecursionError():
            said = "The JSON is nested too deeply"
        case UnicodeError():
            said = "The text is not valid UTF-8"
        case Exception() as cause:
            said = str(cause)
        case None:
            said = error.message
    return problems.response(Problem("malformed", f"{said}."))


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    return problems.response(problems.invalid(*(_wrong(one["loc"], one) for one in error.errors[:MOST_TOLD])))


def _wrong(loc: Sequence[str | int], told: Any) -> Wrong:
    """One of Pydantic's errors. `loc` begins with where the value comes from; in a body its own name follows."""
    source, *path = loc
    message = _sentence(told)
    if source == "body":
        return {"pointer": "#" + "".join(f"/{_escaped(part)}" for part in path[1:]), "message": message}
    if source == "header":
        return {"header": str(path[0]), "message": message}
    return {"parameter": str(path[-1] if isinstance(path[-1], str) else path[-2]), "message": message}


def _sentence(told: Any) -> str:
    match told["type"]:
        case "value_error":  # ours
            return str(told["ctx"]["error"])
        case "missing":
            return "It is missing."
        case "extra_forbidden":
            return "There is no such field."
        case "string_pattern_mismatch":
            return "It has characters that it must not have."
        case _:
            return f"{told['msg']}."


def _escaped(part: str | int) -> str:
    """In a JSON pointer that is the fragment of a URI."""
    return quote(str(part).replace("~", "~0").replace("/", "~1"), safe="~")
