"""Alerts on dispatchers' sockets: as they change, in the snapshot, and when a hint gets lost."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from dispatch.alerts import actions as alerts
from dispatch.alerts import rounds
from dispatch.models import Alert, Driver, Order, OrderEvent
from tests.dispatch.story import assign
from tests.tracking.sockets.clients import dispatcher_socket
from tracking.sockets import reconciliation
from tracking.sockets.fleet_snapshots import FleetSnapshots
from tracking.sockets.process import this_process

pytestmark = pytest.mark.usefixtures("live_loop")


@pytest.fixture
def waiting(order: Order) -> Order:
    """An order that has had no driver for too long."""
    OrderEvent.objects.filter(order=order).update(created_at=timezone.now() - timedelta(minutes=6))
    return order


async def test_an_alert_is_told_as_it_fires_is_seen_and_ends(waiting: Order, driver: Driver) -> None:
    async with await dispatcher_socket() as dispatcher:
        await dispatcher.frame("ready")
        await sync_to_async(rounds.run)()
        fired = await dispatcher.frame("alert", orderId=str(waiting.pk))
        alert = await Alert.objects.aget()
        assert fired == {
            "type": "alert",
            "alertId": str(alert.pk),
            "v": 1,
            "kind": "unassigned",
            "cityId": str(waiting.city_id),
            "since": int(alert.since.timestamp() * 1000),
            "orderId": str(waiting.pk),
        }
        await sync_to_async(alerts.see)(alert.pk, "dana")
        await dispatcher.frame("alert", v=2, seenBy="dana")
        async with await dispatcher_socket() as later:
            await later.frame("ready")
            assert [one["seenBy"] for one in later.frames if one["type"] == "alert"] == ["dana"]
        await sync_to_async(assign)(waiting, driver)
        await sync_to_async(rounds.run)()
        await dispatcher.frame("alert", v=3, ended=True)
        async with await dispatcher_socket() as later:
            await later.frame("ready")
            assert "alert" not in later.types()


async def test_what_the_channel_layer_lost_is_healed(waiting: Order) -> None:
    async with await dispatcher_socket() as dispatcher:
        await dispatcher.frame("ready")
        # Past the announcements.
        alert = await Alert.objects.acreate(
            kind="unassigned",
            order=waiting,
            city_id=waiting.city_id,
            since=timezone.now(),
            fired_at=timezone.now(),
        )
        since = await reconciliation.reconcile(this_process().subscriptions, None)
        await dispatcher.frame("alert", alertId=str(alert.pk), v=1)
        await Alert.objects.aupdate(ended_at=timezone.now())
        since = await reconciliation.reconcile(this_process().subscriptions, since)
        await dispatcher.frame("alert", alertId=str(alert.pk), v=2, ended=True)
        heard = len(dispatcher.frames)
        await reconciliation.reconcile(this_process().subscriptions, since)
        assert len(dispatcher.frames) == heard


def test_alerts_are_worked_out_again_where_one_has_changed(
    waiting: Order, new_order: Callable[..., Order]
) -> None:
    shared = FleetSnapshots()
    rounds.run()

    def shown() -> dict[str | None, str]:
        items = shared.load([None])[None].items
        return {key: frame for key, _, frame in items if key is not None and key.startswith("alert:")}

    before = shown()
    assert len(before) == 1
    assert all(after is frame for after, frame in zip(shown().values(), before.values(), strict=True))
    alerts.see(Alert.objects.get().pk, "dana")
    (after,) = shown().values()
    assert '"seenBy":"dana"' in after
    assert shared.load([None]) == FleetSnapshots().load([None])
