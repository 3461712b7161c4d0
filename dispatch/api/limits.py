"""How often a key may ask: API_REQUESTS_PER_MIN, over all processes. Who counts over all of them stands above this
layer and says so (`count_with`); while nobody does, or who does is away, everybody is let through.
"""

import time
from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from dispatch.api.problems import Problem

WINDOW_S = 60

#: A name that stands for a key and a minute, and after how many seconds it is of no use → how often it was counted,
#: this time included; None: nobody can say.
type Counter = Callable[[str, int], int | None]

_counter: Counter | None = None
_ATTRIBUTE = "doorstep_rate_limit"


def count_with(counter: Counter | None) -> None:
    global _counter
    _counter = counter


def count(request: HttpRequest, key_id: UUID) -> None:
    """One more request with a key. Raises Problem where it is one too many."""
    if _counter is None:
        return
    window, into_s = divmod(time.time(), WINDOW_S)
    asked = _counter(f"{key_id}:{window:.0f}", WINDOW_S)
    if asked is None:
        return
    most = settings.API_REQUESTS_PER_MIN
    headers = {
        "RateLimit-Limit": str(most),
        "RateLimit-Remaining": str(max(0, most - asked)),
        "RateLimit-Reset": str(round(WINDOW_S - into_s)),
    }
    setattr(request, _ATTRIBUTE, headers)
    if asked > most:
        raise Problem(
            "too_many_requests",
            f"A key may ask {most} times a minute.",
            headers={"Retry-After": headers["RateLimit-Reset"]},
        )


def tell(request: HttpRequest, answer: HttpResponse) -> None:
    """What is left of the limit, with every answer to whoever was counted."""
    for name, value in getattr(request, _ATTRIBUTE, {}).items():
        answer[name] = value
