"""OSRM is killed and comes back: ETAs go on along straight lines, say so, and are exact again soon, with no hand."""

import asyncio
from random import Random

import pytest

from tests.faults import within
from tests.faults.clients import Company, until
from tests.faults.cluster import Cluster
from tests.faults.scene import START, set_scene

#: One cycle of ETAs, on a busy machine.
CYCLE_S = within(10.0)
EXACT_AGAIN_S = within(15.0)
SETTLED_S = 60.0


@pytest.mark.timeout(150)
async def test_etas_without_roads(cluster: Cluster, cookie: str, rng: Random) -> None:
    loop = asyncio.get_running_loop()
    async with Company() as company:
        scene = await set_scene(cluster, company, cookie, rng, [START, START])
        driving = [scene.drive(delivery.app, 1.0) for delivery in scene.deliveries]
        customers = [each for delivery in scene.deliveries for each in delivery.customers]

        async def all_show(approximate: bool, seconds: float, what: str) -> None:
            def shown() -> bool:
                etas = [each.view.known.get("eta", {}) for each in customers]
                return all(
                    eta.get("minutes") and eta.get("approximate", False) is approximate for eta in etas
                )

            await until(shown, seconds, what)

        # Not measured: what the tests before left the one worker to do comes first.
        await all_show(False, SETTLED_S, "ETAs by the roads")
        with cluster.without("osrm"):
            await asyncio.to_thread(cluster.office.ask_for_a_cycle)
            await all_show(True, CYCLE_S, "ETAs along straight lines, marked as that")
        back_at = loop.time()
        await cluster.up("osrm")
        await all_show(
            False,
            EXACT_AGAIN_S - (loop.time() - back_at),
            "ETAs are exact again within 15 s of the roads' return",
        )
        await company.stop(*driving)
        await scene.close()
