"""CSV in and out of a list of the admin: a file is tried first, and stored as a whole or not at all."""

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import batched
from typing import Any, ClassVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dispatch.admin.pages import page
from dispatch.files.csv_text import Unreadable, decode, written
from dispatch.files.importing import MOST_BYTES, Imported, import_text
from dispatch.files.resources import Resource, rows_of
from dispatch.orders import actions

logger = logging.getLogger(__name__)

#: A page is waited for; `manage.py import_orders` takes more.
MOST_LINES = 2_000
#: Of a longer list the filters find a part.
MOST_EXPORTED = 100_000
ROWS_AT_ONCE = 500


class ImportForm(forms.Form):
    """A file; or its text, which was tried already."""

    file = forms.FileField(
        label="CSV file",
        required=False,
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}),
    )
    text = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        file: UploadedFile | None = data.get("file")
        if file is not None:
            try:
                # More is not read than tells that it is too much.
                data["text"] = decode(file.read(MOST_BYTES + 1), MOST_BYTES)
            except Unreadable as unreadable:
                raise ValidationError(list(unreadable.mistakes)) from None
        elif not data.get("text"):
            raise ValidationError("Choose a file.")
        return data


class CsvFiles:
    """For a ModelAdmin: “Import CSV” for who may add, “Export CSV” of what the list shows."""

    resource: ClassVar[type[Resource]]
    change_list_template: Any = "admin/dispatch/csv_change_list.html"

    def get_urls(self) -> list[Any]:
        site, name = self.admin_site, f"dispatch_{self.opts.model_name}"  # type: ignore[attr-defined]
        return [
            path("export/", site.admin_view(require_safe(self.export_file)), name=f"{name}_export"),
            path("import/", site.admin_view(self.import_file), name=f"{name}_import"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def export_file(self, request: HttpRequest) -> HttpResponseBase:
        """What the list shows, with its filters and its search."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        shown = self.get_changelist_instance(request).queryset  # type: ignore[attr-defined]
        ids = list(shown.values_list("pk", flat=True)[: MOST_EXPORTED + 1])
        kind = self.opts.verbose_name_plural  # type: ignore[attr-defined]
        if len(ids) > MOST_EXPORTED:
            messages.error(request, f"These are more than {MOST_EXPORTED:,} {kind}: filter the list first.")
            return HttpResponseRedirect(self._list_url())
        logger.info("%s exports %d %s", request.user.get_username(), len(ids), kind)
        resource = self.resource(actions.dispatcher(request.user.get_username()))
        return StreamingHttpResponse(
            _streamed(resource, shown, ids),
            content_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="{kind}-{timezone.now():%Y-%m-%d}.csv"',
                "Cache-Control": "no-store",
            },
        )

    def import_file(self, request: HttpRequest) -> HttpResponse:
        """First it is said what is wrong with each line, or what would become of them; then all of it is stored."""
        if not self.has_add_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        resource = self.resource(
            actions.dispatcher(request.user.get_username()),
            may_change=self.has_change_permission(request),  # type: ignore[attr-defined]
        )
        kind = self.opts.verbose_name_plural  # type: ignore[attr-defined]
        confirmed = "confirmed" in request.POST
        mistakes: Sequence[str] = []
        tried = ""
        if form.is_valid():
            text = form.cleaned_data["text"]
            try:
                found = import_text(text, resource, most_lines=MOST_LINES, dry_run=not confirmed)
            except Unreadable as unreadable:
                mistakes = unreadable.mistakes
            else:
                tried = _words(found, self.opts)  # type: ignore[attr-defined]
                if confirmed:
                    logger.info("%s imports %s", request.user.get_username(), tried)
                    messages.success(request, f"Imported: {tried}.")
                    return HttpResponseRedirect(self._list_url())
                form = ImportForm(initial={"text": text})
        return page(
            request,
            self,  # type: ignore[arg-type]
            "csv_import.html",
            title=f"Import {kind}",
            form=form,
            mistakes=mistakes,
            tried=tried,
            columns=[name for name in resource.columns if name not in resource.told],
            needed=resource.needed,
            kind=kind,
            most=MOST_LINES,
            media=self.media,  # type: ignore[attr-defined]
        )

    def _list_url(self) -> str:
        return reverse(f"admin:dispatch_{self.opts.model_name}_changelist")  # type: ignore[attr-defined]


def _words(found: Imported, opts: Any) -> str:
    """“2 new orders”, “1 new, 3 changed drivers”."""
    parts = [f"{found.new} new"] if found.new or not found.changed else []
    parts += [f"{found.changed} changed"] if found.changed else []
    one = (found.changed or found.new) == 1
    return f"{', '.join(parts)} {opts.verbose_name if one else opts.verbose_name_plural}"


async def _streamed(resource: Resource, shown: Any, ids: Sequence[UUID]) -> AsyncIterator[str]:
    yield "\ufeff"  # by which Excel knows UTF-8
    yield "".join(written([resource.columns]))
    for some in batched(ids, ROWS_AT_ONCE):
        yield await sync_to_async(_written)(resource, shown, some)


def _written(resource: Resource, shown: Any, ids: Sequence[UUID]) -> str:
    rows: Iterator[str] = written(rows_of(resource, shown, ids))
    return "".join(rows)
