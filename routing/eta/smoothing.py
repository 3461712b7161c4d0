"""ETAs that do not bounce."""

from math import ceil


def announce(announced: int | None, new_s: float) -> int:
    """The minutes to show for an arrival in `new_s`, rounded up; the same as `announced` unless that is a minute off
    or more.

    So what is shown is less than a minute off (but never below 1), and predictions within one minute of each other
    change it at most twice, the second time back by one: what a rise was rounded up by may be gone at once.
    """
    minutes = new_s / 60
    if announced and announced - 1 < minutes < announced + 1:
        return announced
    return max(1, ceil(minutes))
