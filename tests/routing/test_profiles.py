"""Which profiles there are roads for, as an operator names them."""

import pytest

from routing.profiles import parse_profiles


@pytest.mark.parametrize(
    ("text", "profiles"),
    [
        ("car", ["car"]),
        ("bicycle, car", ["car", "bicycle"]),
        ("foot,car,bicycle,", ["car", "bicycle", "foot"]),
    ],
)
def test_they_come_in_one_order(text: str, profiles: list[str]) -> None:
    assert parse_profiles(text) == profiles


@pytest.mark.parametrize("text", ["", "bicycle", "car,horse", "car;bicycle", "Car"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="give car, and whichever else of bicycle, foot, comma-separated"):
        parse_profiles(text)
