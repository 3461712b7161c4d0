"""What jobs and planner take, and what is sent, for Prometheus (delivery/metrics/ shows it)."""

from prometheus_client import Counter, Histogram

ROUND_SECONDS = Histogram(
    "doorstep_round_seconds",
    "How long a round of a job took that did its work; those that left it to another worker are not among them.",
    ["task"],
    # 25: what wakes somebody (docs/operations.md) must be a bound, or rounds of 21 s pass for 29.
    buckets=(0.1, 0.5, 1, 2, 5, 10, 20, 25, 30, 60, 120, 600, 1800),
)
PLANNER_SECONDS = Histogram(
    "doorstep_planner_seconds",
    "How long the planner took, by what it was asked (routing/planner).",
    ["question"],
    buckets=(0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
OUTBOX_SENDS = Counter(
    "doorstep_outbox_sends",
    "Tries to send a message, by its kind and what came of it: sent, later, dead, dropped.",
    ["kind", "outcome"],
)
