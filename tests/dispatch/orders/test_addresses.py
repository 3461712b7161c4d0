"""Addresses that nobody can deliver to, on the real roads: named while the order still waits for a driver."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from dispatch import tasks
from dispatch.errors import Invalid
from dispatch.models import City, Driver, Order, Restaurant
from dispatch.orders import actions, addresses
from dispatch.problems import SENTENCES
from routing.geo import Point, destination
from routing.problems import Problem
from tests.conftest import DENVER
from tests.dispatch.place_forms import NO_HOURS
from tests.dispatch.story import NO_OSRM, assign
from tests.dispatch.test_admin import corrected, entered, page, said

PHILADELPHIA = Point(39.9526, -75.1652)
#: Nine kilometres from the restaurant, and far from every road.
FIELD = destination(DENVER, 90, 9_000)


def at_door(place: Point) -> dict[str, float]:
    return {"customer_lat": place.lat, "customer_lng": place.lng}


def trouble(order: Order) -> Problem | None:
    """As a dispatcher reads it."""
    return Order.objects.get(pk=order.pk).trouble


def move(restaurant: Restaurant, place: Point) -> None:
    restaurant.lat, restaurant.lng = place
    actions.change_restaurant(restaurant)


# -------------------------------------------------------------------------------------- by coordinates alone


@pytest.mark.parametrize(
    ("door", "problem"),
    [
        (Point(0.0, 0.0), Problem.CUSTOMER_AT_ZERO),
        (Point(0.0001, -0.0001), Problem.CUSTOMER_AT_ZERO),
        (Point(0.0, DENVER.lng), Problem.CUSTOMER_FAR),
        (destination(DENVER, 180, 75_000), Problem.CUSTOMER_FAR),
        (destination(DENVER, 180, 50_500), Problem.CUSTOMER_FAR),
        (destination(DENVER, 180, 49_500), None),
    ],
)
def test_coordinates_that_can_not_be_right_say_so_at_once(
    new_order: Callable[..., Order], settings: object, door: Point, problem: Problem | None
) -> None:
    settings.OSRM_URL = NO_OSRM
    order = new_order(**at_door(door))
    assert (order.address_problem, trouble(order)) == (problem, problem)


def test_latitude_and_longitude_that_changed_places_lie_far_away(
    new_order: Callable[..., Order], city: City
) -> None:
    lat, lng = PHILADELPHIA
    deli = Restaurant.objects.create(name="Deli", lat=lat, lng=lng)
    assert new_order(restaurant_id=deli.pk, **at_door(Point(lng, lat))).trouble == Problem.CUSTOMER_FAR


@pytest.mark.parametrize(
    "door",
    [
        (DENVER.lng, DENVER.lat),
        (DENVER.lat, 181.0),
        (float("nan"), 0.0),
        (DENVER.lat, None),
        (None, DENVER.lng),
    ],
)
def test_what_is_no_place_on_earth_is_refused_with_words(
    new_order: Callable[..., Order], door: tuple[float | None, float | None]
) -> None:
    with pytest.raises(Invalid, match="latitude"):
        new_order(customer_lat=door[0], customer_lng=door[1])
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("place", "problem"),
    [(Point(0.0, 0.0), Problem.RESTAURANT_AT_ZERO), (PHILADELPHIA, Problem.RESTAURANT_FAR)],
)
def test_of_two_places_too_far_apart_it_is_the_restaurant_that_is_not_in_its_city(
    order: Order, restaurant: Restaurant, place: Point, problem: Problem
) -> None:
    move(restaurant, place)
    assert trouble(order) == problem
    move(restaurant, DENVER)
    assert trouble(order) is None


@pytest.mark.parametrize("where", [None, Point(0.0, 0.0)], ids=["no city", "a city that nobody located"])
def test_a_restaurant_whose_city_says_nothing_is_taken_to_be_right(
    order: Order, restaurant: Restaurant, where: Point | None
) -> None:
    if where is None:
        restaurant.city = None
    else:
        City.objects.update(lat=where.lat, lng=where.lng)
        restaurant.refresh_from_db()
    move(restaurant, PHILADELPHIA)
    assert trouble(order) == Problem.CUSTOMER_FAR


def test_a_restaurant_far_outside_its_city_is_no_trouble_to_its_neighbours(
    order: Order, restaurant: Restaurant
) -> None:
    move(restaurant, PHILADELPHIA)
    door = destination(PHILADELPHIA, 90, 1500)
    Order.objects.update(**at_door(door))
    assert trouble(order) is None


def test_how_far_is_too_far_is_a_setting(order: Order, settings: object) -> None:
    settings.FAR_DOOR_M = 1_000
    assert trouble(order) == Problem.CUSTOMER_FAR


def test_a_drivers_order_says_what_planning_found(order: Order, driver: Driver) -> None:
    assign(order, driver)
    Order.objects.update(**at_door(Point(0.0, 0.0)))
    assert trouble(order) is None


# ------------------------------------------------------------------------------------------ asked of the roads


@pytest.mark.parametrize("assignment", City.Assignment)
@pytest.mark.django_db(transaction=True)
def test_an_address_off_every_road_says_so_as_it_is_created(
    new_order: Callable[..., Order], city: City, assignment: City.Assignment
) -> None:
    City.objects.update(assignment=assignment)
    farm = Restaurant.objects.create(name="Farm", city=city, lat=FIELD.lat, lng=FIELD.lng)
    lost, fine, from_farm = new_order(**at_door(FIELD)), new_order(), new_order(restaurant_id=farm.pk)
    expected = [Problem.CUSTOMER_UNREACHABLE, None, Problem.RESTAURANT_UNREACHABLE]
    assert [order.address_problem for order in (lost, fine, from_farm)] == expected
    assert [trouble(order) for order in (lost, fine, from_farm)] == expected


@pytest.mark.django_db(transaction=True)
def test_without_roads_an_order_is_created_and_asked_about_later(
    new_order: Callable[..., Order], settings: object
) -> None:
    url, settings.OSRM_URL = settings.OSRM_URL, NO_OSRM
    orders = [new_order(**at_door(FIELD)), new_order()]
    tasks.assign_pending()
    assert [trouble(order) for order in orders] == [None, None]
    settings.OSRM_URL = url
    for _ in range(2):
        tasks.assign_pending()
        assert [trouble(order) for order in orders] == [Problem.CUSTOMER_UNREACHABLE, None]
        assert [Order.objects.get(pk=order.pk).version for order in orders] == [2, 1]


def test_of_many_doors_each_is_asked_about(
    new_order: Callable[..., Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "DOORS_AT_ONCE", 3)
    doors = [
        destination(DENVER, 90, metres) for metres in (500, 9_000, 800, 9_000, 9_500, 1_100, 10_000, 300)
    ]
    orders = [new_order(**at_door(door)) for door in doors]
    addresses.check_pending()
    assert [trouble(order) is not None for order in orders] == [
        False, True, False, True, True, False, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("away", [False, True], ids=["the roads answer", "the roads are away"])
@pytest.mark.django_db(transaction=True)
def test_a_corrected_address_is_no_trouble_any_more(
    new_order: Callable[..., Order], settings: object, away: bool
) -> None:
    order = new_order(**at_door(FIELD))
    assert trouble(order) == Problem.CUSTOMER_UNREACHABLE
    if away:
        settings.OSRM_URL = NO_OSRM
    order.customer_name = "Ann"
    actions.change_order(order)
    assert trouble(order) == Problem.CUSTOMER_UNREACHABLE
    order.customer_lat, order.customer_lng = DENVER
    actions.change_order(order)
    assert (order.address_problem, trouble(order)) == (None, None)
    order.customer_lat, order.customer_lng = FIELD
    actions.change_order(order)
    assert trouble(order) == (None if away else Problem.CUSTOMER_UNREACHABLE)


@pytest.mark.django_db(transaction=True)
def test_orders_that_wait_follow_their_restaurant(order: Order, restaurant: Restaurant) -> None:
    versions = []
    for place, expected in ((FIELD, Problem.RESTAURANT_UNREACHABLE), (DENVER, None)):
        move(restaurant, place)
        assert trouble(order) == expected
        versions.append(Order.objects.get(pk=order.pk).version)
    move(restaurant, FIELD)
    move(restaurant, destination(FIELD, 0, 100))
    assert trouble(order) == Problem.RESTAURANT_UNREACHABLE
    assert 1 < versions[0] < versions[1]


def test_what_was_corrected_past_the_application_is_looked_at_again(
    new_order: Callable[..., Order], unheard: None
) -> None:
    order = new_order(**at_door(FIELD))
    addresses.check_pending()
    assert trouble(order) == Problem.CUSTOMER_UNREACHABLE
    Order.objects.update(**at_door(DENVER))
    addresses.check_pending()
    assert trouble(order) is None


def test_an_answer_about_another_door_is_not_stored(new_order: Callable[..., Order]) -> None:
    """The address was corrected while the roads were asked."""
    asked = new_order(**at_door(FIELD))
    Order.objects.update(**at_door(DENVER))
    addresses.check([asked])
    assert trouble(asked) is None


def test_an_answer_about_an_order_that_a_driver_has_is_not_stored(
    new_order: Callable[..., Order], driver: Driver
) -> None:
    asked = new_order(**at_door(FIELD))
    assign(Order.objects.get(pk=asked.pk), driver)
    addresses.check([asked])
    assert trouble(asked) is None


def test_what_a_round_of_assigning_told_stays(order: Order) -> None:
    Order.objects.update(problem=Problem.NO_DRIVER)
    addresses.check(Order.objects.all())
    order.refresh_from_db()
    assert order.problem == Problem.NO_DRIVER


# ------------------------------------------------------------------------------------------------- in the admin


def typed(door: Point) -> dict[str, str]:
    return {"customer_lat": str(door.lat), "customer_lng": str(door.lng)}


@pytest.mark.parametrize(
    ("door", "problem"),
    [
        (Point(0.0, 0.0), Problem.CUSTOMER_AT_ZERO),
        (destination(DENVER, 90, 75_000), Problem.CUSTOMER_FAR),
        (FIELD, Problem.CUSTOMER_UNREACHABLE),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_who_enters_an_order_is_warned_and_the_order_is_taken(
    admin_client: Client, restaurant: Restaurant, door: Point, problem: Problem
) -> None:
    answer = admin_client.post(reverse("admin:dispatch_order_add"), entered(restaurant) | typed(door))
    order = Order.objects.get()
    assert (said(answer)[-1], order.trouble) == (SENTENCES[problem], problem)
    right = corrected(order, **typed(destination(DENVER, 90, 500)))
    answer = admin_client.post(page("order", order), right)
    assert "changed successfully" in said(answer)[-1]
    assert trouble(order) is None


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        (Point(0.0, 0.0), Problem.RESTAURANT_AT_ZERO),
        (PHILADELPHIA, Problem.RESTAURANT_FAR),
        (FIELD, Problem.RESTAURANT_UNREACHABLE),
        (DENVER, None),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_who_places_a_restaurant_is_warned(
    admin_client: Client, city: City, place: Point, problem: Problem | None
) -> None:
    fields = {"name": "New", "address": "", "city": str(city.pk), "geofence_radius": "200"}
    where = {"lat": str(place.lat), "lng": str(place.lng)}
    answer = admin_client.post(reverse("admin:dispatch_restaurant_add"), fields | where | NO_HOURS)
    assert Restaurant.objects.get().name == "New"
    assert said(answer)[1:] == ([SENTENCES[problem]] if problem else [])


@pytest.mark.django_db(transaction=True)
def test_without_roads_nobody_is_warned_of_them(
    admin_client: Client, restaurant: Restaurant, settings: object
) -> None:
    settings.OSRM_URL = NO_OSRM
    answer = admin_client.post(reverse("admin:dispatch_order_add"), entered(restaurant) | typed(FIELD))
    assert len(said(answer)) == 1
    assert addresses.problem_of(restaurant) is None
