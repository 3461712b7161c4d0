"""Prometheus' text format, read back."""


def figures(text: str) -> dict[str, float]:
    """By series; one that stands there twice fails."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            assert series not in found, series
            found[series] = float(value)
    return found
