"""Which of a driver's fixes the history keeps. Pure."""

from dataclasses import dataclass

from tracking.ingest.fix_filter import Fix


@dataclass(slots=True)
class Sampling:
    """Every so many fixes, the first of a session, those that changed something, and the last; or `all_of_them`."""

    all_of_them: bool = False

    _since_kept: int = 0
    #: The newest fix that was worth keeping but not its turn.
    _unkept: Fix | None = None

    def keeps(self, fix: Fix, every: int, *, always: bool) -> bool:
        """Whether this fix is one to keep: `every`th, or in any case."""
        newest = self._unkept is None or self._unkept.ts < fix.ts
        kept = always or self.all_of_them or self._since_kept % every == 0
        if newest:
            self._unkept = None if kept else fix
        self._since_kept += 1
        return kept

    def last(self) -> Fix | None:
        """The last fix of a session that ends, if it is not kept yet."""
        fix, self._unkept = self._unkept, None
        return fix
