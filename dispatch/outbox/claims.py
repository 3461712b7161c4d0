"""Who sends what now, and what came of it: each statement by the database's clock, none open while anything is sent.

An entry is claimed by a lease, which is short and renewed while its try lasts. Whoever dies in between leaves it to
run out, and the entry is sent again, under the same id.
"""

import logging
import random
from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from dispatch.models import OutboxEntry, OutboxState
from dispatch.outbox.backoff import AWAY_AFTER, GIVE_UP_AFTER_S, entry_wait_s, probe_wait_s
from dispatch.outbox.registry import Answer, TryLater

logger = logging.getLogger(__name__)

#: Tries under way at one receiver, over all workers.
PER_RECEIVER = 4
#: Seconds after which a lease ends that nobody renews, and between two renewals.
LEASE_S, RENEW_S = 10.0, 3.0
#: Characters that are kept of an answer.
MOST_ANSWER = 2000

# At a receiver that is away whatever was tried may be the probe, also one that waits for its next try.
_FREE = """
    entry.state = 'waiting' AND coalesce(entry.leased_until <= clock_timestamp(), true)
    AND coalesce(entry.expires_at > clock_timestamp(), true)
    AND (entry.due_at <= clock_timestamp() OR entry.tries > 0 AND {away})
"""
_DUE = f"""
SELECT receiver.name, waiting.entries FROM outbox_receivers AS receiver, LATERAL (
    SELECT count(*) AS entries FROM (
        SELECT FROM outbox_entries AS entry
        WHERE entry.receiver = receiver.name AND {_FREE.format(away="receiver.failures >= %(away_after)s")}
        LIMIT %(most)s
    ) AS few
) AS waiting
WHERE coalesce(receiver.wait_until <= clock_timestamp(), true) AND waiting.entries > 0
"""  # noqa: S608
_LOCK_RECEIVER = """
SELECT failures >= %(away_after)s FROM outbox_receivers
WHERE name = %(receiver)s AND coalesce(wait_until <= clock_timestamp(), true) FOR UPDATE
"""
_UNDER_WAY = """
SELECT count(*) FROM outbox_entries
WHERE receiver = %(receiver)s AND lease IS NOT NULL AND leased_until > clock_timestamp()
"""
_CLAIM = f"""
UPDATE outbox_entries SET
    lease = gen_random_uuid(), leased_until = clock_timestamp() + %(lease_s)s * interval '1 s',
    tries = tries + 1, tried_at = clock_timestamp(), tried_since = coalesce(tried_since, clock_timestamp())
WHERE id = (
    SELECT entry.id FROM outbox_entries AS entry
    WHERE entry.receiver = %(receiver)s AND {_FREE.format(away="%(away)s")} AND NOT EXISTS (
        SELECT FROM outbox_entries AS earlier
        WHERE entry.lane <> '' AND earlier.receiver = entry.receiver AND earlier.lane = entry.lane
            AND earlier.state = 'waiting' AND earlier.id < entry.id
    )
    ORDER BY entry.due_at, entry.id LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING *
"""  # noqa: S608
_RENEW = """
UPDATE outbox_entries SET leased_until = clock_timestamp() + %(lease_s)s * interval '1 s'
WHERE lease = ANY (%(leases)s)
"""
_END = """
UPDATE outbox_entries SET
    state = %(state)s, ended_at = clock_timestamp(), lease = NULL, leased_until = NULL,
    answer_code = %(code)s, answer = %(text)s
WHERE id = %(id)s AND lease = %(lease)s
"""
_PUT_OFF = """
UPDATE outbox_entries SET
    state = CASE WHEN over THEN 'dead' ELSE 'waiting' END, ended_at = CASE WHEN over THEN clock_timestamp() END,
    due_at = clock_timestamp() + %(wait_s)s * interval '1 s',
    lease = NULL, leased_until = NULL, answer_code = %(code)s, answer = %(text)s
FROM (
    SELECT tried_since <= clock_timestamp() - %(give_up_after_s)s * interval '1 s' AS over
    FROM outbox_entries WHERE id = %(id)s AND lease = %(lease)s FOR UPDATE
) AS now_is
WHERE id = %(id)s AND lease = %(lease)s RETURNING over
"""
_FAIL = """
UPDATE outbox_receivers SET
    failures = failures + 1, failing_since = coalesce(failing_since, clock_timestamp()),
    failed_at = clock_timestamp()
WHERE name = %(receiver)s RETURNING failures
"""
_LEAVE_ALONE = """
UPDATE outbox_receivers SET wait_until = clock_timestamp() + %(wait_s)s * interval '1 s'
WHERE name = %(receiver)s
"""
# Whose turn came in vain so long ago, or never while their receiver was away.
_GIVE_UP_OTHERS = """
UPDATE outbox_entries SET state = 'dead', ended_at = clock_timestamp(),
    answer = CASE WHEN tries = 0 THEN 'It was not tried: the receiver was away.' ELSE answer END
WHERE receiver = %(receiver)s AND state = 'waiting' AND lease IS NULL
    AND coalesce(tried_since, due_at) <= clock_timestamp() - %(give_up_after_s)s * interval '1 s'
"""
# What it did not take while it was away has waited for long enough.
_IS_BACK = """
WITH was AS (
    SELECT name, failures FROM outbox_receivers WHERE name = %(receiver)s AND failures > 0 FOR UPDATE
), healthy AS (
    UPDATE outbox_receivers SET failures = 0, failing_since = NULL, failed_at = NULL, wait_until = NULL
    FROM was WHERE outbox_receivers.name = was.name
)
UPDATE outbox_entries SET due_at = clock_timestamp() FROM was
WHERE was.failures >= %(away_after)s AND receiver = was.name AND state = 'waiting' AND lease IS NULL
    AND tries > 0 AND due_at > clock_timestamp()
"""


def due() -> dict[str, int]:
    """By receiver, how many entries may be sent now, as far as it matters: PER_RECEIVER at most."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"away_after": AWAY_AFTER, "most": PER_RECEIVER})
        return dict(cursor.fetchall())


def claim(receiver: str) -> OutboxEntry | None:
    """The next entry for this receiver, leased to whoever asks. None: there is none now, enough are under way, or it
    is to be left alone.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        # Two statements: what is counted under the lock is as it is then.
        cursor.execute(_LOCK_RECEIVER, {"receiver": receiver, "away_after": AWAY_AFTER})
        found = cursor.fetchone()
        if found is None:
            return None
        (away,) = found
        cursor.execute(_UNDER_WAY, {"receiver": receiver})
        (under_way,) = cursor.fetchone()
        if under_way >= (1 if away else PER_RECEIVER):
            return None
        claimed = OutboxEntry.objects.raw(_CLAIM, {"receiver": receiver, "away": away, "lease_s": LEASE_S})
        return next(iter(claimed), None)


def renew(leases: Collection[UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, {"leases": list(leases), "lease_s": LEASE_S})


def sent(entry: OutboxEntry, answer: Answer) -> None:
    if _end(entry, OutboxState.SENT, answer):
        _execute(_IS_BACK, receiver=entry.receiver, away_after=AWAY_AFTER)


def refused(entry: OutboxEntry, answer: Answer) -> None:
    _end(entry, OutboxState.DEAD, answer)


def dropped(entry: OutboxEntry, answer: Answer) -> None:
    _end(entry, OutboxState.DROPPED, answer)


def put_off(entry: OutboxEntry, error: TryLater) -> bool:
    """Whether it will be tried again: not for ever."""
    chance = random.random()
    with transaction.atomic(), connection.cursor() as cursor:
        wait_s = max(error.after_s, entry_wait_s(entry.tries, chance))
        told = _kept(error.answer) | {"wait_s": wait_s, "give_up_after_s": GIVE_UP_AFTER_S}
        cursor.execute(_PUT_OFF, {"id": entry.pk, "lease": entry.lease, **told})
        ended = cursor.fetchone()
        if ended is None:
            _came_late(entry)
            return True
        cursor.execute(_FAIL, {"receiver": entry.receiver})
        (failures,) = cursor.fetchone()
        if wait_s := max(error.after_s, probe_wait_s(failures, chance)):
            cursor.execute(_LEAVE_ALONE, {"receiver": entry.receiver, "wait_s": wait_s})
        if failures >= AWAY_AFTER:
            cursor.execute(_GIVE_UP_OTHERS, {"receiver": entry.receiver, "give_up_after_s": GIVE_UP_AFTER_S})
        return not ended[0]


def _end(entry: OutboxEntry, state: OutboxState, answer: Answer) -> bool:
    ended = _execute(_END, id=entry.pk, lease=entry.lease, state=state.value, **_kept(answer))
    if not ended:
        _came_late(entry)
    return ended


def _came_late(entry: OutboxEntry) -> None:
    logger.warning("message %s took so long that it went to somebody else, or was ended", entry.message_id)


def _kept(answer: Answer) -> dict[str, Any]:
    text = answer.text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return {"code": answer.code, "text": text[:MOST_ANSWER]}


def _execute(statement: str, **values: str | int | UUID | None) -> bool:
    """Whether the statement found a row."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return bool(cursor.rowcount)
