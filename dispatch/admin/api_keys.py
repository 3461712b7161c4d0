"""Keys of the HTTP API: made and revoked. What a key may do never changes: another key is made."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from dispatch import api_keys
from dispatch.admin.addresses import Typed
from dispatch.admin.pages import page
from dispatch.errors import NotFound
from dispatch.models import ApiKey, City, Scope


class KeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices, widget=forms.CheckboxSelectMultiple, label="It may"
    )
    only_cities = forms.ModelMultipleChoiceField(
        City.objects.all(), required=False, widget=forms.CheckboxSelectMultiple, label="Cities"
    )

    class Meta:
        model = ApiKey
        fields = ["name", "source", "all_cities", "expires_at"]
        widgets = {name: forms.TextInput(attrs={"class": "vTextField"}) for name in ("name", "source")}

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if ApiKey.objects.filter(name=name, revoked_at=None).exists():
            raise ValidationError("There is a key of this name: revoke it first, or choose another name.")
        return name

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if bool(data.get("all_cities")) == bool(data.get("only_cities")) and not self.errors:
            raise ValidationError("Choose all cities, or those that the key is for.")
        return data


@admin.register(ApiKey)
class ApiKeyAdmin(Typed, admin.ModelAdmin):
    form = KeyForm
    list_display = ["name", "may", "where", "created_at", "last_used_at", "expires_at", "revoked_at"]
    search_fields = ["name"]
    actions = ["revoke"]
    entered = ("name", "source", "scopes", "all_cities", "only_cities", "expires_at")
    facts = ("name", "source", "may", "where", "created_at", "last_used_at", "expires_at", "revoked_at")

    @admin.display(description="may")
    def may(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description="where")
    def where(self, key: ApiKey) -> str:
        return "all cities" if key.all_cities else ", ".join(map(str, key.cities.all()))

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return super().get_queryset(request).prefetch_related("cities")

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        return self.entered if obj is None else self.facts

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        return () if obj is None else self.facts

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("dispatch.change_apikey")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        entered = form.cleaned_data
        key, obj.secret = api_keys.issue(
            entered["name"],
            entered["scopes"],
            cities=None if entered["all_cities"] else entered["only_cities"],
            expires_at=entered["expires_at"],
            source=entered["source"],
        )
        obj.pk = key.pk

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        return page(request, self, "apikey/new_key.html", title="New API key", key=obj, secret=obj.secret)

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            try:
                api_keys.revoke(key.pk)
            except NotFound as error:
                messages.error(request, f"{key}: {error.message}")
            else:
                self.log_change(request, key, "Revoked.")
                messages.success(request, f"{key} opens nothing any more.")
