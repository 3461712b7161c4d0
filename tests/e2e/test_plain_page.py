"""A page that somebody else wrote from the list of frames, and that no more has changed since: what it shows of an
order is true at every step, and none of its frames breaks it.
"""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from websockets.sync.client import connect

from tests.e2e import scene
from tests.e2e.conftest import Stack, Watch
from tests.e2e.test_pages import new_order

PAGE = Path(__file__).parents[1] / "spec" / "plain-page.html"
MINUTES = re.compile(r"^in [1-9]\d* min$")
#: What is written past all actions is noticed when versions are compared: every 4 s, on a machine that is busy.
HEARD_MS = 10_000


@pytest.fixture
def plain_page(browser: Browser, watch: Watch) -> Callable[[str], Page]:
    """Opens the page for a tracking token."""

    def open_(token: str) -> Page:
        # A page that was answered by nobody is not of this machine: it has to be let in.
        page = browser.new_context(permissions=["local-network-access"]).new_page()
        watch.follow(page)
        page.route("**/plain?t=*", lambda route: route.fulfill(path=PAGE, content_type="text/html"))
        page.goto(f"{watch.base}/plain?t={token}")
        return page

    return open_


def shows(page: Page, message: str, arrival: str | re.Pattern[str]) -> None:
    expect(page.locator("#said")).to_have_text(message)
    expect(page.locator("#arrival")).to_have_text(arrival)


def drive(stack: Stack, bearer: str, order_id: str) -> None:
    """The driver's app sends one fix, on the road to the restaurant."""
    ((lat, lng),) = stack.rows(
        "SELECT current_lat, current_lng FROM drivers WHERE id = (SELECT driver_id FROM orders WHERE id = %s)",
        order_id,
    )
    address = f"{stack.base.replace('http', 'ws')}/ws?role=driver"
    with connect(address, additional_headers={"Authorization": f"Bearer {bearer}"}) as app:
        fix = {"lat": lat, "lng": lng, "ts": time.time_ns() // 1_000_000, "seq": 1}
        app.send(json.dumps({"type": "location", **fix}))
        while json.loads(app.recv(timeout=20))["type"] != "ack":
            pass


def test_a_whole_order(stack: Stack, plain_page: Callable[[str], Page]) -> None:
    order_id, token = new_order(stack, "Plain Page")
    page = plain_page(token)
    shows(page, "We have your order and are looking for a driver.", "")

    bearer = stack.clerk.ask(scene.set_off, order_id=order_id, name="Plain Driver")
    shows(page, "Your driver is on the way to the restaurant.", MINUTES)
    expect(page.locator("#ground .leaflet-overlay-pane path")).to_have_count(1)
    drive(stack, bearer, order_id)
    expect(page.locator("#ground .leaflet-overlay-pane path")).to_have_count(2)

    stack.clerk.ask(scene.report, order_id=order_id, status="picked_up")
    shows(page, "Your food is on its way.", MINUTES)

    # Nobody can say any more when: but at the door the driver was.
    stack.clerk.ask(scene.gone_from_the_door, order_id=order_id)
    shows(page, "Your driver was at your door.", "in 0 min")
    again = plain_page(token)
    shows(again, "Your driver was at your door.", "in 0 min")

    stack.clerk.ask(scene.come_back, order_id=order_id)
    shows(page, "Your driver is nearby!", re.compile(r"^in [01] min$"))

    stack.clerk.ask(scene.report, order_id=order_id, status="delivered")
    for one in (page, again, plain_page(token)):
        shows(one, "Delivered. Enjoy your meal!", "in 0 min")


def test_an_order_that_is_called_off(stack: Stack, plain_page: Callable[[str], Page]) -> None:
    order_id, token = new_order(stack, "Plain Again")
    waiting = plain_page(token)
    stack.clerk.ask(scene.set_off, order_id=order_id, name="Plain Other")
    shows(waiting, "Your driver is on the way to the restaurant.", MINUTES)
    stack.clerk.ask(scene.call_off, order_id=order_id)
    # Who was told minutes waits no longer; who was not is told none.
    shows(waiting, "This order was cancelled.", "in 0 min")
    shows(plain_page(token), "This order was cancelled.", "")


def test_an_order_that_nobody_took(stack: Stack, plain_page: Callable[[str], Page]) -> None:
    order_id, token = new_order(stack, "Plain Third")
    page = plain_page(token)
    shows(page, "We have your order and are looking for a driver.", "")
    stack.clerk.ask(scene.call_off, order_id=order_id)
    shows(page, "This order was cancelled.", "")


def test_an_order_that_its_platform_writes_by_sql(
    stack: Stack, plain_page: Callable[[str], Page], open_page: Callable[..., Page]
) -> None:
    """With no columns but those that it knows; each step is heard of, and what is to be driven is planned."""
    kitchen, door = stack.rows(
        "SELECT id, lat, lng FROM restaurants WHERE name LIKE '%%a%%' ORDER BY lng LIMIT 2"
    )
    ((driver,),) = stack.rows(
        "INSERT INTO drivers (name, status, current_lat, current_lng) VALUES ('By SQL', 'idle', %s, %s) RETURNING id",
        *kitchen[1:],
    )
    ((order, token),) = stack.rows(
        """INSERT INTO orders
               (customer_name, customer_address, customer_lat, customer_lng, restaurant_id, driver_id, status)
           VALUES (NULL, NULL, %s, %s, %s, %s, 'assigned') RETURNING id, tracking_token""",
        *door[1:],
        kitchen[0],
        driver,
    )
    page, own = plain_page(token), open_page(f"/track/?t={token}")
    expect(page.locator("#arrival")).to_have_text(MINUTES, timeout=30_000)
    expect(page.locator("#said")).to_have_text("A driver has your order.")
    for status, words in (
        ("driver_at_restaurant", "Your driver is at the restaurant."),
        ("picked_up", "Your food is on its way."),
        ("driver_nearby", "Your driver is nearby!"),
        ("delivered", "Delivered. Enjoy your meal!"),
    ):
        stack.rows("UPDATE orders SET status = %s WHERE id = %s RETURNING id", status, order)
        for one in (page.locator("#said"), own.locator("#message")):
            expect(one).to_have_text(words, timeout=HEARD_MS)
    expect(page.locator("#arrival")).to_have_text("in 0 min")
    assert stack.rows("SELECT status FROM drivers WHERE id = %s", driver) == [("idle",)]


def test_an_order_of_which_nothing_is_known(
    stack: Stack, open_page: Callable[..., Page], dashboard: Callable[..., Page]
) -> None:
    ((order, token),) = stack.rows(
        "INSERT INTO orders (customer_name) VALUES ('Nobody') RETURNING id, tracking_token"
    )
    own, desk = open_page(f"/track/?t={token}"), dashboard()
    expect(own.locator("#message")).to_have_text("We have your order and are looking for a driver.")
    expect(own.locator(".places .from")).to_have_count(0)
    desk.get_by_role("button", name=re.compile("^All")).click()  # it is in no city
    row = desk.locator(f"#unassigned [data-order-id='{order}']")
    row.click()
    expect(row).to_contain_text("The delivery address has no coordinates")
    stack.rows(
        "UPDATE orders SET customer_lat = 39.75, customer_lng = -105 WHERE id = %s RETURNING id", order
    )
    expect(row).to_contain_text("The order has no restaurant", timeout=HEARD_MS)
    stack.rows("UPDATE orders SET status = 'cancelled' WHERE id = %s RETURNING id", order)
    expect(own.locator("#message")).to_have_text("This order was cancelled.", timeout=HEARD_MS)
    expect(row).to_have_count(0)
