"""Answers that are no view's: 400 for what an address can hold and no view has a use for, 503 while PostgreSQL can't
serve.
"""

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.deprecation import MiddlewareMixin
from django.utils.log import log_response

from dispatch.rest import Refusal
from dispatch.views import json_answer
from tracking.database import is_away, refusal

#: By then a connection that began read-only is no longer used (delivery/database_pool.py).
RETRY_AFTER_S = 5

_AWAY = Refusal("unavailable", "The database is away, or takes no changes. Try again in a few seconds.")


class RefuseNul(MiddlewareMixin):
    def process_view(self, request: HttpRequest, *_: object) -> None:
        # No text in PostgreSQL has one.
        if "\0" in request.path or "%00" in request.META["QUERY_STRING"]:
            raise BadRequest("A NUL character means nothing here.")


class PutOff(MiddlewareMixin):
    """503 and one line in the log while PostgreSQL is away or read-only: JSON, or a page to who prefers one."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not is_away(error):
            return None
        if request.get_preferred_type(["application/json", "text/html"]) == "text/html":
            response = HttpResponse(render_to_string("503.html"), status=503)
        else:
            response = json_answer(_AWAY, 503)
        response["Retry-After"] = str(RETRY_AFTER_S)
        log_response(
            "%s is put off: %s",
            request.path,
            refusal(error),
            response=response,
            request=request,
            level="warning",
        )
        return response
