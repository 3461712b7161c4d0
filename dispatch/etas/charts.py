"""Where things are on the charts of ETAs' errors (templates/admin/dispatch/etaprediction/chart.html)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

from dispatch.etas.prediction_log import Accuracy

#: Of an SVG, in its own units.
COLUMN, GAP, LEFT = 44, 12, 36
TOP, HEIGHT, LABELS = 10, 160, 26


@dataclass(frozen=True)
class Bar:
    y: float
    height: float


@dataclass(frozen=True)
class Column:
    """`median`, `p80`: bars from 0 on; `bias_y`: where the bias's line is."""

    label: str
    row: Accuracy
    x: float
    median: Bar
    p80: Bar
    bias_y: float

    @property
    def minutes(self) -> tuple[str, str, str]:
        """Bias, median and 80th percentile."""
        row = self.row
        return f"{row.bias_s / 60:+.1f}", f"{row.median_s / 60:.1f}", f"{row.p80_s / 60:.1f}"


@dataclass(frozen=True)
class Chart:
    """`grid`: (y, minutes)."""

    width: int
    height: int
    left: int
    labels_y: float
    column_width: int
    columns: Sequence[Column]
    grid: Sequence[tuple[float, int]]


def chart(rows: Sequence[tuple[str, Accuracy]]) -> Chart:
    """A column for each labelled row, on one scale of whole minutes that has room for all of them and for 0."""
    highest = max(1, ceil(max(max(row.p80_s, row.bias_s) for _, row in rows) / 60))
    lowest = min(0, floor(min(row.bias_s for _, row in rows) / 60))

    def y(seconds: float) -> float:
        return round(TOP + HEIGHT * (highest - seconds / 60) / (highest - lowest), 1)

    def bar(seconds: float) -> Bar:
        return Bar(y(seconds), round(y(0) - y(seconds), 1))

    step = max(1, ceil((highest - lowest) / 6))
    marks = sorted({*range(0, highest + 1, step), *range(0, lowest - 1, -step)})
    return Chart(
        LEFT + len(rows) * (COLUMN + GAP) + GAP,
        TOP + HEIGHT + LABELS,
        LEFT,
        TOP + HEIGHT + LABELS - 8,
        COLUMN,
        [
            Column(
                label, row, LEFT + GAP + n * (COLUMN + GAP), bar(row.median_s), bar(row.p80_s), y(row.bias_s)
            )
            for n, (label, row) in enumerate(rows)
        ],
        [(y(60.0 * mark), mark) for mark in marks],
    )
