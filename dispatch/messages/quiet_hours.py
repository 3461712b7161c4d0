"""From when to when, by the clocks of a city, nobody is woken by a text that can wait. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `begins` on, until `ends` of the same day or of the next; never the same."""

    begins: time
    ends: time
    zone: ZoneInfo

    def until(self, now: datetime) -> datetime | None:
        """When the quiet hours end that it is now; None outside of them. By what clocks show: an hour that they show
        twice is quiet twice, and what would end in an hour that they leave out ends after it.
        """
        if not self._are_at(now):
            return None
        today = now.astimezone(self.zone).date()
        ends = (
            datetime.combine(today + timedelta(days), self.ends, self.zone).replace(fold=fold).astimezone(UTC)
            for days in range(3)
            for fold in (0, 1)
        )
        return min(end for end in ends if end > now and not self._are_at(end))

    def _are_at(self, moment: datetime) -> bool:
        shown = moment.astimezone(self.zone).time()
        if self.begins < self.ends:
            return self.begins <= shown < self.ends
        return shown >= self.begins or shown < self.ends
