"""A POST that carries an `Idempotency-Key` is done once, however often it is sent, and answered alike for
ANSWERS_KEPT_H hours.

Its row is written first, in the transaction of all that it does: whoever comes with the same key meanwhile waits at
that row until the answer stands in it, or until there is none since all was taken back. An answer that another try
might change (a Conflict, another version, a fault of ours) is not kept.
"""

import hashlib
import re
from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse

from dispatch.api import problems
from dispatch.api.admission import caller
from dispatch.api.problems import Problem
from dispatch.api_keys import ANSWERS_KEPT_H
from dispatch.errors import DispatchError
from dispatch.models import ApiAnswer

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
#: What of an answer's headers belongs to it; all others are made anew.
_HEADERS = ("Content-Type", "ETag", "Location")

#: Nothing comes back where somebody else has the key; of one that is over it is taken.
_TAKE = """
INSERT INTO api_answers AS kept (key_id, idempotency_key, request_digest, made_at)
VALUES (%(key)s, %(idempotency_key)s, %(digest)s, clock_timestamp())
ON CONFLICT (key_id, idempotency_key) DO UPDATE SET
    request_digest = excluded.request_digest, made_at = excluded.made_at, status = NULL, body = NULL
WHERE kept.made_at < clock_timestamp() - %(hours)s * interval '1 h'
RETURNING id
"""


def once[**P](act: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """For a POST. Its first argument is the request."""

    @wraps(act)
    def act_once(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        request = args[0]
        assert isinstance(request, HttpRequest)  # noqa: S101 (as Ninja calls it)
        key = request.headers.get(HEADER)
        if key is None:
            return act(*args, **kwargs)
        if not _KEY.fullmatch(key):
            raise problems.invalid(
                {"header": HEADER, "message": "An Idempotency-Key has 1 to 255 visible ASCII characters."}
            )
        asking, digest = caller(request).key.pk, _digest(request)
        with transaction.atomic():
            kept = _take(asking, key, digest)
            if kept is None:
                return _same_again(asking, key, digest)
            try:
                answer = act(*args, **kwargs)
            except DispatchError as error:
                if error.retryable:
                    raise
                answer = problems.response(problems.of(error))
            except Problem as problem:
                if problem.code == "version_mismatch":
                    raise
                answer = problems.response(problem)
            ApiAnswer.objects.filter(pk=kept).update(
                status=answer.status_code,
                headers={name: answer[name] for name in _HEADERS if name in answer},
                body=answer.content,
            )
            return answer

    return act_once


def _take(asking: UUID, key: str, digest: str) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(
            _TAKE, {"key": asking, "idempotency_key": key, "digest": digest, "hours": ANSWERS_KEPT_H}
        )
        row = cursor.fetchone()
    return None if row is None else row[0]


def _same_again(asking: UUID, key: str, digest: str) -> HttpResponse:
    kept = ApiAnswer.objects.get(key=asking, idempotency_key=key)
    if kept.request_digest != digest:
        raise Problem(
            "idempotency_key_reused",
            "This Idempotency-Key came with another request before: take a new one for each order.",
        )
    answer = HttpResponse(bytes(kept.body or b""), status=kept.status, headers=kept.headers)
    answer["Idempotent-Replayed"] = "true"
    return answer


def _digest(request: HttpRequest) -> str:
    said = b"\0".join(
        [(request.method or "").encode(), request.path.encode(errors="surrogatepass"), request.body]
    )
    return hashlib.sha256(said).hexdigest()
