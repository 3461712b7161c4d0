"""What was told to others' servers, what is not yet, and what could not be."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from dispatch.admin.pages import ManyRows, ReadOnly, local_time
from dispatch.errors import Conflict
from dispatch.models import OutboxEntry, OutboxReceiver
from dispatch.outbox import entries


class ReceiverFilter(admin.SimpleListFilter):
    """Of a table of messages the receivers would be found by reading all of it."""

    title = "receiver"
    parameter_name = "receiver"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(name, name) for name in OutboxReceiver.objects.values_list("name", flat=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutboxEntry]) -> QuerySet[OutboxEntry]:
        return queryset if self.value() is None else queryset.filter(receiver=self.value())


@admin.register(OutboxEntry)
class OutboxEntryAdmin(ReadOnly, ManyRows):
    list_display = ["made", "event", "state", "tries", "said", "receiver", "message_id"]
    list_filter = ["state", "kind", ReceiverFilter]
    sortable_by = ()
    fields = [
        "message_id",
        "kind",
        "event",
        "receiver",
        "order",
        "state",
        ("created_at", "due_at", "expires_at", "ended_at"),
        ("tries", "tried_since", "tried_at"),
        "answer_code",
        "answer",
        "body",
    ]
    actions = ["resend"]

    @admin.display(description="created")
    def made(self, entry: OutboxEntry) -> str:
        return local_time(entry.created_at, None)

    @admin.display(description="answer")
    def said(self, entry: OutboxEntry) -> str:
        return f"{entry.answer_code or ''} {entry.answer[:80]}"

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("dispatch.change_outboxentry")

    @admin.action(description="Send again", permissions=["resend"])
    def resend(self, request: HttpRequest, queryset: QuerySet[OutboxEntry]) -> None:
        for entry in queryset:
            try:
                entries.resend(entry.pk)
            except Conflict as error:
                messages.error(request, f"Message {entry}: {error.message}")
            else:
                self.log_change(request, entry, "Sent again.")
                messages.success(request, f"Message {entry} is sent again.")
