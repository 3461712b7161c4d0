"""What columns of several tables have in common."""

import psycopg
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import DatabaseError, models
from django.db.models import Func, Q
from django.db.models.lookups import Exact

LATITUDE = [MinValueValidator(-90.0), MaxValueValidator(90.0)]
LONGITUDE = [MinValueValidator(-180.0), MaxValueValidator(180.0)]
#: The primary tag of BCP 47.
LANGUAGE = [RegexValidator(r"^[a-z]{2,3}\Z", "A language is two or three small letters, as en or es.")]


def in_range(name: str, lat: str, lng: str) -> models.CheckConstraint:
    """Both coordinates or neither, and on the globe."""
    # A CHECK lets NULL pass as well as true, hence the explicit "is not null".
    both = Q(**{f"{lat}__isnull": False, f"{lng}__isnull": False})
    on_globe = Q(**{f"{lat}__range": (-90, 90), f"{lng}__range": (-180, 180)})
    neither = Q(**{f"{lat}__isnull": True, f"{lng}__isnull": True})
    return models.CheckConstraint(name=name, condition=(both & on_globe) | neither)


def is_list(name: str, field: str) -> models.CheckConstraint:
    """JSON, and nothing but a list."""
    kind = Func(field, function="jsonb_typeof", output_field=models.TextField())
    return models.CheckConstraint(name=name, condition=Exact(kind, "array"))


def one_of(name: str, field: str, choices: type[models.TextChoices]) -> models.CheckConstraint:
    return models.CheckConstraint(name=name, condition=Q(**{f"{field}__in": choices.values}))


def violated(error: DatabaseError) -> str | None:
    """The name of the constraint that a row would violate."""
    cause = error.__cause__
    return cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None
