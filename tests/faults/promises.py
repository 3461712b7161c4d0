"""What the database must show in the end, whatever was killed on the way. Each check names what it found broken."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, Protocol

from dispatch.statuses import ARRIVAL_UNDONE, DELIVERED_AFTER_ALL, TRANSITIONS, OrderStatus
from tests.faults.clients import Frame
from tests.faults.office import DriverRow

#: LOCATION_HISTORY_EVERY
EVERY = 5

_HISTORY = """
SELECT driver_id::text, round(extract(epoch FROM recorded_at) * 1000)::bigint, lat, lng
FROM location_history WHERE driver_id = ANY(%s::uuid[]) ORDER BY id
"""
_ROWS = """
SELECT id::text, round(extract(epoch FROM fix_at) * 1000)::bigint FROM drivers WHERE id = ANY(%s::uuid[])
"""
_BY_GEOFENCE = """
SELECT e.driver_id::text, (e.evidence->>'ts')::bigint, e.to_status FROM order_events e
WHERE e.actor = 'geofence' AND e.driver_id = ANY(%s::uuid[])
"""
_EVENTS = """
SELECT e.order_id::text, e.from_status, e.to_status, o.status FROM order_events e
JOIN orders o ON o.id = e.order_id JOIN restaurants r ON r.id = o.restaurant_id
WHERE r.city_id = %s ORDER BY e.order_id, e.id
"""


class Database(Protocol):
    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]: ...


class Sender(Protocol):
    """A driver's app: all its fixes in order, and how many of them were acknowledged."""

    driver: DriverRow
    fixes: list[Frame]
    acked: int


def history_is_kept(database: Database, apps: Iterable[Sender]) -> None:
    """Nothing acknowledged is missing of what had to be kept, nothing is there twice, nothing is made up.

    To be kept: of a session's fixes at least every EVERYth, the first, the last, and those that changed a status; and
    in the driver's row the newest. For apps that have ended, and whose fixes are all good ones.
    """
    by_driver = {app.driver.id: app for app in apps}
    ids = list(by_driver)
    kept: defaultdict[str, list[int]] = defaultdict(list)
    sent = {id_: {fix["ts"]: (fix["lat"], fix["lng"]) for fix in app.fixes} for id_, app in by_driver.items()}
    for driver, ts, lat, lng in database.rows(_HISTORY, ids):
        kept[driver].append(ts)
        assert sent[driver].get(ts) == (lat, lng), f"history has a fix that driver {driver} never sent: {ts}"
    newest = dict(database.rows(_ROWS, ids))
    for driver, app in by_driver.items():
        twice = [ts for ts, times in Counter(kept[driver]).items() if times > 1]
        assert not twice, f"history has fixes of driver {driver} twice: {twice}"
        acked = [fix["ts"] for fix in app.fixes[: app.acked]]
        if not acked:
            continue
        have = set(kept[driver])
        for name, ts in (("first", acked[0]), ("last", acked[-1])):
            assert ts in have, (
                f"history lacks the {name} of {len(acked)} acked fixes of driver {driver}: {ts}"
            )
        gap = 0
        for number, ts in enumerate(acked):
            gap = 0 if ts in have else gap + 1
            assert gap < EVERY, (
                f"history lacks {gap} acked fixes in a row of driver {driver}, up to fix {number}"
            )
        assert newest[driver] >= acked[-1], f"driver {driver}'s row is older than the newest acked fix"
    for driver, ts, status in database.rows(_BY_GEOFENCE, ids):
        assert ts in kept[driver], (
            f"history lacks the fix that made an order of driver {driver} {status}: {ts}"
        )


def timelines_are_legal(database: Database, city: str) -> Counter[str]:
    """Every step of every order is one that the table allows, follows from the one before, and was taken once.

    Returns how often each status was reached.
    """
    reached: Counter[str] = Counter()
    before: dict[str, str | None] = {}
    steps: defaultdict[str, list[str]] = defaultdict(list)
    final: dict[str, str] = {}
    for order, from_status, to_status, status in database.rows(_EVENTS, city):
        step = f"order {order}: {from_status} → {to_status}"
        assert from_status == before.get(order), f"{step}, but it was {before.get(order)}"
        if from_status is None:
            assert to_status == OrderStatus.PENDING, f"{step} is no beginning"
        else:
            step_to = OrderStatus(to_status)
            is_taken_back = from_status in ARRIVAL_UNDONE.get(step_to, ())
            was_so_already = from_status in DELIVERED_AFTER_ALL.get(step_to, ())
            legal = is_taken_back or was_so_already or from_status in TRANSITIONS[step_to]
            assert legal, f"{step} is illegal"
            if is_taken_back or step_to in (OrderStatus.PENDING, OrderStatus.ASSIGNED):
                steps[order].clear()  # another driver, another try
        assert to_status not in steps[order], f"{step} twice: {steps[order]}"
        steps[order].append(to_status)
        before[order] = to_status
        final[order] = status
        reached[to_status] += 1
    for order, status in final.items():
        assert status == before[order], (
            f"order {order} is {status}, and its timeline ends with {before[order]}"
        )
    return reached
