"""The Celery application: `celery -A delivery worker` and `celery -A delivery beat`."""

import os
import time
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import celery
from celery.signals import task_postrun, worker_process_init
from django.conf import settings
from django.db import connection

from delivery import garbage
from delivery.metrics.folder import shared_folder

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "delivery.settings")

#: With so much a process gets a third of what others get, where all are busy.
NICE = 5
#: So long (seconds) before its time limit a task hears that the database took too long: it still ends by itself.
_HEARS_S = 5.0


class Task(celery.Task):
    """None of its statements outlives it. The time limit ends the worker's process alone; what PostgreSQL does for it
    would go on, or wait for a lock with everybody else behind it.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from delivery.metrics.tasks import running  # not before Django's settings are there
        from delivery.timeouts import ends_by

        limit_s = self.time_limit or self.app.conf.task_time_limit
        with running(self.name), connection.execute_wrapper(ends_by(time.monotonic() + limit_s - _HEARS_S)):
            return self.run(*args, **kwargs)


class App(celery.Celery):
    @cached_property
    def Worker(self) -> Any:
        """Asked for by who becomes a worker, before Django's setup imports what counts: see shared_folder."""
        if settings.WORKER_METRICS_PORT:
            self._figures = shared_folder()
        return super().Worker


app = App("doorstep", task_cls=Task)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def _prepare(**_: Any) -> None:
    garbage.look_less_often()
    _give_way()


@task_postrun.connect
def _give_connection_back(sender: Task, **_: Any) -> None:
    """To the pool, whose threads go on."""
    if not sender.request.is_eager:
        connection.close()


def _give_way() -> None:
    """A round of ETAs keeps a processor busy for seconds: where a worker shares a host with a web server, whoever
    waits at a socket comes first.
    """
    os.nice(NICE)
    # Linux may share between sessions first (autogroups in sched(7)), so that being nice counts only within one. One
    # that the worker did not begin may be the web server's as well.
    if os.getsid(0) == os.getppid():
        with suppress(OSError):  # there are none
            Path("/proc/self/autogroup").write_text(str(NICE))
