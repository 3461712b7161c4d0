"""Which sockets of this process are in which group. In memory, nothing awaited.

The channel layer delivers by group; reconciliation needs to know whom it would have reached here.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Any, Protocol


class Member(Protocol):
    """A consumer, of any role."""

    async def dispatch(self, message: dict[str, Any]) -> None:
        """A message to a group that it joined (tracking/sockets/broadcast.py)."""

    def lacks(self, key: str, v: int) -> bool:
        """Whether it should have been sent this version of an order or driver, and was sent an older one or none."""


class Subscriptions:
    """Group name → consumers."""

    def __init__(self) -> None:
        self._members: defaultdict[str, set[Member]] = defaultdict(set)

    def add(self, group: str, member: Member) -> None:
        self._members[group].add(member)

    def discard(self, group: str, member: Member) -> None:
        self._members[group].discard(member)
        if not self._members[group]:
            del self._members[group]

    def of(self, group: str) -> Collection[Member]:
        return self._members.get(group, ())

    def __bool__(self) -> bool:
        return bool(self._members)
