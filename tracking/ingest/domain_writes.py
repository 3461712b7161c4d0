"""Carries out what fixes asked of the domain: a driver's writes in order, until each one is done.

PostgreSQL may be away: the write waits for it. A step that the domain refuses (the order was cancelled meanwhile) is
over. The actions themselves make sure that of two processes only one fires a transition.
"""

import asyncio
import logging
from collections.abc import Callable

from django.db import InterfaceError, OperationalError

from dispatch.errors import DispatchError
from tracking.database import in_thread
from tracking.ingest.pipeline import Session

logger = logging.getLogger(__name__)

_RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)


async def carry_out(session: Session, done: Callable[[Session], None]) -> None:
    """Empties `session.writes`, calling `done` after each; one of these runs per session."""
    attempt = 0
    while session.writes:
        _, write = session.writes[0]
        try:
            await in_thread(write)()
        except (OperationalError, InterfaceError):
            logger.warning(
                "PostgreSQL is away; a geofence event of driver %s waits for it", session.driver_id
            )
            await asyncio.sleep(_RETRY_S[min(attempt, len(_RETRY_S) - 1)])
            attempt += 1
            continue
        except DispatchError as refused:
            logger.info("a geofence event of driver %s was refused: %s", session.driver_id, refused.message)
        except Exception:
            # A bug: trying again would fail again, and hold this driver's acks for good.
            logger.exception("a geofence event of driver %s failed and is given up", session.driver_id)
        attempt = 0
        session.writes.popleft()
        done(session)
