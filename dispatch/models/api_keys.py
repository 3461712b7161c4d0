"""Who may use the HTTP API (dispatch/api), and what it has answered lately."""

import hashlib
import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import UUID4, Now
from django.utils import timezone

from dispatch.models.cities import City


class Scope(models.TextChoices):
    """What a key may do. All keys may read cities and restaurants."""

    ORDERS_READ = "orders:read", "read orders"
    ORDERS_WRITE = "orders:write", "place, amend and cancel orders"
    RESTAURANTS_WRITE = "restaurants:write", "add and change restaurants"
    DRIVERS_WRITE = "drivers:write", "add drivers, begin and end their shifts, issue and revoke their tokens"
    WEBHOOKS_WRITE = "webhooks:write", "be told of what happens by webhooks"


def validate_scopes(scopes: Any) -> None:
    """Raises ValidationError for what is no list of scopes, each once."""
    if not isinstance(scopes, list) or not scopes:
        raise ValidationError("A key has one scope or more.")
    if unknown := [scope for scope in scopes if scope not in Scope.values]:
        raise ValidationError(f"There is no scope “{unknown[0]}”; there are {', '.join(Scope.values)}.")
    if len(set(scopes)) < len(scopes):
        raise ValidationError("Name each scope once.")


class ApiKey(models.Model):
    """A key of an ordering platform. The key itself is shown once, when it is made; its digest is kept."""

    id = models.UUIDField(primary_key=True, db_default=UUID4(), editable=False)
    name = models.TextField(help_text="Stands in the timelines of orders that are placed or changed with it.")
    digest = models.TextField(unique=True, editable=False)
    scopes = models.JSONField(
        default=list, db_default=Value([], models.JSONField()), validators=[validate_scopes]
    )
    all_cities = models.BooleanField(
        default=False, db_default=False, help_text="Else it reaches what belongs to its own cities alone."
    )
    cities = models.ManyToManyField(City, through="ApiKeyCity", related_name="+", blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False, help_text="To the minute.")
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="By UTC; empty: it works until it is revoked."
    )
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        db_table = "api_keys"
        verbose_name = "API key"
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                name="api_keys_name_once", fields=["name"], condition=Q(revoked_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def opens(self) -> bool:
        """Whether it has neither expired nor been revoked."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())

    @staticmethod
    def new_secret() -> str:
        """The key itself. Scanners for secrets that got into a repository know it by how it begins."""
        return f"doorstep_{secrets.token_urlsafe(32)}"

    @staticmethod
    def digest_of(secret: str) -> str:
        return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


class ApiKeyCity(models.Model):
    # Without an index of its own: the constraint begins with it.
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+", db_index=False)
    city = models.ForeignKey(City, on_delete=models.CASCADE, related_name="+")

    class Meta:
        db_table = "api_key_cities"
        default_permissions = ()
        constraints = [models.UniqueConstraint(name="api_key_cities_once", fields=["key", "city"])]

    def __str__(self) -> str:
        return f"{self.key_id} {self.city_id}"


class ApiAnswer(models.Model):
    """What a request with an `Idempotency-Key` was answered (dispatch/api/idempotency.py). `status` and
    `body` are empty only within the transaction that works the answer out.
    """

    id = models.BigAutoField(primary_key=True)
    # Without an index of its own: the constraint begins with it.
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+", db_index=False)
    idempotency_key = models.TextField()
    request_digest = models.TextField(help_text="Of method, path and body.")
    status = models.IntegerField(null=True)
    headers = models.JSONField(default=dict, db_default=Value({}, models.JSONField()))
    body = models.BinaryField(null=True)
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "api_answers"
        default_permissions = ()
        constraints = [models.UniqueConstraint(name="api_answers_once", fields=["key", "idempotency_key"])]
        indexes = [models.Index(name="api_answers_made", fields=["made_at"])]

    def __str__(self) -> str:
        return f"{self.idempotency_key} {self.status}"
