"""Who of this process's sockets wants to hear of what. In memory, nothing awaited."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any, Protocol


class Member(Protocol):
    """A socket, of any role."""

    def hear(self, message: dict[str, Any]) -> None:
        """What was announced to a group that it joined (tracking/sockets/broadcast.py)."""

    def knows(self, key: str, v: int) -> bool:
        """Whether it was told of this version, or a newer one, of an order or driver."""


class Audience:
    """Group name → sockets. A group is joined only after access was checked."""

    def __init__(self) -> None:
        self._members: defaultdict[str, set[Member]] = defaultdict(set)

    def join(self, group: str, member: Member) -> None:
        self._members[group].add(member)

    def leave(self, group: str, member: Member) -> None:
        self._members[group].discard(member)
        if not self._members[group]:
            del self._members[group]

    def of(self, group: str) -> Collection[Member]:
        return self._members.get(group, ())

    def tell(self, group: str, message: dict[str, Any]) -> None:
        for member in list(self.of(group)):
            member.hear(message)

    def __bool__(self) -> bool:
        return bool(self._members)
