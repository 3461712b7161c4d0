"""400 for what an address or a form can hold, and no view has a use for."""

from django.core.exceptions import BadRequest, FieldDoesNotExist, ValidationError
from django.db import DataError
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

#: What Django's admin raises at a filter, a field or a prefilled value that it was given by hand, and what PostgreSQL
#: says of a value that no column can have.
_MISTYPED = (ValidationError, FieldDoesNotExist, DataError)


class RefuseNonsense(MiddlewareMixin):
    def process_view(self, request: HttpRequest, *_: object) -> None:
        # No text in PostgreSQL has one.
        if "\0" in request.path or "%00" in request.META["QUERY_STRING"]:
            raise BadRequest("A NUL character means nothing here.")

    def process_exception(self, request: HttpRequest, error: Exception) -> None:
        match = request.resolver_match
        if match and match.app_name == "admin" and isinstance(error, _MISTYPED):
            raise BadRequest("The admin can't make anything of this.") from error
