"""`manage.py api_key create|list|revoke`: keys of the HTTP API."""

from datetime import timedelta
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from dispatch import api_keys
from dispatch.errors import DispatchError
from dispatch.models import ApiKey, City, Scope

MOST_DAYS = 3650


class Command(BaseCommand):
    help = "Makes, lists and revokes keys of the HTTP API (docs/integrate.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        does = parser.add_subparsers(dest="does", required=True)
        create = does.add_parser("create", help="prints a new key, which is shown this once")
        create.add_argument("name", help="stands in the timelines of orders")
        create.add_argument("--scope", action="append", default=[], choices=Scope.values, dest="scopes")
        where = create.add_mutually_exclusive_group(required=True)
        where.add_argument("--city", action="append", dest="cities", help="by its name; several: again")
        where.add_argument("--all-cities", action="store_true")
        create.add_argument("--source", default="", help="whose key it is (default: its name); see the guide")
        create.add_argument("--days", type=float, help="until it expires (default: never)")
        does.add_parser("list", help="all keys, those that no longer work as well")
        revoke = does.add_parser("revoke", help="from then on the key opens nothing")
        revoke.add_argument("name")

    def handle(self, *_: Any, does: str, **options: Any) -> None:
        try:
            {"create": self._create, "list": self._list, "revoke": self._revoke}[does](**options)
        except DispatchError as error:
            raise CommandError(error.message) from None

    def _create(self, *, name: str, scopes: list[str], source: str, days: float | None, **where: Any) -> None:
        cities = None if where["all_cities"] else [_city(named) for named in where["cities"]]
        if days is not None and not 0 < days <= MOST_DAYS:
            raise CommandError(f"A key expires in up to {MOST_DAYS} days, or never.")
        expires_at = None if days is None else timezone.now() + timedelta(days=days)
        _, secret = api_keys.issue(name, scopes, cities=cities, expires_at=expires_at, source=source)
        self.stderr.write("Keep it now: it is not shown again.")
        self.stdout.write(secret)

    def _list(self, **_: Any) -> None:
        for key in ApiKey.objects.prefetch_related("cities"):
            where = "all cities" if key.all_cities else ", ".join(map(str, key.cities.all())) or "no city"
            used = f"last used {key.last_used_at:%Y-%m-%d %H:%M} UTC" if key.last_used_at else "never used"
            whose = f" (source {key.source or '-'})" if key.source != key.name else ""
            ends = ""
            if key.revoked_at:
                ends = f", revoked {key.revoked_at:%Y-%m-%d %H:%M} UTC"
            elif key.expires_at:
                past = key.expires_at <= timezone.now()
                ends = f", {'expired' if past else 'expires'} {key.expires_at:%Y-%m-%d %H:%M} UTC"
            self.stdout.write(f"{key.name}{whose}: {' '.join(key.scopes)}; {where}; {used}{ends}")

    def _revoke(self, *, name: str, **_: Any) -> None:
        key = ApiKey.objects.filter(name=name, revoked_at=None).first()
        if key is None:
            raise CommandError(f"No key named {name} is in use.")
        api_keys.revoke(key.pk)
        self.stdout.write(f"{name} opens nothing any more.")


def _city(name: str) -> City:
    city = City.objects.filter(name=name).first()
    if city is None:
        raise CommandError(f"There is no city named {name}.")
    return city
