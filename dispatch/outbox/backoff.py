"""When it is tried again. Pure: `chance` is a number from 0 to 1."""

#: An entry is tried again for so long (seconds), and then is a dead letter. An hour more than a day: a receiver that
#: was away for a day hears it all when it is back.
GIVE_UP_AFTER_S = 25 * 3600.0
#: After so many failures in a row a receiver counts as away: nothing but a probe now and then.
AWAY_AFTER = 3
#: Between two tries of one entry at a receiver that takes others (seconds).
_ENTRY_BASE_S, _ENTRY_MOST_S = 2.0, 3600.0
#: Between two probes of a receiver that is away. It hears the rest within a minute of its return.
_PROBE_BASE_S, _PROBE_MOST_S = 1.0, 30.0


def entry_wait_s(tries: int, chance: float) -> float:
    """After so many tries; full jitter, so that entries that failed together do not come back together."""
    return _full_jitter(_ENTRY_BASE_S, _ENTRY_MOST_S, tries, chance)


def probe_wait_s(failures: int, chance: float) -> float:
    """Zero for a receiver that is not taken to be away."""
    if failures < AWAY_AFTER:
        return 0.0
    return _full_jitter(_PROBE_BASE_S, _PROBE_MOST_S, failures, chance)


def _full_jitter(base_s: float, most_s: float, tries: int, chance: float) -> float:
    return chance * min(most_s, base_s * 2.0 ** min(tries, 30))
