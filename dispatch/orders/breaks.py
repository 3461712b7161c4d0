"""A driver's breaks. Who is on one gets nothing new from Doorstep and keeps what is on hand, which waits for its end.

When a break ends is known from its beginning: so ETAs can be told, and nobody is on one for ever who forgets to say
that it is over. One that is planned with the shift begins by itself (dispatch/planning/planned_breaks.py).
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from dispatch.clock import database_now
from dispatch.errors import Invalid
from dispatch.models import Driver, PlannedBreak, Shift, breaks_to_come
from dispatch.orders.transitions import hear_of, lock_drivers, plans_changed
from dispatch.signals import Changes, announced


def begin(driver_id: UUID, minutes: int | None = None) -> None:
    """Of so many minutes from now on, or BREAK_MINUTES; another one begun before is over. It stands for the one that
    is planned where it lasts until that may begin.

    Raises Invalid for a driver who is off shift.
    """
    with announced() as changes:
        driver = lock_drivers([driver_id])[driver_id]
        if not driver.on_shift:
            raise Invalid("You are off shift: there is nothing to take a break from.")
        now = database_now()
        until = now + timedelta(minutes=minutes or settings.BREAK_MINUTES)
        _begin(changes, driver, until)
        hear_of(driver)
        if planned := breaks_to_come([driver], now, within=until - now).get(driver_id):
            _taken(planned, now)


def begin_planned(driver_id: UUID, planned: PlannedBreak) -> bool:
    """Whether it did begin now: not where it has already, or the driver is off shift by now."""
    with announced() as changes:
        driver = lock_drivers([driver_id])[driver_id]
        now = database_now()
        if not driver.on_shift or not _taken(planned, now):
            return False
        _begin(changes, driver, max(now + planned.duration, driver.break_until or now))
    return True


def _begin(changes: Changes, driver: Driver, until: datetime) -> None:
    driver.break_until = until
    driver.save(update_fields=["break_until"])
    plans_changed(changes, [driver], reassigned=True)


def _taken(planned: PlannedBreak, now: datetime) -> bool:
    """Whether this is the first time that it is."""
    return bool(Shift.objects.filter(pk=planned.shift_id, break_began_at=None).update(break_began_at=now))


def end(driver_id: UUID) -> None:
    """Before its time. Nothing happens where there is none."""
    with announced() as changes:
        driver = lock_drivers([driver_id])[driver_id]
        hear_of(driver)
        if driver.break_until is not None:
            driver.break_until = None
            driver.save(update_fields=["break_until"])
            plans_changed(changes, [driver], reassigned=True)
