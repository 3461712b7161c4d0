"""A driver's breaks. Who is on one gets nothing new from Doorstep and keeps what is on hand, which waits for its end.

When a break ends is known from its beginning: so ETAs can be told, and nobody is on one for ever who forgets to say
that it is over.
"""

from datetime import timedelta
from uuid import UUID

from django.conf import settings

from dispatch.clock import database_now
from dispatch.errors import Invalid
from dispatch.orders.transitions import hear_of, lock_drivers, plans_changed
from dispatch.signals import announced


def begin(driver_id: UUID, minutes: int | None = None) -> None:
    """Of so many minutes from now on, or BREAK_MINUTES; another one begun before is over.

    Raises Invalid for a driver who is off shift.
    """
    with announced() as changes:
        driver = lock_drivers([driver_id])[driver_id]
        if not driver.on_shift:
            raise Invalid("You are off shift: there is nothing to take a break from.")
        driver.break_until = database_now() + timedelta(minutes=minutes or settings.BREAK_MINUTES)
        driver.save(update_fields=["break_until"])
        hear_of(driver)
        plans_changed(changes, [driver], reassigned=True)


def end(driver_id: UUID) -> None:
    """Before its time. Nothing happens where there is none."""
    with announced() as changes:
        driver = lock_drivers([driver_id])[driver_id]
        hear_of(driver)
        if driver.break_until is not None:
            driver.break_until = None
            driver.save(update_fields=["break_until"])
            plans_changed(changes, [driver], reassigned=True)
