"""One cluster for all fault tests; each gets it whole, and leaves nothing behind that ended by itself."""

from collections.abc import Iterator
from random import Random

import pytest

from tests.faults import FULL, SEED
from tests.faults.cluster import Cluster, running_cluster, sign_in


def pytest_report_header() -> str:
    return f"faults: {'full length' if FULL else 'short form'}, FAULTS_SEED={SEED}"


@pytest.fixture(scope="session")
def _cluster(servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("faults")) as cluster:
        yield cluster


@pytest.fixture
def cluster(_cluster: Cluster) -> Iterator[Cluster]:
    _cluster.make_whole()
    _cluster.forget_everybody()
    yield _cluster
    assert _cluster.ended() == []


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> Random:
    """The test's own source of chance, whatever ran before it."""
    print(f"FAULTS_SEED={SEED}")  # noqa: T201 (shown where the test fails)
    return Random(f"{SEED} {request.node.name}")


@pytest.fixture(scope="session")
def cookie(_cluster: Cluster) -> str:
    """A signed-in dispatcher's Cookie header."""
    _cluster.make_whole()
    return sign_in(_cluster)
