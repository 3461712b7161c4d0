"""What somebody may type into an address of the admin is refused before it becomes a look-up: Django takes any of any
column, with values that nothing checks before they are SQL, and so guesses at columns that no page shows.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import BadRequest, ValidationError
from django.db import models
from django.http import HttpRequest


class OfferedList(ChangeList):
    """Is filtered by what its filters offer, and nothing else."""

    def get_filters(self, request: HttpRequest) -> tuple[Any, ...]:
        filters = super().get_filters(request)
        of_no_filter: dict[str, Any] = filters[2]
        if of_no_filter:
            raise BadRequest(f"No filter of this list offers {', '.join(sorted(of_no_filter))}.")
        return filters


class Typed:
    """For every ModelAdmin."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return OfferedList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """An empty `_to_field` is none, as it is to lists."""
        return super().get_object(request, object_id, from_field or None)  # type: ignore[misc]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What a form begins with: widgets of foreign keys look it up, and those of times take it apart."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)  # type: ignore[misc]
        return initial | self._read(initial, models.ForeignKey, models.DateField)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """A form that comes back with its errors has its widgets look up what was sent."""
        self._read(request.POST, models.ForeignKey)
        return super().changeform_view(request, *args, **kwargs)  # type: ignore[misc]

    def _read(self, values: Mapping[str, Any], *kinds: type[models.Field]) -> dict[str, Any]:
        """What fields of these kinds make of their values. BadRequest: nothing."""
        read = {}
        for field in self.opts.concrete_fields:  # type: ignore[attr-defined]
            if isinstance(field, kinds) and values.get(field.name):
                try:
                    read[field.name] = field.to_python(values[field.name])
                except (ValidationError, ValueError, OverflowError) as error:
                    raise BadRequest(f"This can't be the {field.name}.") from error
        return read
