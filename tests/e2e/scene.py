"""What the browser tests have done in the domain, by the clerk (tests/clerk.py)."""

from contextlib import suppress
from datetime import timedelta
from itertools import chain, repeat
from uuid import UUID

from django.utils import timezone

from dispatch import api_keys
from dispatch.errors import InConflict
from dispatch.models import (
    AlertKind,
    City,
    Driver,
    Order,
    OrderEvent,
    OutboxEntry,
    Restaurant,
    Shift,
    Stop,
    User,
)
from dispatch.orders import actions, breaks, buttons, geofence_actions
from dispatch.planning import replanning, visiting_order
from dispatch.statuses import FINAL, StopKind
from dispatch.webhooks import endpoints, payloads
from routing.geo import destination, distance_m

NAMES = (
    "Maya Lindqvist",
    "Jonas Whitlock",
    "Priya Raman",
    "Tomás Devane",
    "Ada Moreau",
    "Felix Okafor",
    "Lucía Ortega",
)
PHONE = "+1 303 555 0100"


def drivers_at_work() -> None:
    """In Denver two drivers stay free; the others carry one order or two, and every other one has picked up. No city
    wants alerts: most of the drivers and orders that come later are left to themselves.
    """
    City.objects.update(**{f"{kind}_alert_minutes": 0 for kind in AlertKind})
    kitchens = _kitchens()
    names = chain(NAMES, repeat("Sam Taylor"))
    for n, driver in enumerate(Driver.objects.filter(city__name="Denver").order_by("name")[2:]):
        for k in range(1 + n % 2):
            kitchen, door = kitchens[(3 * n + k) % len(kitchens)], kitchens[(3 * n + k + 5) % len(kitchens)]
            order = _order(kitchen, door, next(names))
            actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
            if n % 2:
                buttons.report(driver.pk, order.pk, "picked_up")


def new_order(name: str) -> list[str]:
    """Id and tracking token of an order that just came in."""
    kitchen, *_, door = _kitchens()
    order = _order(kitchen, door, name)
    return [str(order.pk), order.tracking_token]


def late_order(name: str, driver_name: str) -> str:
    """The id of an order whose time is over, with a new driver who is at the far end of downtown."""
    kitchen, *_, door = _kitchens()
    order = _order(kitchen, door, name)
    Order.objects.filter(pk=order.pk).update(promised_at=timezone.now())
    farthest = max(_kitchens(), key=lambda other: distance_m(other.point, kitchen.point))
    driver = _driver(driver_name, farthest)
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    return str(order.pk)


def later(name: str) -> list[str]:
    """Id and tracking token of an order for tomorrow."""
    kitchen, *_, door = _kitchens()
    order = actions.create_order(
        kitchen.pk,
        customer_name=name,
        customer_address=door.address,
        customer_lat=door.lat,
        customer_lng=door.lng,
        wanted_at=timezone.now() + timedelta(days=1),
        items=[{"count": 2, "text": "Pad Thai"}],
        door_note="Code 4711",
    )
    return [str(order.pk), order.tracking_token]


def picky(name: str, driver_name: str) -> tuple[str, str]:
    """The ids of an order with beer, and of a new driver with a bicycle and a hot bag who begins a break."""
    kitchen, *_, door = _kitchens()
    order = _order(kitchen, door, name)
    Order.objects.filter(pk=order.pk).update(needs=["alcohol"])
    driver = _driver(driver_name, kitchen)
    driver.vehicle, driver.skills = "bicycle", ["hot_bag"]
    actions.change_driver(driver)
    breaks.begin(driver.pk, 25)
    return str(order.pk), str(driver.pk)


def off_the_roads(name: str, driver_name: str) -> str:
    """The id of an order for a field far from any street, in the bag of a new driver."""
    kitchen = _kitchens()[0]
    order = _order(kitchen, kitchen, name)
    field = destination(kitchen.point, 90, 9_000)
    Order.objects.filter(pk=order.pk).update(customer_lat=field.lat, customer_lng=field.lng)
    driver = _driver(driver_name, kitchen)
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    buttons.report(driver.pk, order.pk, "picked_up")
    return str(order.pk)


def trip(driver_name: str) -> str:
    """The id of a new driver with three orders in the bag, for doors along the way."""
    kitchens = _kitchens()
    start, *doors = sorted(kitchens, key=lambda kitchen: kitchen.lng)[:4]
    driver = _driver(driver_name, start)
    for number, door in enumerate(doors, start=1):
        order = _order(start, door, f"Customer {number}")
        actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
        buttons.report(driver.pk, order.pk, "picked_up")
    replanning.replan(driver.pk)  # at once: what the page shows now stays
    return str(driver.pk)


def pinned_trip(driver_name: str) -> tuple[str, str]:
    """Ids of a new driver with two orders to pick up, in an order that a dispatcher pinned, and of the second one."""
    kitchens = _kitchens()
    start, *doors = sorted(kitchens, key=lambda kitchen: kitchen.lng)[:3]
    driver = _driver(driver_name, start)
    orders = [_order(start, door, f"{driver_name}’s {n}") for n, door in enumerate(doors, start=1)]
    for order in orders:
        actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    first, second = orders
    visiting_order.rearrange(
        driver.pk,
        [
            visiting_order.Wish(order.pk, kind, pinned=kind == StopKind.PICKUP)
            for kind in (StopKind.PICKUP, StopKind.DROPOFF)
            for order in (second, first)
        ],
    )
    return str(driver.pk), str(second.pk)


def ends_the_shift(driver_name: str) -> str:
    """The id of a driver who ends the shift with an order on board and another one to pick up."""
    kitchens = _kitchens()
    driver = _driver(driver_name, kitchens[0])
    for number in (1, 2):
        order = _order(kitchens[0], kitchens[number], f"{driver_name}’s {number}")
        actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
        if number == 1:
            buttons.report(driver.pk, order.pk, "picked_up")
    actions.set_shift(driver.pk, on=False)
    return str(driver.pk)


def in_conflict(name: str, driver_name: str) -> str:
    """The id of an order that a driver says to have delivered ten minutes ago, and that was cancelled since."""
    kitchen, *_, door = _kitchens()
    order = _order(kitchen, door, name)
    driver = _driver(driver_name, kitchen)
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    other = _driver(f"{driver_name} too", kitchen)
    actions.assign(order.pk, other.pk, actor=actions.dispatcher("dana"))
    with suppress(InConflict):
        pressed_at = timezone.now() - timedelta(minutes=10)
        buttons.report(driver.pk, order.pk, "delivered", happened_at=pressed_at)
    return str(order.pk)


def gone(driver_id: str) -> None:
    """What the driver had is over."""
    for order in Order.objects.filter(driver=driver_id):
        actions.cancel(order.pk, actor=actions.dispatcher("dana"), reason="The test is over.", dispose=True)


def deliver_first(driver_id: str) -> None:
    """The driver's first stop is a dropoff; it is done."""
    stop = Stop.objects.plans_of([driver_id])[0]
    buttons.report(stop.driver_id, stop.order_id, "delivered")


def leave(order_id: str, name: str, at_the_door: bool) -> str:
    """The token of a new driver, who got the order and left the restaurant, or the door, without a button."""
    order = Order.objects.get(pk=order_id)
    driver = Driver.objects.create(name=name, phone=PHONE, city=order.restaurant.city)
    actions.set_shift(driver.pk, True)
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    if at_the_door:
        buttons.report(driver.pk, order.pk, "picked_up")
    stop = order.stops.get(kind="dropoff" if at_the_door else "pickup").pk
    now = timezone.now()
    geofence_actions.arrive(
        driver.pk, [stop], happened_at=now - timedelta(minutes=3), evidence={"rule": "slow"}
    )
    geofence_actions.leave(driver.pk, [stop], happened_at=now - timedelta(minutes=1), evidence={"stay_s": 90})
    return actions.issue_token(driver.pk)


def come_back(order_id: str) -> None:
    stop = Stop.objects.get(order=order_id, kind="dropoff")
    geofence_actions.arrive(stop.driver_id, [stop.pk], happened_at=timezone.now(), evidence={"rule": "slow"})


def leave_again(order_id: str) -> None:
    stop = Stop.objects.get(order=order_id, kind="dropoff")
    geofence_actions.leave(stop.driver_id, [stop.pk], happened_at=timezone.now(), evidence={"stay_s": 90})


def set_off(order_id: str, name: str) -> str:
    """The token of a new driver, who is on the way to pick the order up: planned at once."""
    order = Order.objects.get(pk=order_id)
    kitchen = order.restaurant
    start = min(_kitchens(), key=lambda other: (other == kitchen, distance_m(other.point, kitchen.point)))
    driver = _driver(name, start)
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    pickup = order.stops.get(kind="pickup").pk
    geofence_actions.set_out(driver.pk, [pickup], happened_at=timezone.now(), evidence={})
    replanning.replan(driver.pk)
    return actions.issue_token(driver.pk)


def report(order_id: str, status: str) -> None:
    """The driver's button."""
    order = Order.objects.get(pk=order_id)
    assert order.driver_id is not None
    buttons.report(order.driver_id, order.pk, status)
    replanning.replan(order.driver_id)


def call_off(order_id: str) -> None:
    actions.cancel(UUID(order_id), actor=actions.dispatcher("Dana"), reason="spilled")


def gone_from_the_door(order_id: str) -> None:
    """The driver was there and left without a button."""
    come_back(order_id)
    leave_again(order_id)


def trouble() -> int:
    """In Boulder, where alerts are wanted, everything goes wrong at once. Returns how many alerts that is."""
    city = City.objects.get(name="Boulder")
    for kind in AlertKind:
        setattr(city, f"{kind}_alert_minutes", 5)
    city.save()
    kitchen, *_, door = _kitchens("Boulder")
    now = timezone.now()

    def carried(name: str, driver_name: str) -> Order:
        order = _order(kitchen, door, name)
        actions.assign(order.pk, _driver(driver_name, kitchen).pk, actor=actions.SYSTEM)
        return order

    neglect(_order(kitchen, door, "Nora Quill").pk)
    idle = carried("Ivo Brandt", "Mateo Ruiz")
    OrderEvent.objects.filter(order=idle, to_status="assigned").update(created_at=now - timedelta(minutes=8))
    waiting = carried("Lena Osei", "Ana Vogel").stops.get(kind="pickup")
    arrived = now - timedelta(minutes=21)
    geofence_actions.arrive(waiting.driver_id, [waiting.pk], happened_at=arrived, evidence={"rule": "slow"})
    silent = carried("Pia Novak", "Jonas Whitlock").stops.get(kind="dropoff")
    buttons.report(silent.driver_id, silent.order_id, "picked_up")
    Driver.objects.filter(pk=silent.driver_id).update(last_seen_at=now - timedelta(minutes=7))
    last = carried("Omar Haddad", "Celia Park").stops.get(kind="dropoff")
    begin, end = now - timedelta(hours=4), now + timedelta(minutes=1)
    Shift.objects.create(driver=last.driver, city=city, starts_at=begin, ends_at=end)
    return 5


def neglect(order_id: str | UUID) -> None:
    """Nobody has looked for a driver for a while."""
    long_ago = timezone.now() - timedelta(minutes=11)
    OrderEvent.objects.filter(order=order_id).update(created_at=long_ago)


def neglected_in_boulder(name: str) -> None:
    kitchen, *_, door = _kitchens("Boulder")
    neglect(_order(kitchen, door, name).pk)


def no_more_alerts() -> None:
    City.objects.update(**{f"{kind}_alert_minutes": 0 for kind in AlertKind})


def everybody_in_boulder_is_served() -> None:
    """Whoever was in trouble there is gone."""
    for order in Order.objects.filter(restaurant__city__name="Boulder").exclude(status__in=FINAL):
        actions.cancel(order.pk, actor=actions.dispatcher("Dana"), reason="the day is over", dispose=True)
    for driver in Driver.objects.filter(city__name="Boulder", on_shift=True, simulated=False):
        actions.set_shift(driver.pk, False)


def _kitchens(city: str = "Denver") -> list[Restaurant]:
    return list(Restaurant.objects.filter(city__name=city).order_by("name"))


def _driver(name: str, at: Restaurant) -> Driver:
    """On shift, at a restaurant."""
    driver = Driver.objects.create(
        name=name, city=at.city, current_lat=at.lat, current_lng=at.lng, fix_at=timezone.now()
    )
    actions.set_shift(driver.pk, True)
    return driver


def _order(kitchen: Restaurant, door: Restaurant, name: str) -> Order:
    """An order to the place of another restaurant, which has an address."""
    order = actions.create_order(
        kitchen.pk,
        customer_name=name,
        customer_address=door.address,
        customer_lat=door.lat,
        customer_lng=door.lng,
        customer_phone=PHONE,
    )
    order.refresh_from_db()
    return order


def webhooks(administrator: str, password: str) -> None:
    """One works, one is disabled, and one did not take what it was told."""
    User.objects.create_superuser(administrator, password=password)
    key, _ = api_keys.issue("Shop", ["orders:read", "webhooks:write"], cities=None)
    _, dead, refuses = (
        endpoints.create(key, f"https://{name}.example/doorstep", ["order.created", "order.delivered"])[0]
        for name in ("shop", "old-shop", "broken-shop")
    )
    endpoints.disable(dead.pk, "It has taken nothing since 2026-11-25 10:00 UTC.")
    OutboxEntry.objects.create(
        kind="webhook",
        event="webhook.test",
        receiver=refuses.receiver,
        body=payloads.of_a_test(),
        state="dead",
        ended_at=timezone.now(),
        tries=41,
        answer_code=500,
        answer="<h1>Internal Server Error</h1>",
    )
