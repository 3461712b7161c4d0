"""What many threads have to tell at the same moment is told once, and none of it is lost."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import UUID, uuid4

import pytest

from tests.waiting import PATIENCE_S, wait_until
from tracking.together import Together


def test_who_comes_alone_is_told_alone() -> None:
    told: list[tuple[set[UUID], set[UUID]]] = []
    together = Together(lambda orders, drivers: told.append((set(orders), set(drivers))))
    order, driver = uuid4(), uuid4()
    together([order], [])
    together([], [driver])
    assert told == [({order}, set()), (set(), {driver})]


def test_who_comes_meanwhile_is_told_together() -> None:
    told: list[set[UUID]] = []
    begun, go_on = Event(), Event()

    def tell(orders: Collection[UUID], drivers: Collection[UUID]) -> None:
        told.append(set(orders))
        begun.set()
        assert go_on.wait(PATIENCE_S)

    together = Together(tell)
    first, *others = (uuid4() for _ in range(6))
    with ThreadPoolExecutor(6) as threads:
        threads.submit(together, [first], [])
        assert begun.wait(PATIENCE_S)
        waiting = [threads.submit(together, [order], []) for order in others]
        wait_until(lambda: together._left[0] == {*others}, "all others have left what they have")
        assert not any(one.done() for one in waiting)
        go_on.set()
    assert told == [{first}, {*others}]


def test_a_failure_is_of_who_tells_and_the_next_is_told() -> None:
    told: list[set[UUID]] = []

    def tell(orders: Collection[UUID], drivers: Collection[UUID]) -> None:
        told.append(set(orders))
        if len(told) == 1:
            raise RuntimeError("broken")

    together = Together(tell)
    first, second = uuid4(), uuid4()
    with pytest.raises(RuntimeError):
        together([first], [])
    together([second], [])
    assert told == [{first}, {second}]
