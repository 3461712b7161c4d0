"""Where orders go that come with an address and no coordinates."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from dispatch import tasks
from dispatch.errors import Invalid
from dispatch.models import City, DoorFrom, Driver, Order, OrderEvent, Restaurant
from dispatch.orders import actions, doors
from dispatch.orders.actions import SYSTEM
from routing.addresses import store
from routing.addresses.geocoder import _geocoder
from routing.geo import Point, distance_m
from routing.problems import Problem
from routing.roads.addresses import FILE, write_addresses
from routing.roads.denver import downtown_denver
from routing.roads.network import Network, write_pbf
from tests.conftest import DENVER
from tests.dispatch.test_admin import page, said
from tests.routing.addresses.test_geocoder import DOOR as GEOCODED
from tests.routing.addresses.test_geocoder import Server, photon, server

pytestmark = pytest.mark.django_db(transaction=True)

__all__ = ["server"]

LAWRENCE = "1867 Lawrence Street, Denver"
#: On Larimer Street, as the extract of these tests has it.
LARIMER = Point(39.7524, -104.9921)


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those of downtown Denver, with one house number."""
    folder = tmp_path_factory.mktemp("addresses")
    network: Network = downtown_denver()
    network.mark(LARIMER, **{"addr:housenumber": "1900", "addr:street": "Larimer Street"})
    write_pbf(network, folder / "denver.osm.pbf")
    write_addresses(folder / "denver.osm.pbf", folder / FILE)
    return folder / FILE


@pytest.fixture
def index(addresses: Path) -> None:
    store.fill(addresses, "Denver", "Denver")


@pytest.fixture
def ordered(new_order: Callable[..., Order]) -> Callable[[str], Order]:
    def order(address: str, **fields: object) -> Order:
        unplaced = {"customer_address": address, "customer_lat": None, "customer_lng": None}
        return read(new_order(**(unplaced | fields)))

    return order


def read(order: Order) -> Order:
    return Order.objects.select_related("restaurant__city").get(pk=order.pk)


def metres(order: Order, place: Point) -> float:
    assert order.customer_point is not None
    return distance_m(order.customer_point, place)


def test_a_house_that_is_known_is_found_as_the_order_is_placed(
    ordered: Callable[..., Order], index: None, driver: Driver
) -> None:
    order = ordered("1900 larimer st apt 4")
    assert metres(order, LARIMER) < 2
    assert (order.door_from, order.door_sure, order.address_problem) == (DoorFrom.INDEX, True, None)
    actions.assign(order.pk, driver.pk, actor=SYSTEM)


def test_a_guess_is_marked_and_nobody_is_sent_there(
    ordered: Callable[..., Order], index: None, driver: Driver, city: City
) -> None:
    order = ordered(LAWRENCE)
    assert metres(order, Point(39.7510, -104.9933)) < 60
    assert (order.door_from, order.door_sure, order.trouble) == (
        DoorFrom.INDEX,
        False,
        Problem.CUSTOMER_DOUBTFUL,
    )
    with pytest.raises(Invalid, match="pin"):
        actions.assign(order.pk, driver.pk, actor=SYSTEM)
    city.assignment = City.Assignment.AUTO
    city.save()
    tasks.assign_pending()
    assert read(order).status == "pending"


def test_setting_the_pin_clears_it(ordered: Callable[..., Order], index: None, driver: Driver) -> None:
    order = ordered(LAWRENCE)
    order.customer_lat, order.customer_lng = LARIMER
    actions.change_order(order, actor=actions.dispatcher("ada"))
    order = read(order)
    assert (order.door_from, order.door_sure, order.trouble) == (DoorFrom.DISPATCHER, True, None)
    actions.assign(order.pk, driver.pk, actor=SYSTEM)


def test_a_pin_may_be_confirmed_as_it_is(ordered: Callable[..., Order], index: None) -> None:
    order = ordered(LAWRENCE)
    before = order.customer_point
    actions.confirm_door(order.pk, actor=actions.dispatcher("ada"))
    order = read(order)
    assert (order.customer_point, order.door_from, order.door_sure) == (before, DoorFrom.DISPATCHER, True)
    with pytest.raises(Invalid, match="no pin"):
        actions.confirm_door(ordered("nowhere").pk, actor=actions.dispatcher("ada"))


def test_whoever_gives_coordinates_is_believed(new_order: Callable[..., Order], index: None) -> None:
    order = read(new_order(customer_address="1900 Larimer St"))
    assert (order.door_from, order.door_sure, order.door_looked_up_at) == (DoorFrom.GIVEN, True, None)
    doors.look_up_waiting()
    assert read(order).customer_point == order.customer_point


def test_another_address_is_looked_up_anew(ordered: Callable[..., Order], index: None) -> None:
    order = ordered(LAWRENCE)
    order.customer_address = "1900 Larimer St"
    actions.change_order(order)
    order = read(order)
    assert metres(order, LARIMER) < 2
    assert order.door_sure


def test_a_pin_set_by_hand_stays_with_another_address(ordered: Callable[..., Order], index: None) -> None:
    order = ordered(LAWRENCE)
    order.customer_lat, order.customer_lng = DENVER
    actions.change_order(order, actor=actions.dispatcher("ada"))
    order = read(order)
    order.customer_address = "1900 Larimer St"
    actions.change_order(order, actor=actions.dispatcher("ada"))
    assert metres(read(order), DENVER) < 1


@pytest.mark.parametrize("address", ["", "by the river", "12 Nowhere Lane"])
def test_what_is_not_found_stays_without_a_place(
    ordered: Callable[..., Order], index: None, address: str
) -> None:
    order = ordered(address)
    doors.look_up_waiting()
    assert read(order).trouble == Problem.CUSTOMER_UNPLACED


def test_orders_from_before_the_index_are_looked_up_with_it(
    ordered: Callable[..., Order], addresses: Path
) -> None:
    order = ordered("1900 Larimer St")
    tasks.find_doors()
    assert read(order).customer_point is None
    store.fill(addresses, "Denver", "Denver")
    tasks.find_doors()
    assert metres(read(order), LARIMER) < 2


def test_an_order_by_sql_is_looked_up_by_the_round(restaurant: Restaurant, index: None) -> None:
    order = Order.objects.create(restaurant=restaurant, customer_address="1900 Larimer St")
    tasks.find_doors()
    assert metres(read(order), LARIMER) < 2


def test_a_change_meanwhile_is_not_overwritten(ordered: Callable[..., Order], index: None) -> None:
    stale = ordered("by the river")
    Order.objects.filter(pk=stale.pk).update(customer_lat=DENVER.lat, customer_lng=DENVER.lng)
    stale.customer_address = "1900 Larimer St"
    doors.look_up([stale])
    assert metres(read(stale), DENVER) < 1


# ---------------------------------------------------------------------------------------------- the geocoder


@pytest.fixture
def geocoder(server: Server, settings: object) -> Server:
    settings.GEOCODER_URL = f"photon+{server.url}"
    settings.GEOCODER_PER_S = 1000.0
    _geocoder.cache_clear()
    server.says(photon())
    return server


def test_what_the_streets_do_not_know_the_geocoder_does(
    ordered: Callable[..., Order], index: None, geocoder: Server
) -> None:
    order = ordered(LAWRENCE)
    assert (order.door_sure, geocoder.asked) == (False, [])  # nobody waits for it as an order is placed
    tasks.find_doors()
    order = read(order)
    assert metres(order, GEOCODED) < 1
    assert (order.door_from, order.door_sure, order.trouble) == (DoorFrom.GEOCODER, True, None)
    tasks.find_doors()
    assert len(geocoder.asked) == 1


def test_it_is_not_asked_for_what_the_streets_know(
    ordered: Callable[..., Order], index: None, geocoder: Server
) -> None:
    ordered("1900 Larimer St")
    tasks.find_doors()
    assert geocoder.asked == []


def test_its_guess_counts_only_where_the_streets_have_none(
    ordered: Callable[..., Order], index: None, geocoder: Server
) -> None:
    geocoder.says(photon(housenumber="", city="Boulder"))
    by_streets, by_geocoder = ordered(LAWRENCE), ordered("5 Nowhere Lane")
    tasks.find_doors()
    assert (read(by_streets).door_from, read(by_streets).door_sure) == (DoorFrom.INDEX, False)
    assert (read(by_geocoder).door_from, read(by_geocoder).door_sure) == (DoorFrom.GEOCODER, False)


def test_while_it_is_away_the_guess_of_the_streets_stands(
    ordered: Callable[..., Order], index: None, geocoder: Server
) -> None:
    geocoder.status = 503
    order = ordered(LAWRENCE)
    tasks.find_doors()
    assert (read(order).door_from, read(order).door_sure) == (DoorFrom.INDEX, False)
    geocoder.status = 200
    _geocoder.cache_clear()  # the breaker's ten seconds are over
    tasks.find_doors()
    assert (read(order).door_from, read(order).door_sure) == (DoorFrom.GEOCODER, True)


def test_places_on_the_other_side_of_the_world_are_none(
    ordered: Callable[..., Order], geocoder: Server
) -> None:
    geocoder.says(photon(lat=48.85, lng=2.35))
    order = ordered(LAWRENCE)
    tasks.find_doors()
    assert read(order).customer_point is None


# ---------------------------------------------------------------------------------------------------- admin


def search(client: Client, model: str = "restaurant", **asked: str) -> list[dict[str, object]]:
    near = {"lat": str(DENVER.lat), "lng": str(DENVER.lng)}
    answer = client.get(reverse(f"admin:dispatch_{model}_addresses"), near | asked)
    return answer.json()["places"] if answer.status_code == 200 else [{"status": answer.status_code}]


def test_staff_search_for_an_address(admin_client: Client, index: None, city: City) -> None:
    [known] = search(admin_client, q="1900 larimer")
    assert (known["label"], known["sure"]) == ("1900 Larimer Street", True)
    [guess] = search(admin_client, "order", q="1867 Lawrence St, Denver")
    assert (guess["label"], guess["sure"]) == ("1867 Lawrence Street (somewhere in its block)", False)
    assert search(admin_client, q="lari")[0]["label"] == "Larimer Street (somewhere on the street)"
    assert search(admin_client, q="") == search(admin_client, q="\u2603" * 1000) == []


@pytest.mark.parametrize("place", [{"lat": "abc"}, {"lat": "91"}, {"lng": ""}, {"lat": "nan"}])
def test_where_to_search_must_be_a_place(admin_client: Client, place: dict[str, str]) -> None:
    assert search(admin_client, q="1900 larimer", **place) == [{"status": 400}]


def test_nobody_else_searches(client: Client, django_user_model: type, index: None) -> None:
    assert search(client, q="1900 larimer") == [{"status": 302}]
    user = django_user_model.objects.create_user("viewer", password="x", is_staff=True)
    client.force_login(user)
    assert search(client, q="1900 larimer") == [{"status": 403}]


def test_nobody_searches_without_end(admin_client: Client) -> None:
    answers = [search(admin_client, q="x") for _ in range(31)]
    assert answers[-1] == [{"status": 429}]


def test_the_pin_is_confirmed_in_the_admin(
    admin_client: Client, ordered: Callable[..., Order], index: None
) -> None:
    order = ordered(LAWRENCE)
    shown = admin_client.get(page("order", order))
    assert "looked up in our own streets, a guess" in shown.content.decode()
    changelist = reverse("admin:dispatch_order_changelist")
    answer = admin_client.post(
        changelist, {"action": "confirm_door", "_selected_action": str(order.pk)}, follow=True
    )
    assert said(answer) == ["1 confirmed."]
    order = read(order)
    assert (order.door_sure, order.door_from) == (True, DoorFrom.DISPATCHER)
    assert OrderEvent.objects.filter(order=order).count() == 1
