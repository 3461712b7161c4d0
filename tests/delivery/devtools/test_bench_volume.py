"""`make bench-volume`: its table, and a little of everything that it measures."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from django.core.management import CommandError, call_command
from msgspec.structs import replace

from delivery.devtools.bench import volume_page
from delivery.devtools.bench.page import Machine
from delivery.devtools.bench.volume_page import Findings, Lesson, Reading, Round, VolumeBench
from delivery.devtools.volume import fill, measures
from dispatch.etas import learning
from dispatch.models import City, Driver, Order, Stop
from tracking.ingest import partitions
from tracking.models import LocationHistory

MACHINE = Machine("2030-01-02 03:04 UTC", 0.01, "A CPU", 2, 4.0, "Linux 6", "3.13.0", {"django": "6.1"})
ORDERS, FIXES, UNDER_WAY = 2 * fill.COURIERS, 2 * fill.COURIERS, 5


@pytest.fixture
def found() -> Findings:
    return Findings(
        orders=1_000_000,
        fixes=5_000_000,
        readings=[Reading("orders: the list", 0.0512, 10_100, ["orders_newest"])],
        rounds=[Round(2000, 1900, 2, 4.0), Round(2001, 1900, 2, 5.26)],
        lesson=Lesson(61.0, 123.4, 56),
    )


def row(found: Findings, name: str) -> list[str]:
    lines = volume_page.table(VolumeBench(MACHINE, found)).splitlines()
    [line] = [line for line in lines if line.startswith(f"| {name}")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_figures_come_from_the_findings(found: Findings) -> None:
    assert row(found, "orders: the list") == ["51 ms", "10,100", "orders_newest", "< 300 ms", "✓"]
    etas = row(found, "ETAs of 2,001 orders on 1,900 drivers, the slowest of 2")
    assert etas == ["5.3 s on 2 processes", "", "", "≤ 10 s", "✓"]
    lesson = row(found, "the nightly lesson of 1,000,000 orders")
    assert lesson == ["123 MB at most, 61 s", "", "", "< 200 MB", "✓"]
    assert "A CPU, 2 cores" in volume_page.table(VolumeBench(MACHINE, found))


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (lambda f: replace(f, readings=[Reading("orders", 0.3, 0, [])]), "orders"),
        (lambda f: replace(f, rounds=[Round(1, 1, 1, 1.0), Round(1, 1, 1, 10.1)]), "ETAs"),
        (lambda f: replace(f, lesson=Lesson(1.0, 200.0, 56)), "the nightly lesson"),
    ],
)
def test_a_goal_that_was_missed(found: Findings, spoil: Callable[[Findings], Findings], name: str) -> None:
    assert row(spoil(found), name)[-1] == "✗"


def test_results_survive_json(found: Findings) -> None:
    assert msgspec.json.decode(msgspec.json.encode(found), type=Findings) == found


@pytest.mark.django_db(transaction=True)
def test_a_little_of_all_that_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill, "UNASKED", 10)  # each is a question to OSRM
    try:
        fill.fill(ORDERS, FIXES, UNDER_WAY)
        assert Order.objects.filter(status="delivered").count() == ORDERS
        assert Stop.objects.filter(done_at=None).count() == 2 * UNDER_WAY
        assert LocationHistory.objects.count() == FIXES
        assert Driver.objects.count() == fill.DRIVERS
        readings = [measures.reading(what, read) for what, read in [*measures.pages(), *measures.planning()]]
        assert all(one.seconds > 0 for one in readings)
        assert any("orders_words" in one.ways for one in readings)
        assert learning.learn().pickups == ORDERS
    finally:
        partitions.drop_partitions(partitions.today(), force=True)


@pytest.mark.django_db
@pytest.mark.parametrize("sizes", [["--orders", "10"], ["--fixes", "10"], ["--under-way", "20000"]])
def test_too_few_rows_are_refused(sizes: list[str], tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="orders and fixes"):
        call_command("volume", *sizes, "--json", tmp_path / "out.json")


@pytest.mark.django_db
def test_a_database_that_is_used_stays_as_it_is(city: City, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="not empty"):
        call_command("volume", "--json", tmp_path / "out.json")
    assert not Driver.objects.exists()
