"""The steps of a build, each done once: a build that was killed goes on behind the last one that was done."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from routing.roads.disk import settle_all, write_whole
from routing.roads.progress import Progress


class Step(NamedTuple):
    """`work` is given what earlier steps have returned, by name; what it returns is kept, as JSON. It may be killed
    and done again: it leaves alone what the steps before it made, and replaces its own output.
    """

    name: str
    doing: str
    work: Callable[[dict[str, Any]], Any]


def do(steps: Sequence[Step], folder: Path, fingerprint: str, progress: Progress) -> dict[str, Any]:
    """Does what of the steps is not done yet; returns what each has returned, by name."""
    done = done_for(folder, fingerprint)
    for number, step in enumerate(steps, start=1):
        if step.name not in done:
            progress.step(number, len(steps), step.doing)
            done[step.name] = step.work(done)
            settle_all(folder)
            write_whole(_journal(folder), json.dumps({"fingerprint": fingerprint, "done": done}))
    return done


def done_for(folder: Path, fingerprint: str) -> dict[str, Any]:
    """The steps done in a folder for a build of this fingerprint; none where it is for another one."""
    try:
        journal = json.loads(_journal(folder).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return dict(journal["done"]) if journal["fingerprint"] == fingerprint else {}


def _journal(folder: Path) -> Path:
    return folder / "steps.json"
