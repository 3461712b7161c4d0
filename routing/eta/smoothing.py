"""ETAs that do not bounce."""

from math import ceil, floor


def announce(announced: int | None, new_s: float) -> int:
    """The minutes to show for an arrival in `new_s`; the same as `announced` unless that is a minute off or more.

    Rounded up at first and while the time runs down. A rise ends at the lower of the two minutes around it: one that
    overshot would be taken back by the next few seconds. So what is shown is less than a minute off (but never below
    1), and predictions within one minute of each other never make it go back.
    """
    minutes = new_s / 60
    if not announced or minutes <= announced - 1:
        return max(1, ceil(minutes))
    if minutes >= announced + 1:
        return floor(minutes)
    return announced
