"""Web processes behind a proxy of deploy/ are restarted one after the other, and nobody is turned away."""

import asyncio
from contextlib import suppress
from random import Random

import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from tests.faults import length, within
from tests.faults.clients import Company, decode, open_socket, until
from tests.faults.cluster import Cluster
from tests.faults.crowd import hire
from tests.faults.office import DriverRow
from tests.faults.proxies import proxy
from tests.faults.world import DENVER

DRIVERS = length(short=20, full=200)
#: Half of the drivers are away for no longer, their app's own pause included.
AWAY_S = 1.0
PAUSE_S = (0.1, 0.5)


class Phone:
    """A driver's app that comes back at once. `away`: how long each time (seconds); `refused`: what it was told."""

    def __init__(self, url: str, driver: DriverRow, rng: Random) -> None:
        self._address = url, "role=driver", {"Authorization": f"Bearer {driver.token}"}
        self._rng = rng
        self.ready = False
        self.away: list[float] = []
        self.refused: list[str] = []

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        lost_at = loop.time()
        while True:
            try:
                async with open_socket(*self._address) as socket:
                    with suppress(ConnectionClosed):
                        while True:
                            if decode(await socket.recv())["type"] == "ready":
                                self.ready = True
                                self.away.append(loop.time() - lost_at)
                    lost_at = loop.time() if self.ready else lost_at
                    self.ready = False
            except InvalidStatus as answer:
                self.refused.append(str(answer.response.status_code))
            except (OSError, InvalidHandshake, TimeoutError) as failed:
                self.refused.append(type(failed).__name__)
            await asyncio.sleep(self._rng.uniform(*PAUSE_S))


@pytest.mark.timeout(length(short=120, full=300))
@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
async def test_rolling_restart(kind: str, cluster: Cluster, rng: Random) -> None:
    city = await asyncio.to_thread(cluster.office.city, f"Rolling {kind}", DENVER)
    drivers = await asyncio.to_thread(hire, cluster, city, DRIVERS)
    with proxy(kind, cluster) as url:
        phones = [Phone(url, driver, Random(rng.random())) for driver in drivers]
        async with Company() as company:
            for phone in phones:
                company.start(phone.run())
            await until(lambda: all(phone.ready for phone in phones), within(20), "everybody is let in")
            for phone in phones:
                phone.away.clear()
                phone.refused.clear()
            for part in ("web-1", "web-2"):
                await asyncio.to_thread(cluster.stop, part)
                cluster.start(part)
                await cluster.up(part)
                await until(lambda: all(phone.ready for phone in phones), within(20), "everybody is back")
    away = sorted(seconds for phone in phones for seconds in phone.away)
    refused = [answer for phone in phones for answer in phone.refused]
    half = away[len(away) // 2]
    print(f"{len(away)} times away, half at most {half:.2f} s, the longest {away[-1]:.2f} s")  # noqa: T201 (figures)
    assert not refused, f"{len(refused)} were turned away: {sorted(set(refused))}"
    assert half <= within(AWAY_S)
