"""Every choice the planner leaves to the operator, with its default."""

from dataclasses import dataclass, field

from routing.errors import BadRequest
from routing.planner.objective import Objective


@dataclass(frozen=True, slots=True)
class Settings:
    """docs/planning.md explains each.

    most_on_board: orders in one bag at once; 1 turns bundling off.
    food_wait_s: how much longer than straight from restaurant to door a bundled order may be on board; math.inf: so
    long as it takes, even if that makes a customer late.
    handover: the share of the time at a visit that passes before the food changes hands (the rest is walking back).
    divert: whether a driver may be turned away from the leg under way.
    reassign_gain_s: what taking an order from a driver who knows of it has to gain, in the objective's seconds.
    other_city_gain_s: the same for a driver of another city.
    rounds: of improvement at most; time_limit_s: no round begins after it. The same input and seed give the same
    plan as long as the rounds end within the time limit.
    """

    objective: Objective = field(default_factory=Objective)
    most_on_board: int = 3
    food_wait_s: float = 480.0
    handover: float = 1.0
    divert: bool = False
    reassign_gain_s: float = 180.0
    other_city_gain_s: float = 600.0
    rounds: int = 100
    time_limit_s: float = 1.5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.most_on_board < 1:
            raise BadRequest("most_on_board must be at least 1 (which turns bundling off).")
        if not 0 <= self.handover <= 1:
            raise BadRequest("handover is a share: 0 to 1.")
        if min(self.objective.door, self.objective.late, self.objective.stale, self.objective.work) < 0:
            raise BadRequest("The objective's weights must not be negative.")
