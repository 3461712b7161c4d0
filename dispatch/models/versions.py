"""Rows that live clients look at have a version: whoever knows an older one is sent the new state."""

from django.db import models
from django.db.models import F
from django.db.models.functions import Now


class VersionedQuerySet[Row: models.Model](models.QuerySet[Row]):
    def touch(self) -> int:
        """For what clients are shown with these rows and is stored elsewhere: a plan's stops."""
        return self.update(version=F("version") + 1)


class Versioned(models.Model):
    """`version` and `updated_at` belong to the database: a trigger sets both whenever something that clients see
    changes (dispatch/migrations), whoever changes it, plain SQL too. Code never writes them.
    """

    version = models.IntegerField(default=1, db_default=1, editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = VersionedQuerySet.as_manager()

    class Meta:
        abstract = True
