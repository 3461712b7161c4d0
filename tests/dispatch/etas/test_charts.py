"""Where bars and lines are: pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.etas.charts import HEIGHT, TOP, chart
from dispatch.etas.prediction_log import Accuracy


def accuracy(bias_s: float, median_s: float, p80_s: float) -> Accuracy:
    return Accuracy("Denver", None, "5–10 min", 10, 5, bias_s, median_s, p80_s)


def test_bars_stand_on_zero_and_the_bias_may_lie_below() -> None:
    found = chart([("a", accuracy(60, 120, 180)), ("b", accuracy(-60, 60, 120))])
    assert found.grid == [(TOP + HEIGHT, -1), (TOP + 120, 0), (TOP + 80, 1), (TOP + 40, 2), (TOP, 3)]
    first, second = found.columns
    assert (first.p80.y, first.p80.height, first.median.height) == (TOP, 120, 80)
    assert (first.bias_y, second.bias_y) == (TOP + 80, TOP + HEIGHT)
    assert first.minutes == ("+1.0", "2.0", "3.0")
    assert second.x > first.x + found.column_width


SECONDS = st.floats(0, 7200)


@given(
    st.lists(
        st.builds(
            lambda bias, one, two: accuracy(bias, *sorted((one, two))),
            st.floats(-7200, 7200),
            SECONDS,
            SECONDS,
        ),
        min_size=1,
        max_size=24,
    )
)
def test_everything_is_on_the_chart(rows: list[Accuracy]) -> None:
    found = chart([("", row) for row in rows])
    for column in found.columns:
        assert TOP <= column.p80.y <= column.median.y <= TOP + HEIGHT
        assert column.p80.y + column.p80.height == pytest.approx(
            column.median.y + column.median.height, abs=0.11
        )
        assert TOP <= column.bias_y <= TOP + HEIGHT
        assert column.x + found.column_width <= found.width
    assert 2 <= len(found.grid) <= 9
