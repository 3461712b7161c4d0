"""Below `/api/` every refusal is a problem, whoever refuses: a program can't read a page."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from dispatch.api import limits, problems

PREFIX = "/api/"


class Problems:
    """Middleware around all that may refuse a request. It knows nothing of the API but its address, so that a process
    which serves other pages loads no more of it.
    """

    def __init__(self, get_response: Any) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        answer = self._get_response(request)
        return _told(request, answer) if request.path_info.startswith(PREFIX) else answer


def _told(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    if answer.status_code >= 400 and answer.get("Content-Type") != problems.MEDIA_TYPE:
        answer = problems.in_place_of(answer)
    limits.tell(request, answer)
    if "Cache-Control" not in answer:
        # Kept by nobody but who asked, and not without asking again.
        answer["Cache-Control"] = "private, no-cache"
    return answer
