"""A driver who can't go on: what others could take over, what becomes of it when they do, and the way back."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client

from dispatch.errors import Invalid, NotFound, WrongStatus
from dispatch.models import Driver, Order, Stop
from dispatch.orders import actions
from dispatch.planning import handing_on, replanning
from dispatch.planning.handing_on import Move
from dispatch.planning.succession import succession
from dispatch.planning.visiting_order import Wish
from dispatch.planning.workload import Workload
from dispatch.statuses import StopKind
from routing.problems import Problem
from tests.conftest import DENVER
from tests.dispatch.story import (
    DANA,
    arrange,
    arrive,
    at,
    bring_to,
    check_everything,
    last_event,
    plan,
    report,
    status,
    stops,
    timeline,
)
from tracking.protocol import frames
from tracking.sockets import snapshots

pytestmark = pytest.mark.usefixtures("unheard")


@pytest.fixture
def sam(driver_at: Callable[..., Driver]) -> Driver:
    """Who can't go on."""
    return driver_at(0, 800, name="Sam", phone="+1 303 555 0101")


@pytest.fixture
def kim(driver_at: Callable[..., Driver]) -> Driver:
    return driver_at(180, 800, name="Kim")


@pytest.fixture
def ann(new_order: Callable[..., Order], sam: Driver) -> Order:
    """Sam is on the way to fetch it."""
    order = new_order(customer_name="Ann")
    bring_to(order, sam, "to_restaurant")
    return order


@pytest.fixture
def bob(new_order: Callable[..., Order], sam: Driver) -> Order:
    """Sam has it on board."""
    order = new_order(customer_name="Bob")
    bring_to(order, sam, "picked_up")
    return order


def hand_on(holder: Driver, to: Driver, *orders: Order, end_shift: bool = False) -> None:
    handing_on.hand_on(
        holder.pk, [Move(order.pk, to.pk) for order in orders], end_shift=end_shift, actor=DANA
    )


def wishes(driver: Driver) -> list[Wish]:
    """The plan as a dispatcher's page knows it."""
    return [
        Wish(stop.order_id, StopKind(stop.kind), stop.pinned) for stop in Stop.objects.plans_of([driver.pk])
    ]


def test_a_shift_that_ends_with_orders_is_a_problem_of_each_at_once(
    ann: Order, bob: Order, sam: Driver
) -> None:
    versions = {order.pk: Order.objects.get(pk=order.pk).version for order in (ann, bob)}
    actions.set_shift(sam.pk, on=False)
    for order in Order.objects.select_related("driver"):
        assert order.trouble == Problem.SHIFT_OVER
        assert order.version > versions[order.pk]
        assert frames.order_state(order, at(0)).problem_text == "The driver's shift is over."
    actions.set_shift(sam.pk, on=True)
    assert {order.trouble for order in Order.objects.select_related("driver")} == {None}


def test_all_goes_to_another_driver_in_the_same_order(
    ann: Order, bob: Order, new_order: Callable[..., Order], sam: Driver, kim: Driver
) -> None:
    cat, own = new_order(customer_name="Cat"), new_order(customer_name="Own")
    bring_to(cat, sam, "assigned")
    bring_to(own, kim, "picked_up")
    arrange(
        sam,
        [
            *stops(cat, "pickup"),
            *stops(ann, "pickup"),
            *stops(bob, "dropoff")[-1:],
            *stops(ann, "dropoff"),
            *stops(cat, "dropoff"),
        ],
    )
    hand_on(sam, kim, ann, bob, cat, end_shift=True)
    assert plan(sam) == []
    assert plan(kim) == [
        "dropoff Own",
        "transfer Bob",
        "pickup Cat",
        "pickup Ann",
        "dropoff Bob",
        "dropoff Ann",
        "dropoff Cat",
    ]
    assert (status(ann), status(bob), status(cat)) == ("assigned", "picked_up", "assigned")
    assert {order.driver for order in Order.objects.all()} == {kim}
    sam.refresh_from_db()
    assert (sam.on_shift, sam.status) == (False, "offline")
    event = last_event(bob)
    assert (event.actor, event.actor_name, event.reason) == ("dispatcher", "Dana", "From Sam.")
    check_everything()


def test_food_on_board_is_taken_over_where_its_driver_is(bob: Order, sam: Driver, kim: Driver) -> None:
    hand_on(sam, kim, bob)
    meeting = Stop.objects.plans_of([kim.pk])[0]
    assert (meeting.kind, meeting.meets, meeting.point) == ("transfer", sam, sam.point)
    assert replanning.replan(kim.pk)
    assert plan(kim) == ["transfer Bob", "dropoff Bob"]
    bob.refresh_from_db()
    assert (bob.eta_minutes or 0) > 0
    assert bob.problem == ""
    told = frames.plan(kim, list(Stop.objects.plans_of([kim.pk])), for_driver=True).stops[0]
    assert (told.kind, told.name, told.phone) == ("transfer", "Sam", "+1 303 555 0101")
    # Sam moved on a little: there the two meet.
    Driver.objects.filter(pk=sam.pk).update(current_lat=DENVER.lat, current_lng=DENVER.lng)
    assert Stop.objects.plans_of([kim.pk])[0].point == DENVER


def test_a_door_is_not_watched_before_the_food_is_there(bob: Order, sam: Driver, kim: Driver) -> None:
    hand_on(sam, kim, bob)
    assert snapshots.driver_views_by_id([kim.pk])[kim.pk].fences == ()
    report(kim, bob, "picked_up")
    assert plan(kim) == ["dropoff Bob"]
    assert [fence.kind for fence in snapshots.driver_views_by_id([kim.pk])[kim.pk].fences] == ["dropoff"]
    event = last_event(bob)
    assert (event.actor, event.actor_name, event.reason) == ("driver", "Kim", "Taken over.")
    with pytest.raises(WrongStatus):
        report(kim, bob, "picked_up")
    report(kim, bob, "delivered")
    assert timeline(bob)[-3:] == ["picked_up", "picked_up", "delivered"]
    check_everything()


def test_delivered_tells_that_the_food_was_taken_over(bob: Order, sam: Driver, kim: Driver) -> None:
    hand_on(sam, kim, bob)
    report(kim, bob, "delivered")
    assert plan(kim) == []
    check_everything()


def test_food_that_nobody_took_over_is_not_brought_back(bob: Order, sam: Driver, kim: Driver) -> None:
    hand_on(sam, kim, bob)
    actions.cancel(bob.pk, actor=DANA, reason="Sam ate it")
    assert (plan(kim), plan(sam)) == ([], [])
    check_everything()


def test_who_hands_on_what_nobody_has_taken_over_is_passed_over(
    bob: Order, sam: Driver, kim: Driver, driver_at: Callable[..., Driver]
) -> None:
    lee = driver_at(90, 500, name="Lee")
    hand_on(sam, kim, bob)
    hand_on(kim, lee, bob)
    assert plan(lee) == ["transfer Bob", "dropoff Bob"]
    assert Stop.objects.get(order=bob, kind="transfer").meets == sam
    report(lee, bob, "picked_up")
    hand_on(lee, kim, bob)
    assert Stop.objects.get(order=bob, kind="transfer", done_at=None).meets == lee
    check_everything()


def test_near_the_customer_is_who_had_the_food_not_who_fetches_it(
    bob: Order, sam: Driver, kim: Driver
) -> None:
    arrive(sam, "dropoff", bob, seconds=900)
    assert status(bob) == "driver_nearby"
    hand_on(sam, kim, bob)
    assert status(bob) == "picked_up"
    assert Stop.objects.get(order=bob, kind="dropoff").arrived_at is None


def test_a_pickup_of_another_driver_is_not_undone(bob: Order, sam: Driver, kim: Driver) -> None:
    pickup = Stop.objects.filter(order=bob, kind="pickup")
    bob.events.filter(to_status="picked_up").update(actor="geofence")
    pickup.update(arrived_at=at(0), left_at=at(100))
    hand_on(sam, kim, bob)
    bob.events.filter(to_status="picked_up").update(actor="geofence")
    with pytest.raises(WrongStatus, match="handed on"):
        actions.undo_pickup(bob.pk, actor=DANA)


def test_nothing_is_handed_on_where_one_order_can_not_be(
    ann: Order, bob: Order, new_driver: Callable[..., Driver], sam: Driver, kim: Driver
) -> None:
    off = new_driver(name="Off", on_shift=False, status="offline")
    before = plan(sam)
    with pytest.raises(Invalid, match="Off is off shift"):
        handing_on.hand_on(sam.pk, [Move(ann.pk, kim.pk), Move(bob.pk, off.pk)], actor=DANA)
    with pytest.raises(Invalid, match="choose another driver"):
        hand_on(sam, sam, ann)
    with pytest.raises(NotFound):
        handing_on.hand_on(sam.pk, [Move(ann.pk, uuid4())], actor=DANA)
    with pytest.raises(NotFound):
        handing_on.hand_on(sam.pk, [Move(uuid4(), kim.pk)], actor=DANA)
    report(sam, bob, "delivered")
    with pytest.raises(WrongStatus, match="no longer with Sam"):
        hand_on(sam, kim, ann, bob)
    assert plan(sam) == [line for line in before if line != "dropoff Bob"]
    assert plan(kim) == []


# ------------------------------------------------------------------------------------------------------ undone


def test_what_was_handed_on_comes_back_as_it_was(ann: Order, bob: Order, sam: Driver, kim: Driver) -> None:
    ways = [*stops(ann, "pickup"), *stops(bob, "dropoff"), *stops(ann, "dropoff")]
    arrange(sam, ways, pinned=ways[:1])
    before, known = plan(sam), wishes(sam)
    hand_on(sam, kim, ann, bob, end_shift=True)
    handing_on.hand_back(sam.pk, known, on_shift=True, actor=DANA)
    assert (plan(sam), plan(kim)) == (before, [])
    assert wishes(sam) == known
    sam.refresh_from_db()
    assert sam.on_shift
    assert (status(ann), status(bob)) == ("assigned", "picked_up")
    assert last_event(bob).reason == "Handed back."
    check_everything()


def test_what_is_over_or_came_since_is_no_matter_to_undo(
    ann: Order, bob: Order, new_order: Callable[..., Order], sam: Driver, kim: Driver
) -> None:
    known = wishes(sam)
    hand_on(sam, kim, ann, bob)
    actions.cancel(ann.pk, actor=DANA)
    new = new_order(customer_name="New")
    bring_to(new, sam, "assigned")
    handing_on.hand_back(sam.pk, known, actor=DANA)
    assert plan(sam) == ["dropoff Bob", "pickup New", "dropoff New"]
    check_everything()


def test_food_that_was_taken_over_is_not_given_back(ann: Order, bob: Order, sam: Driver, kim: Driver) -> None:
    known = wishes(sam)
    hand_on(sam, kim, ann, bob)
    report(kim, bob, "picked_up")
    with pytest.raises(WrongStatus, match="for Bob is with its new driver"):
        handing_on.hand_back(sam.pk, known, actor=DANA)
    assert plan(sam) == []
    assert plan(kim) == ["pickup Ann", "dropoff Bob", "dropoff Ann"] or len(plan(kim)) == 3


# -------------------------------------------------------------------------------------------- who could take it


def test_the_planner_shares_out_what_a_driver_has(
    ann: Order, bob: Order, sam: Driver, kim: Driver, new_driver: Callable[..., Driver]
) -> None:
    new_driver(name="Off", on_shift=False, status="offline")
    found = succession(sam.pk)
    assert not found.approximate
    assert [heir.order for heir in found.heirs] == [
        Order.objects.get(customer_name=line.split()[1]).pk
        for line in dict.fromkeys(line.replace("pickup", "dropoff") for line in plan(sam))
    ]
    assert {heir.driver for heir in found.heirs} == {kim.pk}
    assert all(heir.delivered_at and heir.problem is None for heir in found.heirs)


def test_what_is_previewed_is_what_comes_of_it(ann: Order, bob: Order, sam: Driver, kim: Driver) -> None:
    found = succession(sam.pk, kim.pk)
    hand_on(sam, kim, *(Order.objects.get(pk=heir.order) for heir in found.heirs))
    replanning.replan(kim.pk)
    doors = {
        stop.order_id: stop.eta.timestamp()
        for stop in Stop.objects.plans_of([kim.pk])
        if stop.kind == "dropoff" and stop.eta
    }
    for heir in found.heirs:
        assert heir.delivered_at is not None
        service_s = 300.0  # that the door itself takes
        assert abs(doors[heir.order] - heir.delivered_at) < service_s


def test_whom_it_makes_late_is_said(
    bob: Order, new_order: Callable[..., Order], sam: Driver, kim: Driver
) -> None:
    own = new_order(customer_name="Own", promised_at=at(-4e8))
    bring_to(own, kim, "picked_up")
    found = succession(sam.pk, kim.pk)
    assert set(found.delays_s) <= {own.pk}
    instance, _ = Workload.of([kim], [bob], {bob.pk: sam}).instance(at(0))
    (shipment,) = [one for one in instance.shipments if one.id == bob.pk]
    assert shipment.restaurant is not None


def test_what_nobody_can_take_says_why(ann: Order, bob: Order, sam: Driver) -> None:
    found = succession(sam.pk)
    assert {heir.driver for heir in found.heirs} == {None}
    assert {heir.problem for heir in found.heirs} == {Problem.NO_DRIVER}


def test_only_who_is_on_shift_can_be_named(
    ann: Order, sam: Driver, new_driver: Callable[..., Driver]
) -> None:
    off = new_driver(name="Off", on_shift=False, status="offline")
    with pytest.raises(Invalid, match="Off is off shift"):
        succession(sam.pk, off.pk)
    with pytest.raises(Invalid, match="another driver"):
        succession(sam.pk, sam.pk)
    with pytest.raises(NotFound):
        succession(sam.pk, uuid4())
    with pytest.raises(NotFound):
        succession(uuid4())


def test_a_door_that_was_left_is_not_handed_on(bob: Order, ann: Order, sam: Driver, kim: Driver) -> None:
    arrive(sam, "dropoff", bob, seconds=900)
    Stop.objects.filter(order=bob, kind="dropoff").update(left_at=at(1000))
    assert [heir.order for heir in succession(sam.pk).heirs] == [ann.pk]


def test_the_dashboard_asks_and_does(
    admin_client: Client, ann: Order, bob: Order, sam: Driver, kim: Driver
) -> None:
    path = f"/dispatch/drivers/{sam.pk}"
    before = wishes(sam)
    answer = admin_client.get(f"{path}/succession/{kim.pk}").json()
    assert {heir["driverId"] for heir in answer["heirs"]} == {str(kim.pk)}
    moves = [{"order": heir["orderId"], "driver": heir["driverId"]} for heir in answer["heirs"]]
    body = {"moves": moves, "endShift": True}
    assert admin_client.post(f"{path}/hand-on", body, content_type="application/json").status_code == 204
    sam.refresh_from_db()
    assert (plan(sam), sam.on_shift) == ([], False)
    back = {
        "stops": [{"order": str(w.order), "kind": w.kind, "pinned": w.pinned} for w in before],
        "onShift": True,
    }
    assert admin_client.post(f"{path}/hand-back", back, content_type="application/json").status_code == 204
    assert wishes(sam) == before
    refused = admin_client.post(f"{path}/hand-on", {"moves": []}, content_type="application/json")
    assert refused.status_code == 400
