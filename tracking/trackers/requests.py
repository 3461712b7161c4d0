"""What tracker apps send over HTTP, to `/api/v1/positions/<app>`; docs/trackers.md says what each answer means."""

import logging
from collections import Counter
from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.log import log_response
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from dispatch import access
from dispatch.api.problems import Problem, response
from dispatch.models import Driver
from tracking import metrics
from tracking.clock import now_ms
from tracking.database import is_away, refusal
from tracking.protocol import lenient
from tracking.protocol.messages import Location, Locations
from tracking.sockets.process import Process, this_process
from tracking.trackers import osmand, owntracks, traccar
from tracking.trackers.payloads import Payload, Read, Sent, Unreadable
from tracking.trackers.sign_in import token_of
from tracking.trackers.trackers import NotStored, Tracker, trackers_of

logger = logging.getLogger(__name__)

READERS: Mapping[str, Read] = {"osmand": osmand.read, "owntracks": owntracks.read, "traccar": traccar.read}
#: Hundreds of fixes.
MOST_BYTES = 256 * 1024
RETRY_AFTER_S = 5


@csrf_exempt  # nobody's browser is signed in here
@require_http_methods(["GET", "POST"])
async def positions(request: HttpRequest, app: str, token: str = "") -> HttpResponse:
    """Answered with 2xx is what the app may forget: it is stored, or never will be."""
    try:
        named = await _take(request, app, token)
    except Problem as problem:
        answer = response(problem)
        # Counted below. A line for each would be one every half minute for each phone with an old token.
        log_response("%s: %s", problem.code, request.path, response=answer, request=request, level="debug")
    else:
        # OwnTracks reads it as messages to itself.
        answer = JsonResponse([] if app == "owntracks" else named, safe=False)
    metrics.tracker_answered(app, answer.status_code)
    return answer


async def _take(request: HttpRequest, app: str, token: str) -> Counter[str]:
    """What became of the fixes, by name. Raises Problem."""
    sent = _sent(request)
    try:
        payload = READERS[app](sent)
    except Unreadable:
        payload = Payload(unreadable=1)
    process = this_process()
    try:
        driver = await _driver(process, request, token, payload)
        tracker = trackers_of(process).of(driver)
        if not tracker.may_ask():
            raise Problem(
                "too_many_requests", "Not so fast: keep them, and go on.", headers={"Retry-After": "1"}
            )
        fixes, named = _read(process, tracker, payload)
        return named + await tracker.take(process, driver, fixes, payload.signs_of_life)
    except NotStored:
        raise _unavailable() from None
    except Exception as error:
        if not is_away(error):
            raise
        logger.warning("PostgreSQL is away, a tracker app is put off: %s", refusal(error))
        raise _unavailable() from None


def _sent(request: HttpRequest) -> Sent:
    length = request.headers.get("Content-Length", "0")
    if (length.isdecimal() and int(length) > MOST_BYTES) or len(request.body) > MOST_BYTES:
        raise Problem("too_large", f"A request has at most {MOST_BYTES:,} bytes.")
    return Sent(request.GET.dict(), request.body)


async def _driver(process: Process, request: HttpRequest, token: str, payload: Payload) -> Driver:
    token = token_of(request.headers.get("Authorization", ""), token, payload.token)
    driver = await process.loaders.claimed(access.Claim(token)) if token else None
    if driver is None:
        raise Problem(
            "unauthorized",
            "Sign in with the driver's own token: docs/trackers.md says where each app has a place for it.",
            headers={"WWW-Authenticate": 'Basic realm="Doorstep"'},
        )
    return driver


def _read(process: Process, tracker: Tracker, payload: Payload) -> tuple[list[Location], Counter[str]]:
    """The fixes as far as they can be read, and what became of those that can't."""
    reading = lenient.read_fixes(payload.fixes, waited=len(payload.fixes) > 1)
    for name in sorted(reading.left_out):
        metrics.left_out(name)
    malformed = payload.unreadable + len(reading.unreadable)
    for _ in range(malformed):
        process.verdicts.reject(tracker.session, "malformed", now_ms())
    assert isinstance(reading.frame, Locations)  # noqa: S101 (of fixes it always is)
    return reading.frame.fixes, +Counter({"malformed": malformed})


def _unavailable() -> Problem:
    return Problem(
        "unavailable",
        "Fixes can't be stored at the moment. Keep them, and send them again.",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )
