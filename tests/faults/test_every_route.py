"""Whatever somebody who is signed in types into the address bar or a form is answered; no traceback in the log."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from urllib.parse import quote

import pytest
import requests
from django.apps import apps
from django.urls import URLPattern, URLResolver, get_resolver

from dispatch.statuses import OrderStatus
from tests.faults import length
from tests.faults.cluster import Cluster, sign_in
from tests.faults.crowd import hand_out, hire
from tests.faults.stories import KITCHEN
from tests.faults.world import DENVER

REQUESTS = length(short=400, full=20_000)
ADMIN, PASSWORD = "admin", "under-faults"
ANSWER_S = 60.0
#: The same in cookie and header: as a form of ours would send it.
CSRF = "a" * 32

VALUES = [
    *[
        "",
        " ",
        "x",
        "0",
        "-1",
        "1.5",
        "1e999",
        "9" * 30,
        "99999999999999999999",
        "null",
        "None",
        "true",
        "1,2",
    ],
    *["\x00", "a\x00b", "ü", "\ud800", "a" * 3_000, "[", "(", "\\", "'", "%", "..", "-", "<b>", "{}", "e__x"],
    *["2026-11-27", "2026-13-45", "25:61", "00000000-0000-0000-0000-000000000000"],
]
OF_THE_ADMIN = [
    *["q", "o", "p", "all", "e", "_popup", "_to_field", "_facets", "_changelist_filters", "_source_model"],
    *["app_label", "model_name", "field_name", "term", "page", "next", "action", "_selected_action", "index"],
]
OF_PAGES = ["t", "token", "hour", "weekday", "city", "late", "x"]
LOOKUPS = [
    "",
    "__exact",
    "__in",
    "__isnull",
    "__gte",
    "__lt",
    "__range",
    "__regex",
    "__icontains",
    "__year",
    "__id__exact",
]
FIELDS = sorted({field.name for app in ("dispatch", "tracking") for model in apps.get_app_config(app).get_models()
                 for field in model._meta.get_fields()})  # fmt: skip
LEAVES = ("logout", "password")


@dataclass(frozen=True)
class Typed:
    """A request. `route`: as urls.py has it."""

    route: str
    method: str
    address: str
    form: list[tuple[str, str]]


def routes(resolver: URLResolver, before: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        at = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield at
        else:
            yield from routes(pattern, at)


def typed(rng: Random, among: list[str], ids: list[str]) -> Typed:
    values = VALUES + ids * 4

    def part(found: re.Match[str]) -> str:
        match found[1]:
            case "uuid":
                return rng.choice(ids)
            case "int":
                return rng.choice(["0", "1", "15", "99999999999999999999"])
            case _:
                return quote(rng.choice(values), safe="", errors="surrogatepass") or "x"

    def fields() -> list[tuple[str, str]]:
        names = [
            rng.choice(OF_THE_ADMIN if rng.random() < 0.4 else OF_PAGES)
            if rng.random() < 0.5
            else rng.choice(FIELDS) + rng.choice(LOOKUPS)
            for _ in range(rng.choice([0, 1, 1, 2, 4]))
        ]
        return [(name, rng.choice(values)) for name in names]

    route = rng.choice(among)
    path = re.sub(r"<(?:(\w+):)?\w+>", part, re.sub(r"\(\?P<\w+>.*?\)", "<str:x>", route))
    query = fields()
    if route.endswith("autocomplete/"):
        query += [("app_label", "dispatch"), ("model_name", rng.choice(["order", "driver", "stop", *VALUES]))]
        query += [
            ("field_name", rng.choice(["driver", "restaurant", "city", *VALUES])),
            ("term", rng.choice(VALUES)),
        ]
    encoded = "&".join(f"{name}={quote(value, safe='', errors='surrogatepass')}" for name, value in query)
    method = rng.choice(["GET", "GET", "GET", "POST", "PUT"])
    return Typed(route, method, "/" + path.strip("^$") + "?" + encoded, fields() if method == "POST" else [])


@pytest.mark.timeout(length(short=120, full=1800))
def test_every_route(cluster: Cluster, rng: Random) -> None:
    city = cluster.office.city("Routes", DENVER)
    drivers = hire(cluster, city, 2)
    orders = hand_out(cluster, city, KITCHEN, drivers, OrderStatus.PICKED_UP)
    ids = [city, *(row.id for row in (*drivers, *orders))]
    cluster.office.administrator(ADMIN, PASSWORD)
    among = [route for route in routes(get_resolver()) if not any(word in route for word in LEAVES)]
    log = cluster.children["web-1"].log
    log_before = log.stat().st_size
    answers: Counter[int] = Counter()
    wrong: dict[str, str] = {}
    with requests.Session() as browser:
        browser.headers["Cookie"] = f"{sign_in(cluster, ADMIN, PASSWORD)}; csrftoken={CSRF}"
        browser.headers.update({"X-CSRFToken": CSRF, "Origin": cluster.urls[0]})
        browser.headers["Authorization"] = f"Bearer {cluster.office.api_key('Routes')}"
        for _ in range(REQUESTS):
            one = typed(rng, among, ids)
            answer = browser.request(
                one.method,
                cluster.urls[0] + one.address,
                data=[(name, value.encode(errors="surrogatepass")) for name, value in one.form],
                allow_redirects=False,
                timeout=ANSWER_S,
            )
            answers[answer.status_code] += 1
            if answer.status_code >= 500:
                wrong[f"{one.method} {one.route}"] = f"{one.address[:300]} {one.form}"
    print(dict(answers))  # noqa: T201 (shown where the test fails)
    assert not wrong
    assert answers[200] > REQUESTS // 20, "hardly anything was let in"
    said = log.read_bytes()[log_before:].decode(errors="replace")
    assert "Traceback" not in said, said[said.index("Traceback") :][:4_000]
