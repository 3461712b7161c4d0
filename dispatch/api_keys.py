"""Keys of the HTTP API: made, revoked, whose one is, and for how long what they were answered is kept."""

import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from dispatch.clock import database_now
from dispatch.errors import Conflict, Invalid, NotFound
from dispatch.models import ApiAnswer, ApiKey, City, Driver, Order, Restaurant, Scope
from dispatch.models.api_keys import validate_scopes

#: How long (seconds) a key may be in use before that is written again.
USED_EVERY_S = 60
#: A request that is sent again within so many hours is answered as the first time (dispatch/api/idempotency.py).
ANSWERS_KEPT_H = 24


#: One statement: every request asks it, so that a key which is revoked opens nothing at once.
_KEY = """
SELECT id, name, source, scopes::text, last_used_at, all_cities,
    ARRAY(SELECT city_id FROM api_key_cities WHERE key_id = api_keys.id)
FROM api_keys WHERE digest = %s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
"""


@dataclass(frozen=True)
class Caller:
    """Who asks with a key. `cities`: the ids of those it is limited to, or None for all."""

    key: ApiKey
    cities: frozenset[UUID] | None

    @classmethod
    def with_secret(cls, secret: str) -> Self | None:
        """None for a key that nobody has, or that has expired or was revoked."""
        with connection.cursor() as cursor:
            cursor.execute(_KEY, [ApiKey.digest_of(secret)])
            row = cursor.fetchone()
        if row is None:
            return None
        pk, name, source, scopes, last_used_at, all_cities, cities = row
        key = ApiKey(id=pk, name=name, source=source, scopes=json.loads(scopes), last_used_at=last_used_at)
        _note_use(key)
        return cls(key, None if all_cities else frozenset(cities))

    def may(self, scope: Scope) -> bool:
        return scope in self.key.scopes

    # What does not exist and what lies out of reach are told apart by nobody.

    def orders(self) -> QuerySet[Order]:
        orders = Order.objects.all()
        return orders if self.cities is None else orders.filter(restaurant__city__in=self.cities)

    def restaurants(self) -> QuerySet[Restaurant]:
        restaurants = Restaurant.objects.all()
        return restaurants if self.cities is None else restaurants.filter(city__in=self.cities)

    def drivers(self) -> QuerySet[Driver]:
        drivers = Driver.objects.all()
        return drivers if self.cities is None else drivers.filter(city__in=self.cities)

    def cities_reached(self) -> QuerySet[City]:
        cities = City.objects.all()
        return cities if self.cities is None else cities.filter(pk__in=self.cities)


def issue(
    name: str,
    scopes: Sequence[str],
    *,
    cities: Collection[City] | None,
    expires_at: datetime | None = None,
    source: str = "",
) -> tuple[ApiKey, str]:
    """A new key, and what is shown of it once. `cities`: None for all. `source`: with whose other keys it shares
    `external_id`s; with nobody's unless it is said.

    Raises Invalid, and Conflict where a key of that name has not been revoked.
    """
    try:
        validate_scopes(list(scopes))
    except ValidationError as wrong:
        raise Invalid(str(wrong.message)) from None
    if not name.strip():
        raise Invalid("Give the key a name.")
    if cities is not None and not cities:
        raise Invalid("Name the cities that the key is for, or all of them.")
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid("The key would have expired already.")
    secret = ApiKey.new_secret()
    with transaction.atomic():
        if ApiKey.objects.filter(name=name, revoked_at=None).exists():
            raise Conflict(f"There is a key named {name}: revoke it first, or choose another name.")
        key = ApiKey.objects.create(
            name=name,
            digest=ApiKey.digest_of(secret),
            source=source.strip() or name,
            scopes=list(scopes),
            all_cities=cities is None,
            expires_at=expires_at,
        )
        key.cities.set(cities or [])
    return key, secret


def revoke(key_id: UUID) -> None:
    """From now on it opens nothing. NotFound: no such key, or one that was revoked before."""
    if not ApiKey.objects.filter(pk=key_id, revoked_at=None).update(revoked_at=Now()):
        raise NotFound("No such key, or it was revoked before.")


def forget_answers() -> int:
    """Those that are no longer kept. Returns how many."""
    until = database_now() - timedelta(hours=ANSWERS_KEPT_H)
    return ApiAnswer.objects.filter(made_at__lt=until).delete()[0]


def _note_use(key: ApiKey) -> None:
    before = timezone.now() - timedelta(seconds=USED_EVERY_S)
    if key.last_used_at is None or key.last_used_at < before:
        # Whoever reads is answered while the database takes no writes.
        with suppress(DatabaseError):
            ApiKey.objects.filter(pk=key.pk).filter(Q(last_used_at=None) | Q(last_used_at__lt=before)).update(
                last_used_at=Now()
            )
