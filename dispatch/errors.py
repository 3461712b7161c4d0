"""What can go wrong in the domain. Each error has a code for programs and a sentence for a person."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import DatabaseError

logger = logging.getLogger(__name__)


class DispatchError(Exception):
    """Base of the tree. `retryable`: trying the same again may help."""

    code = "dispatch_error"
    retryable = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(DispatchError):
    """No such object, or none that the asker may see: the two are told apart by nobody."""

    code = "not_found"


class WrongStatus(DispatchError):
    """The order's status does not allow the step: somebody else was first, or it never did."""

    code = "wrong_status"


class NotYours(DispatchError):
    """A driver asked for an order that another driver has."""

    code = "not_yours"


class Invalid(DispatchError):
    """The request makes no sense as it stands; the message says what to change."""

    code = "invalid"


class UnknownNeeds(Invalid):
    """An order needs what is on no list of skills. `at`: which of its needs."""

    def __init__(self, needs: Sequence[str], at: Sequence[int], listed: Sequence[str]) -> None:
        known = f"there are {', '.join(listed)}" if listed else "there are none"
        self.at = {n: f"No skill has the code {needs[n]!r}; {known}." for n in at}
        super().__init__(self.at[at[0]])


class QuoteRefused(DispatchError):
    """An order can't be placed with this quote; `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Conflict(DispatchError):
    """Somebody changed the same thing at the same moment."""

    code = "conflict"
    retryable = True


class InConflict(DispatchError):
    """What a driver says late contradicts what people did meanwhile. It is stored, and a dispatcher decides."""

    code = "in_conflict"


@contextmanager
def contained(what_follows: str) -> Iterator[None]:
    """Around the part of a round that concerns one of many: whatever goes wrong with it is told in the log, with what
    follows from it, and the others' turn comes all the same. What the database says concerns all of them.
    """
    try:
        yield
    except DatabaseError:
        raise
    except Exception:
        logger.exception("%s", what_follows)
