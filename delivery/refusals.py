"""400 for what an address can hold, and no view has a use for."""

from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin


class RefuseNul(MiddlewareMixin):
    def process_view(self, request: HttpRequest, *_: object) -> None:
        # No text in PostgreSQL has one.
        if "\0" in request.path or "%00" in request.META["QUERY_STRING"]:
            raise BadRequest("A NUL character means nothing here.")
