from collections.abc import Callable
from pathlib import Path

import pytest

from routing.addresses import store
from routing.roads.addresses import FILE, write_addresses
from routing.roads.network import Network, write_pbf


@pytest.fixture
def index_of(db: None, tmp_path: Path) -> Callable[[Network | Path], None]:
    """Fills the index with what a network, or an extract, knows of addresses."""

    def fill(roads: Network | Path) -> None:
        if isinstance(roads, Network):
            write_pbf(roads, extract := tmp_path / "roads.osm.pbf")
        else:
            extract = roads
        write_addresses(extract, tmp_path / FILE)
        store.fill(tmp_path / FILE, str(extract), str(extract))

    return fill
