"""Django's `migrate`, which keeps nobody waiting: a table that is in use for long is changed another time."""

from typing import Any

from django.core.management import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from psycopg.errors import LockNotAvailable

from delivery.timeouts import waits_for_locks

#: Whoever wants the table meanwhile waits behind us.
LOCK_TIMEOUT_S = 0.5


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        try:
            with connection.execute_wrapper(waits_for_locks(LOCK_TIMEOUT_S)):
                super().handle(*args, **options)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            raise CommandError(
                "a table is in use for too long, by a dump perhaps, and was not changed: "
                "run migrate again, it goes on where it stopped"
            ) from error
