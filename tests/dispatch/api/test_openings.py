"""When restaurants are open, as their platform says and reads it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from dispatch import api_keys
from dispatch.models import City, OpeningException, OpeningHours, Order, Restaurant, Scope
from tests.dispatch.api.conftest import Asker, problem

pytestmark = pytest.mark.django_db

#: Friday noon in Denver.
NOON = datetime(2026, 11, 27, 19, tzinfo=UTC)

NOTHING = {
    "open": True,
    "closed": None,
    "opens_at": None,
    "time_zone": "America/Denver",
    "hours": [],
    "exceptions": [],
    "pause": None,
    "extra": None,
}


@pytest.fixture
def put(asker: Asker, restaurant: Restaurant) -> Callable[..., Any]:
    def change(**named: Any) -> Any:
        answer = asker.ask("PUT", f"/restaurants/{restaurant.pk}/opening", named)
        assert answer.status_code == 200, answer.content
        assert answer.json() == asker.get(f"/restaurants/{restaurant.pk}/opening").json()
        return answer.json()

    return change


def test_what_it_names_is_replaced(asker: Asker, put: Callable[..., Any], restaurant: Restaurant) -> None:
    with time_machine.travel(NOON, tick=False):
        assert put() == NOTHING
        evening = {"weekday": "friday", "opens": "17:00", "closes": "01:00"}
        told = put(hours=[evening])
        assert told["hours"] == [evening]
        assert (told["open"], told["closed"]["code"]) == (False, "restaurant_closed")
        assert told["opens_at"] == "2026-11-28T00:00:00Z"
        christmas = {"date": "2026-12-25", "opens": None, "closes": None, "name": "Christmas"}
        today = {"date": "2026-11-27", "opens": "11:00", "closes": "15:30", "name": ""}
        told = put(exceptions=[{"date": "2026-12-25", "name": "Christmas"}, today])
        assert (told["hours"], told["exceptions"]) == ([evening], [today, christmas])
        assert told["open"] is True
        assert put(hours=[], exceptions=[]) == NOTHING
    assert not OpeningHours.objects.exists()
    assert not OpeningException.objects.exists()


def test_a_pause_and_a_delay(put: Callable[..., Any], restaurant: Restaurant) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        until = "2026-11-27T19:30:00Z"
        told = put(pause={"until": until, "reason": "The oven"})
        assert (told["open"], told["closed"]["code"], told["opens_at"]) == (False, "restaurant_paused", until)
        assert told["pause"] == {"since": "2026-11-27T19:00:00Z", "until": until, "reason": "The oven"}
        # Nothing else is touched.
        assert put(hours=[])["pause"] == told["pause"]
        clock.shift(timedelta(minutes=31))
        assert put() == NOTHING
        assert put(pause={})["pause"]["until"] is None
        assert put(pause=None) == NOTHING
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    assert put(extra={"minutes": 15, "until": until})["extra"]["minutes"] == 15
    assert put()["extra"]["minutes"] == 15
    assert put(extra=None)["extra"] is None


def test_a_delay_moves_what_is_promised(
    asker: Asker, put: Callable[..., Any], new_body: Callable[..., Any], city: City
) -> None:
    put(extra={"minutes": 15, "until": (timezone.now() + timedelta(hours=1)).isoformat()})
    told = asker.post("/orders", new_body()).json()
    promised, created = (datetime.fromisoformat(told[name]) for name in ("promised_at", "created_at"))
    assert promised - created == timedelta(minutes=city.promise_minutes + 15)


def test_orders_that_wait_are_looked_at(asker: Asker, put: Callable[..., Any], order: Order) -> None:
    today = timezone.now().date()
    closed = [{"date": str(today + timedelta(days=n))} for n in (-1, 0, 1)]
    put(exceptions=closed)
    assert asker.get(f"/orders/{order.pk}").json()["problem"]["code"] == "restaurant_closed"
    put(exceptions=[])
    assert asker.get(f"/orders/{order.pk}").json()["problem"] is None


@pytest.mark.parametrize(
    ("named", "pointer"),
    [
        ({"hours": [{"weekday": "Friday", "opens": "17:00", "closes": "22:00"}]}, "#/hours/0/weekday"),
        ({"hours": [{"weekday": "friday", "opens": "24:00", "closes": "22:00"}]}, "#/hours/0/opens"),
        ({"hours": [{"weekday": "friday", "opens": "17:00"}]}, "#/hours/0/closes"),
        ({"hours": None}, "#/hours"),
        ({"exceptions": [{"date": "2026-02-30"}]}, "#/exceptions/0/date"),
        ({"exceptions": [{"date": "2026-02-03", "opens": "10:00"}]}, "#/exceptions/0/closes"),
        ({"exceptions": [{"date": "0001-02-03"}]}, "#/exceptions/0/date"),
        ({"pause": {"until": "2026-11-27T19:30:00"}}, "#/pause/until"),
        ({"pause": {"until": "2020-11-27T19:30:00Z"}}, "#/pause/until"),
        ({"extra": {"minutes": 0, "until": "2090-11-27T19:30:00Z"}}, "#/extra/minutes"),
        ({"extra": {"minutes": 5}}, "#/extra/until"),
        ({"extra": {"minutes": 5, "until": "2020-11-27T19:30:00Z"}}, "#/extra/until"),
        ({"colour": "red"}, "#/colour"),
    ],
)
def test_what_makes_no_sense(
    asker: Asker, restaurant: Restaurant, named: dict[str, Any], pointer: str
) -> None:
    kept = {"weekday": "friday", "opens": "17:00", "closes": "22:00"}
    path = f"/restaurants/{restaurant.pk}/opening"
    asker.ask("PUT", path, {"hours": [kept]})
    told = problem(asker.ask("PUT", path, {"hours": []} | named), 422, "invalid")
    assert [one["pointer"] for one in told["errors"]] == [pointer]
    assert asker.get(path).json()["hours"] == [kept]


def test_restaurants_of_others_are_not_there(restaurant: Restaurant) -> None:
    boulder = City.objects.create(name="Boulder", lat=40.0, lng=-105.0)
    asker = Asker(api_keys.issue("Boulder", Scope.values, cities=[boulder])[1])
    for path in (f"/restaurants/{restaurant.pk}/opening", f"/restaurants/{boulder.pk}/opening"):
        problem(asker.get(path), 404, "not_found")
        problem(asker.ask("PUT", path, {}), 404, "not_found")
    reader = Asker(api_keys.issue("Reader", [Scope.ORDERS_READ], cities=None)[1])
    assert reader.get(f"/restaurants/{restaurant.pk}/opening").json() == NOTHING
    problem(reader.ask("PUT", f"/restaurants/{restaurant.pk}/opening", {}), 403, "forbidden")
