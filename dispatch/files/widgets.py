"""How cells are read and written. ValueError says what is wrong with one, and what to do."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import models
from django.forms.utils import from_current_timezone
from django.utils import timezone
from import_export.widgets import Widget

from dispatch.files.csv_text import quoted
from dispatch.models.items import as_lines, parse_items

_YEARS = range(2000, 2101)


class Text(Widget):
    """`choices`: what it may be, in any case; empty: whatever it likes. `nullable`: an empty cell is none at all."""

    def __init__(self, choices: Collection[str] = (), *, default: str = "", nullable: bool = False) -> None:
        super().__init__()
        self.choices, self.default, self.nullable = choices, default, nullable

    def clean(self, value: str, row: Any = None, **_: Any) -> str | None:
        if not value:
            return None if self.nullable else self.default
        if "\x00" in value:
            raise ValueError("this is no text.")
        if not self.choices:
            return value
        if (known := value.lower()) not in self.choices:
            raise ValueError(f"“{value}” is none of {', '.join(self.choices)}.")
        return known

    def render(self, value: Any, obj: Any = None, **_: Any) -> str:
        return quoted("" if value is None else str(value))


class Number(Widget):
    """A plain one is no formula, whatever its sign."""

    def __init__(self, kind: type[int] | type[float], default: float | None = None) -> None:
        super().__init__()
        self.kind, self.default = kind, default

    def clean(self, value: str, row: Any = None, **_: Any) -> float | None:
        if not value:
            return self.default
        try:
            number = self.kind(value.replace(",", "."))
            if not isfinite(number):
                raise ValueError
            return number
        except ValueError:
            raise ValueError(f"“{value}” is no {'whole ' if self.kind is int else ''}number.") from None

    def render(self, value: Any, obj: Any = None, **_: Any) -> str:
        return "" if value is None else repr(self.kind(value))


class Named(Widget):
    """Something by its name, or by its id where several have that name. `hint`: of a row, which of them it is."""

    def __init__(
        self,
        model: type[models.Model],
        *,
        needed: bool = False,
        hint: Callable[[Any, Mapping[str, str]], bool] = lambda _, __: True,
    ) -> None:
        super().__init__()
        self.model, self.needed, self.hint = model, needed, hint
        self.name = str(model._meta.verbose_name)
        self._by_text: dict[str, list[Any]] = {}

    def read(self) -> None:
        """What there is now."""
        self._by_text = {}
        rows = self.model._default_manager.all()
        if any(field.name == "city" for field in self.model._meta.fields):
            rows = rows.select_related("city")
        for one in rows:
            for text in (str(one.pk), str(one).strip().casefold()):
                self._by_text.setdefault(text, []).append(one)

    def clean(self, value: str, row: Any = None, **_: Any) -> Any:
        if not value:
            if self.needed:
                raise ValueError(f"name the {self.name}.")
            return None
        found = self._by_text.get(value.casefold(), [])
        if len(found) > 1:
            found = [one for one in found if self.hint(one, row)]
        if not found:
            raise ValueError(f"no {self.name} is called “{value}”: add it first, or correct the name.")
        if len(found) > 1:
            raise ValueError(f"{len(found)} are called “{value}”: write the id instead of the name.")
        return found[0]

    def render(self, value: Any, obj: Any = None, **_: Any) -> str:
        return "" if value is None else quoted(str(value))


class Codes(Widget):
    """Skills by their codes, with spaces between them."""

    def __init__(self, known: Callable[[], Collection[str]]) -> None:
        super().__init__()
        self.known = known

    def clean(self, value: str, row: Any = None, **_: Any) -> list[str]:
        codes = value.replace(",", " ").replace(";", " ").split()
        if unknown := sorted({*codes} - {*self.known()}):
            raise ValueError(
                f"no skill has the code “{unknown[0]}”; there are {', '.join(self.known()) or 'none'}."
            )
        return codes

    def render(self, value: Any, obj: Any = None, **_: Any) -> str:
        return quoted(" ".join(value or ()))


class Items(Widget):
    """One a line within the cell: 2 × Pad Thai."""

    def clean(self, value: str, row: Any = None, **_: Any) -> Sequence[Any]:
        return parse_items(value)

    def render(self, value: Any, obj: Any = None, **_: Any) -> str:
        return quoted(as_lines(value or ()))


class Moment(Widget):
    """With a zone, or by the clocks of a row's city (`zone`); written with one."""

    zone: Callable[[Mapping[str, str]], ZoneInfo]

    def clean(self, value: str, row: Any = None, **_: Any) -> datetime | None:
        if not value:
            return None
        try:
            typed = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(
                f"“{value}” is no time such as 2026-11-30 18:30 or 2026-11-30T18:30-07:00."
            ) from None
        if typed.year not in _YEARS:
            raise ValueError(f"“{value}”: that can’t be the year.")
        if typed.tzinfo is not None:
            return typed
        zone = self.zone(row)
        try:
            with timezone.override(zone):
                return from_current_timezone(typed)
        except ValidationError:
            raise ValueError(
                f"“{value}” comes twice or never by the clocks of {zone}: write the zone too, such as -07:00."
            ) from None

    def render(self, value: Any, obj: Any = None, **_: Any) -> str:
        if value is None:
            return ""
        city = getattr(obj, "city", None)
        zone = city.locale.zone if city else ZoneInfo("UTC")
        return str(value.astimezone(zone).isoformat(sep=" "))
