"""The alerts of docs/operations.md in Prometheus' own tool: read out of the page, and run on series that stand for a
fault each, and on healthy ones.
"""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from prometheus_client import REGISTRY, generate_latest

import delivery.metrics.tasks  # noqa: F401 (its figures are among them)
from delivery.devtools.stack.programs import system_program
from delivery.settings import BASE_DIR
from dispatch.metrics import ROUND_SECONDS
from dispatch.webhooks import consumer
from routing import errors
from tests.exposition import figures

pytestmark = pytest.mark.slow

#: A sample a minute, for so many minutes; looked at when the last one is in.
MINUTES = 120
DURATIONS = {"a minute": "1m", "five minutes": "5m", "an hour": "1h"}
WEB, WORKER = "web-1:8000", "worker-1:9101"


@dataclass(frozen=True)
class Alert:
    name: str
    expr: str
    lasts: str

    def rule(self) -> dict[str, str]:
        return {"alert": self.name, "expr": self.expr, "for": self.lasts}


@cache
def alerts() -> list[Alert]:
    """The rows of the page's table."""
    page = (BASE_DIR / "docs/operations.md").read_text()
    section = page.split("## What should wake somebody\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \| ", section, re.MULTILINE)
    assert len(rows) == section.count("\n| ") - 1, "each row but the head begins with its expression"
    return [alert(f"row {n}", row.replace(r"\|", "|")) for n, row in enumerate(rows, 1)]


def alert(name: str, when: str) -> Alert:
    read = re.fullmatch(r"`([^`]+)`((?: or `[^`]+`)*)(?: for (.+))?", when)
    assert read, when
    first, others, lasts = read.groups()
    return Alert(name, first + others.replace("`", ""), DURATIONS[lasts] if lasts else "0s")


# ---------------------------------------------------------------------------------------------------- series


def series(name: str, instance: str, **labels: str) -> str:
    """As Prometheus has it: what a process shows, and where."""
    pairs = {"instance": instance, "job": "doorstep"} | labels
    return name + "{" + ",".join(f'{label}="{value}"' for label, value in pairs.items()) + "}"


def rounds(seconds: float) -> dict[str, str]:
    """The histogram of a worker whose every round of ETAs takes so long, two of them a minute."""
    ROUND_SECONDS.labels("refresh_etas")
    shown = figures(generate_latest(REGISTRY).decode())
    bounds = [
        read[1]
        for one in shown
        if (read := re.fullmatch(r'doorstep_round_seconds_bucket\{le="(.+)",task="refresh_etas"\}', one))
    ]
    return {
        series("doorstep_round_seconds_bucket", WORKER, le=le, task="refresh_etas"): (
            "0+2" if seconds <= float(le) else "0+0"
        )
        + f"x{MINUTES}"
        for le in bounds
    }


def always(value: float | str) -> str:
    return f"{value}+0x{MINUTES}"


def then(before: str, minutes: int, after: str) -> str:
    """`after`, once `before` was for so many minutes less than all."""
    return f"{before}x{MINUTES - minutes} {after}x{minutes - 1}"


AGE, WAITING, TASKS, OSRM = (
    "doorstep_job_age_seconds",
    "doorstep_tasks_waiting",
    "doorstep_tasks_total",
    "doorstep_osrm_requests_total",
)
ETA_AGE = series(AGE, WEB, task="refresh_etas")
ASSIGN_AGE = series(AGE, WEB, task="assign_pending")
DAYS_AGE = series(AGE, WEB, task="keep_history_partitions")
LESSON_AGE = series(AGE, WEB, task="learn_etas")
AHEAD = series("doorstep_history_partitions_ahead", WEB)
QUEUE = series(WAITING, WEB, queue="celery")
OUTBOX = series("doorstep_outbox_oldest_seconds", WEB, kind="webhook")
FAILED = series(TASKS, WORKER, outcome="failed", task="sweep")
OSRM_AWAY = series(OSRM, WORKER, outcome="routing_unavailable", service="route")
FIXES = [series("doorstep_fixes_waiting", f"web-{n}:8000") for n in (1, 2)]
POOL_ERRORS = series("doorstep_database_pool_errors_total", WEB)
UP = [series("up", instance) for instance in (WEB, WORKER, "beat:9102")]

#: At the edge of what is healthy still: a round that just fits, a burst of tasks, an OSRM that one question did not
#: reach, and each job's first round, before the end of which its age is infinite (of the lesson, half an hour).
HEALTHY: Mapping[str, str] = (
    dict.fromkeys(UP, always(1))
    | {
        ETA_AGE: then("45+0", 1, "+Inf+0"),
        ASSIGN_AGE: then("290+0", 1, "+Inf+0"),
        DAYS_AGE: then("3700+0", 1, "+Inf+0"),
        LESSON_AGE: then("88000+0", 31, "+Inf+0"),
        AHEAD: always(6),
        QUEUE: then("3+0", 4, "900+0"),
        OUTBOX: then("2+0", 4, "700+60"),
        FAILED: always(0),
        series(TASKS, WORKER, outcome="done", task="sweep"): f"0+1x{MINUTES}",
        series(OSRM, WORKER, outcome="ok", service="route"): f"0+90x{MINUTES}",
        OSRM_AWAY: then("0+0", 3, "1+0"),
        POOL_ERRORS: always(0),
    }
    | dict.fromkeys(FIXES, always(4900))
    | rounds(24)
)


@dataclass(frozen=True)
class Fault:
    """`of` is part of the expression that is to fire, with these labels, where series differ from healthy ones
    (None: one is not shown any longer).
    """

    of: str
    differ: Mapping[str, str | None]
    fires: Sequence[dict[str, str]] = field(default_factory=lambda: [{}])


def on(instance: str, **labels: str) -> dict[str, str]:
    return {"instance": instance, "job": "doorstep"} | labels


AGES = (ETA_AGE, ASSIGN_AGE, DAYS_AGE, LESSON_AGE)
FAULTS = {
    "a worker does not answer": Fault("up{", {UP[1]: then("1+0", 3, "0+0")}, [on(WORKER)]),
    "PostgreSQL is away": Fault("absent(", dict.fromkeys((*AGES, AHEAD)), [{}]),
    "Redis is away": Fault("absent(", {QUEUE: None}, [{}]),
    "no round of ETAs": Fault("assign_pending", {ETA_AGE: f"301+60x{MINUTES}"}, [{"task": "refresh_etas"}]),
    "no ETAs since the beginning": Fault(
        "assign_pending", {ETA_AGE: always("+Inf")}, [{"task": "refresh_etas"}]
    ),
    "no round of assignment": Fault(
        "assign_pending", {ASSIGN_AGE: f"301+60x{MINUTES}"}, [{"task": "assign_pending"}]
    ),
    "no days are made": Fault(
        "keep_history_partitions", {DAYS_AGE: always(10_900)}, [{"task": "keep_history_partitions"}]
    ),
    "no lesson": Fault("learn_etas", {LESSON_AGE: always(100_100)}, [{"task": "learn_etas"}]),
    "two days left": Fault("partitions_ahead", {AHEAD: then("3+0", 2, "2+0")}),
    "the queue grows": Fault("tasks_waiting) >", {QUEUE: f"0+20x{MINUTES}"}),
    "nobody takes what is sent": Fault("outbox_oldest", {OUTBOX: f"0+60x{MINUTES}"}),
    "a task fails": Fault(
        "failed", {FAILED: then("0+0", 5, "1+0")}, [on(WORKER, outcome="failed", task="sweep")]
    ),
    "OSRM is away": Fault(
        "routing_unavailable",
        {OSRM_AWAY: then("0+0", 15, "1+2")},
        [on(WORKER, outcome="routing_unavailable", service="route")],
    ),
    "rounds of ETAs hardly fit": Fault("round_seconds", rounds(26), [on(WORKER, task="refresh_etas")]),
    "fixes wait": Fault("fixes_waiting", {FIXES[0]: then("4900+0", 3, "5200+0")}),
    "no connection to be had": Fault("pool_errors", {POOL_ERRORS: then("0+0", 3, "2+0")}, [on(WEB)]),
}


# ----------------------------------------------------------------------------------------------------- tests


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = system_program("Prometheus", "promtool", package="prometheus")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def run_on(shown: Mapping[str, str], firing: Mapping[str, Sequence[dict[str, str]]], folder: Path) -> None:
    """That these alerts fire on the series, by name, and no others do."""
    rules = {"groups": [{"name": "doorstep", "rules": [one.rule() for one in alerts()]}]}
    (folder / "rules.yml").write_text(json.dumps(rules))  # JSON is YAML
    expected = [
        {
            "eval_time": f"{MINUTES}m",
            "alertname": one.name,
            "exp_alerts": [{"exp_labels": labels} for labels in firing.get(one.name, [])],
        }
        for one in alerts()
    ]
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in shown.items()],
                "alert_rule_test": expected,
            }
        ],
    }
    (folder / "test.yml").write_text(json.dumps(test))
    checked = promtool("check", "rules", folder / "rules.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    run = promtool("test", "rules", folder / "test.yml")
    assert run.returncode == 0, run.stdout + run.stderr


def test_nothing_fires_where_all_is_well(tmp_path: Path) -> None:
    run_on(HEALTHY, {}, tmp_path)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_makes_its_alert_fire_and_no_other(name: str, tmp_path: Path) -> None:
    fault = FAULTS[name]
    [meant] = [one for one in alerts() if fault.of in one.expr]
    shown = {name: values for name, values in (HEALTHY | fault.differ).items() if values is not None}
    run_on(shown, {meant.name: fault.fires}, tmp_path)


def test_each_alert_has_its_fault() -> None:
    silent = [one.expr for one in alerts() if not any(fault.of in one.expr for fault in FAULTS.values())]
    assert not silent


@pytest.mark.django_db(transaction=True)
def test_alerts_ask_for_what_is_shown(client: Client, settings: Any) -> None:
    """By family, label and value; and the series of these tests are such as well."""
    settings.METRICS_TOKEN = "sesame"
    answer = client.get("/metrics", headers={"Authorization": "Bearer sesame"}).content.decode()
    families = set(re.findall(r"^# TYPE (doorstep_\w+)", answer, re.MULTILINE))
    for one in alerts():
        names = re.findall(r"doorstep_\w+", one.expr)
        assert {name.removesuffix("_bucket") for name in names} <= families, one.expr
    selected = [
        (name, label, value)
        for text in [*(one.expr for one in alerts()), *HEALTHY]
        for name, selector in re.findall(r"(doorstep_\w+)\{(.*?)\}", text)
        for label, values in re.findall(r'(\w+)=~?"(.*?)"', selector)
        for value in values.split("|")
        if label not in ("instance", "job")
    ]
    assert selected
    tasks = {entry["task"].rpartition(".")[2] for entry in django_settings.CELERY_BEAT_SCHEDULE.values()}
    values = {
        "task": tasks,
        "outcome": {"done", "failed", "expired", "ok", *(error.code for error in routing_errors())},
        "queue": {"celery"},
        "kind": {consumer.KIND},
        "service": {"route", "table"},
    }
    for name, label, value in selected:
        assert label in labels_of(name), (name, label)
        assert label == "le" or value in values[label], (name, label, value)


#: Of those that a web process asks others for (delivery/metrics/shared.py).
ASKED = {
    AGE: {"task"},
    WAITING: {"queue"},
    "doorstep_history_partitions_ahead": set(),
    "doorstep_outbox_oldest_seconds": {"kind"},
}


def labels_of(name: str) -> set[str]:
    if name in ASKED:
        return ASKED[name]
    collector: Any = REGISTRY._names_to_collectors[name]
    return {*collector._labelnames} | ({"le"} if name.endswith("_bucket") else set())


def routing_errors() -> list[type[errors.RoutingError]]:
    return [
        one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.RoutingError)
    ]
