"""What goes wrong, as `application/problem+json` (RFC 9457). Each has a `code` for programs, which stays as it is,
and a sentence for a person.
"""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import msgspec
from django.conf import settings
from django.http import HttpResponse

from dispatch.errors import (
    Conflict,
    DispatchError,
    InConflict,
    Invalid,
    NotFound,
    NotYours,
    QuoteRefused,
    UnknownNeeds,
    WrongStatus,
)

MEDIA_TYPE = "application/problem+json"

#: By code: the HTTP status, and a title.
CODES: Mapping[str, tuple[int, str]] = {
    "malformed": (400, "The request can’t be read."),
    "unauthorized": (401, "The key is missing, or opens nothing."),
    "forbidden": (403, "The key may not do this."),
    NotFound.code: (404, "There is nothing here."),
    "method_not_allowed": (405, "This address does not take that method."),
    WrongStatus.code: (409, "The order’s status does not allow it."),
    NotYours.code: (409, "Another driver has the order."),
    Conflict.code: (409, "Something else is there already, or came at the same moment."),
    "external_id_taken": (409, "There is an order with this external_id already."),
    "quote_expired": (409, "The quote is no longer valid."),
    "quote_used": (409, "An order was placed with the quote already."),
    "quote_mismatch": (409, "The quote is not of this order."),
    InConflict.code: (409, "A dispatcher decides."),
    "version_mismatch": (412, "It has changed since you read it."),
    "too_large": (413, "The body is too large."),
    "unsupported_media_type": (415, "The body is not JSON."),
    Invalid.code: (422, "The request makes no sense as it stands."),
    "idempotency_key_reused": (422, "The Idempotency-Key belongs to another request."),
    "too_many_requests": (429, "Too many requests."),
    "internal": (500, "Something went wrong with us."),
    "unavailable": (503, "Try again in a few seconds."),
}
#: Of answers that come from elsewhere in Django, by status.
_OF_STATUS = {
    400: "malformed",
    401: "unauthorized",
    403: "forbidden",
    404: NotFound.code,
    405: "method_not_allowed",
    413: "too_large",
    503: "unavailable",
}


class Wrong(TypedDict):
    """One thing that is wrong: a field of the body by its JSON pointer, or a parameter or header by name."""

    pointer: NotRequired[str]
    parameter: NotRequired[str]
    header: NotRequired[str]
    message: str


class Problem(Exception):
    """Ends a request. `errors`: everything that is wrong with it, not only the first."""

    def __init__(
        self,
        code: str,
        detail: str,
        errors: Sequence[Wrong] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}


def invalid(*errors: Wrong) -> Problem:
    return Problem(Invalid.code, " ".join(dict.fromkeys(error["message"] for error in errors)), errors)


def taken() -> Problem:
    """An order's external_id is another one's."""
    message = "There is an order with this external_id already."
    return Problem("external_id_taken", message, [{"pointer": "#/external_id", "message": message}])


def of(error: DispatchError) -> Problem:
    if isinstance(error, QuoteRefused):
        return Problem(error.code, error.message, [{"pointer": "#/quote_id", "message": error.message}])
    if isinstance(error, UnknownNeeds):
        return invalid(*(Wrong(pointer=f"#/needs/{n}", message=said) for n, said in error.at.items()))
    return Problem(error.code, error.message)


def response(problem: Problem) -> HttpResponse:
    status, title = CODES[problem.code]
    body = {
        "type": f"{settings.PUBLIC_URL}/api/v1/docs#{problem.code}",
        "title": title,
        "status": status,
        "code": problem.code,
        "detail": problem.detail,
    }
    if problem.errors:
        body["errors"] = list(problem.errors)
    content = msgspec.json.encode(body)
    return HttpResponse(content, status=status, content_type=MEDIA_TYPE, headers=dict(problem.headers))


def in_place_of(answer: HttpResponse) -> HttpResponse:
    """A refusal that came from elsewhere (Django's own pages, an address that nothing answers), as a problem."""
    code = _OF_STATUS.get(answer.status_code, "malformed" if answer.status_code < 500 else "internal")
    made = response(Problem(code, CODES[code][1]))
    for name in ("Allow", "Retry-After"):
        if name in answer:
            made[name] = answer[name]
    return made
