"""By what one goes along roads, as OSRM calls it: each profile has a data set and a server of its own."""

from typing import Literal, get_args

type Profile = Literal["car", "bicycle", "foot"]

PROFILES: tuple[Profile, ...] = get_args(Profile.__value__)


def parse_profiles(text: str) -> list[Profile]:
    """Those of a list such as "car,bicycle", in the order above.

    ValueError: one is none, or there is no car among them, which all go by who have no roads of their own.
    """
    named = {name.strip() for name in text.split(",")} - {""}
    if "car" not in named or not named <= set(PROFILES):
        raise ValueError(f"give car, and whichever else of {', '.join(PROFILES[1:])}, comma-separated")
    return [profile for profile in PROFILES if profile in named]
