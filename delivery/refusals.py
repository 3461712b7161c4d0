"""Answers that are no view's: 400 for what an address can hold and no view has a use for, 503 while PostgreSQL can't
serve, or while too many sign in at once.
"""

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.deprecation import MiddlewareMixin
from django.utils.log import log_response

from dispatch.rest import Refusal
from dispatch.sign_in import TooManySignIns
from dispatch.views import json_answer
from tracking.database import is_away, refusal

#: By then a connection that began read-only is no longer used (delivery/database_pool.py).
RETRY_AFTER_S = 5

_FLOODED = Refusal("unavailable", "Too many people sign in right now. Try again in a few seconds.")
_AWAY = Refusal("unavailable", "The database is away, or takes no changes. Try again in a few seconds.")


class RefuseNul(MiddlewareMixin):
    def process_view(self, request: HttpRequest, *_: object) -> None:
        # No text in PostgreSQL has one.
        if "\0" in request.path or "%00" in request.META["QUERY_STRING"]:
            raise BadRequest("A NUL character means nothing here.")


class PutOff(MiddlewareMixin):
    """503 and one line in the log: JSON, or a page to who prefers one."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, TooManySignIns):
            return self._answer(request, _FLOODED, "too many sign-ins")
        return self._answer(request, _AWAY, refusal(error)) if is_away(error) else None

    def _answer(self, request: HttpRequest, told: Refusal, why: str) -> HttpResponse:
        if request.get_preferred_type(["application/json", "text/html"]) == "text/html":
            response = HttpResponse(render_to_string("503.html", {"message": told.message}), status=503)
        else:
            response = json_answer(told, 503)
        response["Retry-After"] = str(RETRY_AFTER_S)
        log_response(
            "%s is put off: %s",
            request.path,
            why,
            response=response,
            request=request,
            level="warning",
        )
        return response
