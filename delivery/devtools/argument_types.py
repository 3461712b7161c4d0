"""Numbers on the command line, with their bounds; for argparse, which says the option's name as well."""

from argparse import ArgumentTypeError
from math import isfinite


def positive(text: str) -> float:
    """Above 0."""
    if (number := _number(text)) <= 0:
        raise ArgumentTypeError(f"{text} is not above 0")
    return number


def not_negative(text: str) -> float:
    if (number := _number(text)) < 0:
        raise ArgumentTypeError(f"{text} is below 0")
    return number


def count(text: str) -> int:
    """Whole, 1 or more."""
    number = _number(text)
    if number != int(number) or number < 1:
        raise ArgumentTypeError(f"{text} is no count: 1 or more, and whole")
    return int(number)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ArgumentTypeError(f"{text} is no number") from None
    if not isfinite(number):
        raise ArgumentTypeError(f"{text} is without end")
    return number
