"""Webhooks of ordering platforms, which see to them over the API as well."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from dispatch.admin.addresses import Typed
from dispatch.admin.pages import page
from dispatch.errors import DispatchError
from dispatch.models import ApiKey, WebhookEndpoint, WebhookEvent
from dispatch.webhooks import endpoints


class EndpointForm(forms.ModelForm):
    events = forms.MultipleChoiceField(
        choices=WebhookEvent.choices, widget=forms.CheckboxSelectMultiple, label="It hears of"
    )

    class Meta:
        model = WebhookEndpoint
        fields = ["key", "url", "events"]
        widgets = {"url": forms.TextInput(attrs={"class": "vTextField"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "key" in self.fields:
            valid = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
            self.fields["key"].queryset = ApiKey.objects.filter(valid, revoked_at=None)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        of = self.instance if self.instance.key_id else None
        key = of.key if of else data.get("key")
        if key and data.get("url") and data.get("events"):
            try:
                endpoints.check(key, data["url"], data["events"], of)
            except DispatchError as wrong:
                raise forms.ValidationError(wrong.message) from None
        return data


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(Typed, admin.ModelAdmin):
    form = EndpointForm
    list_display = ["url", "key", "hears_of", "created_at", "works"]
    list_select_related = ["key"]
    sortable_by = ()
    actions = ["issue_secret", "send_test", "disable", "enable"]

    @admin.display(description="hears of")
    def hears_of(self, endpoint: WebhookEndpoint) -> str:
        return ", ".join(endpoint.events)

    @admin.display(description="works")
    def works(self, endpoint: WebhookEndpoint) -> str:
        return f"Disabled. {endpoint.disabled_because}" if endpoint.disabled_at else "yes"

    def get_fields(self, request: HttpRequest, obj: WebhookEndpoint | None = None) -> tuple[str, ...]:
        entered = ("key", "url", "events")
        return entered if obj is None else (*entered, "receiver", "works", "created_at")

    def get_readonly_fields(
        self, request: HttpRequest, obj: WebhookEndpoint | None = None
    ) -> tuple[str, ...]:
        return () if obj is None else ("key", "receiver", "works", "created_at")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        entered = form.cleaned_data
        if change:
            endpoints.change(obj, url=entered["url"], events=entered["events"])
        else:
            endpoint, obj.secret = endpoints.create(entered["key"], entered["url"], entered["events"])
            obj.pk = endpoint.pk

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._shown_once(request, {obj: obj.secret})

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        endpoints.delete(obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        for endpoint in queryset:
            endpoints.delete(endpoint.pk)

    @admin.action(description="Issue a new secret", permissions=["change"])
    def issue_secret(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> HttpResponse:
        secrets = {endpoint: endpoints.issue_secret(endpoint.pk) for endpoint in queryset}
        for endpoint in secrets:
            self.log_change(request, endpoint, "Issued a new secret.")
        return self._shown_once(request, secrets)

    @admin.action(description="Send a test", permissions=["change"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        for endpoint in queryset:
            entry = endpoints.send_test(endpoint)
            messages.success(request, f"{endpoint} is sent a test, message {entry.message_id}.")

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        for endpoint in queryset:
            endpoints.disable(endpoint.pk, f"Switched off by {request.user.get_username()}.")
            self.log_change(request, endpoint, "Disabled.")

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        for endpoint in queryset:
            endpoints.enable(endpoint.pk)
            self.log_change(request, endpoint, "Enabled.")

    def _shown_once(self, request: HttpRequest, secrets: dict[WebhookEndpoint, str]) -> HttpResponse:
        return page(
            request, self, "webhookendpoint/new_secrets.html", title="New secrets", secrets=secrets.items()
        )
