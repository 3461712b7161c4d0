"""What dispatchers and customers see while orders are under way."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from websockets.sync.client import connect

from tests.e2e import scene
from tests.e2e.conftest import DESKTOP, PHONE, READY_S, USERNAME, Stack, Watch
from tests.operator_message import MESSAGE, send_operator_message

COLORS = {"idle": "#15894b", "to_restaurant": "#f0b400", "delivering": "#1d62e0", "offline": "#8b95a1"}
MOVING_S = 60
#: "12–16", or "12" as long as the roads do not answer.
MINUTES = re.compile(r"^\d+(–\d+)?$")

#: Asks the page's own modules, which the browser has loaded once: where and how drivers are shown, and the colour
#: that the map has there.
SHOWN = """async (ids) => {
    const { fleetLayer, map } = await import(document.querySelector("script[type=module]").src);
    const canvas = map.getPane("overlayPane").querySelector("canvas");
    const [box, ground] = [canvas, map.getContainer()].map((element) => element.getBoundingClientRect());
    const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const scale = canvas.width / box.width;
    const pixel = ({ x, y }) => {
        const column = Math.round((x + ground.left - box.left) * scale);
        const row = Math.round((y + ground.top - box.top) * scale);
        const first = (row * image.width + column) * 4;
        const rgb = image.data.slice(first, first + 3);
        return "#" + [...rgb].map((part) => part.toString(16).padStart(2, "0")).join("");
    };
    return ids.map((id) => fleetLayer.shown(id)).map((shown) => shown && { ...shown, pixel: pixel(shown.point) });
}"""

HAS_MOVED = """async ([id, before]) => {
    const { fleetLayer } = await import(document.querySelector("script[type=module]").src);
    const now = fleetLayer.shown(id);
    return now && (now.lat !== before.lat || now.lng !== before.lng);
}"""

IS_LIVE = """async () => {
    const { socket } = await import(document.querySelector("script[type=module]").src);
    return socket.state === "live";
}"""


def new_order(stack: Stack, name: str) -> tuple[str, str]:
    """Id and tracking token of an order that just came in."""
    order_id, token = stack.clerk.ask(scene.new_order, name=name)
    return order_id, token


def leave(stack: Stack, order_id: str, name: str, *, at_the_door: bool) -> str:
    """The token of the driver of this name, who has the order and left without pressing a button."""
    return str(stack.clerk.ask(scene.leave, order_id=order_id, name=name, at_the_door=at_the_door))


def last_event(stack: Stack, order_id: str) -> tuple[str, str, str, str]:
    (event,) = stack.rows(
        """SELECT to_status, actor, actor_name, reason FROM order_events
           WHERE order_id = %s ORDER BY id DESC LIMIT 1""",
        order_id,
    )
    return event


def tokens(stack: Stack, *statuses: str) -> list[tuple[str, str]]:
    """Tracking token and status of orders whose own driver drives and can be seen now, the newest first."""
    return stack.rows(
        """SELECT o.tracking_token, o.status FROM orders o JOIN drivers d ON d.id = o.driver_id AND d.simulated
           JOIN LATERAL (SELECT order_id FROM stops WHERE driver_id = o.driver_id AND done_at IS NULL
                         ORDER BY position LIMIT 1) AS next ON next.order_id = o.id
           WHERE o.status = ANY(%s) AND o.eta_minutes IS NOT NULL ORDER BY o.created_at DESC""",
        list(statuses),
    )


def drivers(stack: Stack, *statuses: str) -> int:
    return len(stack.rows("SELECT 1 FROM drivers WHERE status = ANY(%s)", list(statuses)))


def drivers_in_denver(stack: Stack) -> int:
    return len(
        stack.rows("SELECT 1 FROM drivers d JOIN cities c ON c.id = d.city_id WHERE c.name = 'Denver'")
    )


def test_dispatchers_see_the_fleet(stack: Stack, dashboard: Callable[..., Page], artifacts: Path) -> None:
    page = dashboard()
    stack.wait_for(
        lambda: drivers(stack, "to_restaurant", "delivering") >= 4, "drivers with orders", MOVING_S
    )
    stack.wait_for(lambda: drivers(stack, "delivering"), "a delivery", MOVING_S)
    page.get_by_role("button", name=re.compile("^Denver")).click()
    expect(page.locator("#active .row").first).to_be_visible()
    expect(page.locator("#active .minutes").first).to_have_text(re.compile(r"^~?\d+(–\d+)? min$"))
    row = page.locator("#drivers [data-status=delivering], #drivers [data-status=to_restaurant]").first
    expect(row).to_be_visible()
    driver = row.get_attribute("data-driver-id")
    (before,) = page.evaluate(SHOWN, [driver])
    page.wait_for_function(HAS_MOVED, arg=[driver, before], timeout=MOVING_S * 1000)
    page.screenshot(path=artifacts / "dashboard-1440x900.png")

    row.click()
    expect(page.locator("#stops .stop").first).to_be_visible()
    page.screenshot(path=artifacts / "dashboard-driver-1440x900.png")
    page.keyboard.press("Escape")
    expect(page.locator("#drivers-panel")).to_be_visible()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()


def test_markers_have_the_colours_of_their_statuses(stack: Stack, dashboard: Callable[..., Page]) -> None:
    page = dashboard()
    page.get_by_role("button", name=re.compile("^Denver")).click()
    rows = page.locator("#drivers .row")
    expect(rows).to_have_count(drivers_in_denver(stack))

    def seen() -> dict[str, set[str]]:
        """The colours that the map has at the drivers of each status, as the list calls it."""
        listed = [
            (row.get_attribute("data-driver-id"), row.get_attribute("data-status")) for row in rows.all()
        ]
        colors: dict[str, set[str]] = {}
        for (_, status), shown in zip(
            listed, page.evaluate(SHOWN, [driver for driver, _ in listed]), strict=True
        ):
            colors.setdefault(str(status), set()).add(shown["pixel"])
        return colors

    # Drivers may cover each other for a moment: of each status at least one lies on top.
    wanted = {status: COLORS[status] for status in ("idle", "to_restaurant", "delivering")}
    stack.wait_for(
        lambda: all(color in seen().get(status, ()) for status, color in wanted.items()), "the colours"
    )


def test_an_order_is_assigned_on_the_page_and_its_customer_sees_it(
    stack: Stack, dashboard: Callable[..., Page], open_page: Callable[..., Page], artifacts: Path
) -> None:
    desk = dashboard()
    desk.get_by_role("button", name=re.compile("^Denver")).click()
    order_id, token = new_order(stack, "Nora Castellanos")
    customer = open_page(f"/track/?t={token}", PHONE)
    sheet = customer.locator("#sheet")
    expect(sheet).to_have_attribute("data-status", "pending")

    desk.locator(f"#unassigned [data-order-id='{order_id}']").click()
    # The planner's best driver comes first, with what it means.
    expect(desk.locator("#candidates-hint")).to_have_text("best first, or on the map")
    chosen = desk.locator("#candidate-rows .row").first
    expect(chosen).to_contain_text(re.compile(r"At the door \d+:\d\d\u00a0[AP]M"))
    expect(chosen).to_contain_text(re.compile(r"\+\d+ min work"))
    desk.screenshot(path=artifacts / "dashboard-proposals-1440x900.png")
    driver_id = chosen.get_attribute("data-driver-id")
    chosen.click()
    expect(desk.locator("#toast")).to_contain_text("→")
    expect(desk.locator(f"#active [data-order-id='{order_id}']")).to_be_visible()
    assert stack.rows("SELECT driver_id::text FROM orders WHERE id = %s", order_id) == [(driver_id,)]

    # Without a reload: the words, the step and, as soon as it is known, the arrival.
    expect(sheet).not_to_have_attribute("data-status", "pending")
    expect(customer.locator("#steps [aria-current=step]")).to_have_count(1)
    expect(customer.locator("#eta-number")).to_have_text(MINUTES, timeout=40_000)
    expect(customer.locator("#eta-words")).to_have_text(re.compile(r"^Arrives around \d+:\d\d\s[AP]M$"))


def test_a_late_order_is_marked_and_helped_with_one_click(
    stack: Stack, dashboard: Callable[..., Page], artifacts: Path
) -> None:
    page = dashboard()
    page.get_by_role("button", name=re.compile("^Denver")).click()
    order_id = stack.clerk.ask(scene.late_order, name="Mira Holt", driver_name="Sol Faraway")
    row = page.locator(f"#active [data-order-id='{order_id}']")
    expect(row).to_contain_text(re.compile(r"\d+ min late"))
    row.click()
    remedy = page.locator("#remedy-rows .row").first
    expect(remedy).to_contain_text(re.compile(r"Give it to .+−\d+ min"))
    expect(remedy).to_contain_text("less late")
    page.screenshot(path=artifacts / "dashboard-late-1440x900.png")
    remedy.click()
    expect(page.locator("#toast")).to_contain_text("→")
    expect(row).not_to_contain_text("Sol Faraway")
    ((driver,),) = stack.rows(
        "SELECT d.name FROM orders o JOIN drivers d ON d.id = o.driver_id WHERE o.id = %s", order_id
    )
    assert driver != "Sol Faraway"


def test_why_an_eta_can_not_be_relied_on_is_read_on_the_page(
    stack: Stack, dashboard: Callable[..., Page], artifacts: Path
) -> None:
    page = dashboard()
    page.get_by_role("button", name=re.compile("^Denver")).click()
    order_id = stack.clerk.ask(scene.off_the_roads, name="Nadia Field", driver_name="Otto Plains")
    row = page.locator(f"#active [data-order-id='{order_id}']")
    expect(row.locator(".minutes")).to_have_text(re.compile(r"^~\d+ min$"), timeout=15_000)
    expect(row).to_contain_text("No road leads to the customer; check the address.")
    row.click()
    expect(page.locator("#order-panel .warning")).to_have_text(
        "No road leads to the customer; check the address."
    )
    page.screenshot(path=artifacts / "dashboard-problem-1440x900.png")
    page.locator("#order-panel").get_by_role("button", name="Otto Plains").click()
    expect(page.locator("#driver-panel h2").first).to_have_text("Otto Plains")


def test_an_order_for_tomorrow_is_under_later_and_its_page_names_the_time(
    stack: Stack, dashboard: Callable[..., Page], open_page: Callable[..., Page], artifacts: Path
) -> None:
    order_id, token = stack.clerk.ask(scene.later, name="Tara Morrow")
    customer = open_page(f"/track/?t={token}", PHONE)
    expect(customer.locator("#message")).to_have_text(
        re.compile(r"^Your order is planned for \w+day, \w+ \d+ at \d+:\d\d [AP]M\.$")
    )
    customer.screenshot(path=artifacts / "track-later-390x844.png")
    page = dashboard()
    page.get_by_role("button", name=re.compile("^Denver")).click()
    row = page.locator(f"#later [data-order-id='{order_id}']")
    expect(row).to_contain_text(re.compile(r"[A-Z][a-z]{2}, [A-Z][a-z]{2} \d+, \d+:\d\d\s[AP]M"))
    row.click()
    expect(page.locator("#order-panel")).to_contain_text("2 × Pad Thai")
    expect(page.locator("#order-panel")).to_contain_text("Door: Code 4711")
    expect(page.locator("#candidates")).to_be_hidden()
    page.screenshot(path=artifacts / "dashboard-later-1440x900.png")


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["390x844", "1440x900"])
def test_a_restaurant_or_a_city_is_paused_and_promises_later_with_one_click(
    stack: Stack, dashboard: Callable[..., Page], artifacts: Path, viewport: dict[str, int]
) -> None:
    size = f"{viewport['width']}x{viewport['height']}"
    page = dashboard(viewport)
    denver = page.locator("#cities").get_by_role("button", name=re.compile("^Denver"))
    denver.click()
    order_id, _ = new_order(stack, f"Pia Restall {viewport['width']}")
    row = page.locator(f"#unassigned [data-order-id='{order_id}']")
    row.click()
    pause = page.locator("#restaurant-switches [data-field=pause]")
    pause.click()
    expect(pause).to_have_text(re.compile(r"^× Paused until \d+:\d\d\s[AP]M$"))
    words = page.locator("#order-panel .warning[data-field=problem]")
    expect(words).to_have_text(re.compile(r"^The restaurant is paused until \d+:\d\d [AP]M\.$"))
    page.locator("#restaurant-switches select").select_option("too busy")
    expect(pause).to_contain_text(": too busy")
    page.locator("#restaurant-switches select").select_option("until resumed")
    expect(pause).to_have_text("× Paused: too busy")
    expect(words).to_have_text("The restaurant is paused.")
    page.screenshot(path=artifacts / f"dashboard-paused-{size}.png")
    pause.click()
    expect(words).to_be_hidden()
    page.locator("#toast-undo").click()
    expect(pause).to_have_text("× Paused: too busy")
    pause.click()
    expect(pause).to_have_text("Pause")
    page.locator("#order-panel [data-close]").click()

    extra, whole = (page.locator(f"#city-switches [data-field={name}]") for name in ("extra", "pause"))
    extra.click()
    expect(extra).to_have_text(re.compile(r"^× \+15 min until \d+:\d\d\s[AP]M$"))
    whole.click()
    expect(row).to_contain_text("The city is paused until")
    expect(denver).to_have_attribute("data-paused", "")
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    page.screenshot(path=artifacts / f"dashboard-city-paused-{size}.png")
    slow, _ = new_order(stack, f"Slow Nan {viewport['width']}")
    promised = "SELECT extract(epoch FROM promised_at - created_at) / 60 FROM orders WHERE id = %s"
    assert stack.rows(promised, slow) == [(60,)]
    for button, off in ((whole, "Pause"), (extra, "+15 min")):
        button.click()
        expect(button).to_have_text(off)
    expect(row).not_to_contain_text("paused")


def test_who_is_on_a_break_and_what_an_order_needs_is_read_on_the_page(
    stack: Stack, dashboard: Callable[..., Page], artifacts: Path
) -> None:
    page = dashboard()
    page.get_by_role("button", name=re.compile("^Denver")).click()
    order_id, driver_id = stack.clerk.ask(scene.picky, name="Bea Brewer", driver_name="Ben Rider")
    on_a_break = re.compile(r"On a break until \d+:\d\d\s[AP]M")
    row = page.locator(f"#drivers [data-driver-id='{driver_id}']")
    expect(row).to_contain_text(on_a_break)
    page.screenshot(path=artifacts / "dashboard-break-1440x900.png")
    row.click()
    panel = page.locator("#driver-panel")
    expect(panel).to_contain_text(on_a_break)
    expect(panel).to_contain_text("Bicycle")
    expect(panel).to_contain_text("Hot bag")
    expect(panel).not_to_contain_text("free for an order")
    page.screenshot(path=artifacts / "dashboard-bicycle-1440x900.png")
    page.locator(f"[data-order-id='{order_id}']").first.click()
    expect(page.locator("#order-panel")).to_contain_text("Alcohol")
    rider = page.locator(f"#candidates [data-driver-id='{driver_id}']")
    expect(rider).to_contain_text("lacks a skill that the order needs")
    page.screenshot(path=artifacts / "dashboard-needs-1440x900.png")


def test_food_that_nobody_gets_is_brought_back(
    stack: Stack, dashboard: Callable[..., Page], artifacts: Path
) -> None:
    page = dashboard()
    page.get_by_role("button", name=re.compile("^Denver")).click()
    order_id = stack.clerk.ask(scene.off_the_roads, name="Remy Gone", driver_name="Ona Carrier")
    page.locator(f"#active [data-order-id='{order_id}']").click()
    page.locator("#cancel").click()
    dialog = page.locator("#reason-dialog")
    expect(dialog).to_contain_text("the driver brings the food back")
    page.locator("#reason").fill("The customer called")
    dialog.locator("#reason-submit").click()
    page.locator("#drivers-panel").get_by_text("Ona Carrier").click()
    expect(page.locator("#stops")).to_contain_text("Bring back")
    page.screenshot(path=artifacts / "dashboard-return-1440x900.png")


def test_a_dispatcher_moves_a_stop_and_sees_what_the_planner_would_save(
    stack: Stack, dashboard: Callable[..., Page], artifacts: Path
) -> None:
    page = dashboard()
    page.get_by_role("button", name=re.compile("^Denver")).click()
    driver_id = stack.clerk.ask(scene.trip, driver_name="Iris Tran")
    page.locator(f"#drivers [data-driver-id='{driver_id}']").click()
    stops = page.locator("#stops .stop")
    # Planned: the arrivals are known.
    expect(stops.nth(2).locator(".minutes")).to_have_text(re.compile(r"\d+ min"), timeout=15_000)
    first, _, last = (name.text_content() for name in stops.locator("strong").all())
    for at in (2, 1):
        stops.nth(at).get_by_role("button", name="One earlier").click()
        expect(stops.nth(at - 1)).to_contain_text(f"{last}")
        expect(stops.nth(at - 1)).to_contain_text("pinned")
    saving = page.locator("#saving")
    expect(saving).to_contain_text(re.compile(r"saves \d+ min and "), timeout=15_000)
    page.screenshot(path=artifacts / "dashboard-saving-1440x900.png")
    saving.get_by_role("button", name="Apply").click()
    expect(stops.first).to_contain_text(f"{first}")
    expect(saving).to_be_hidden()
    expect(page.locator("#stops")).not_to_contain_text("pinned")
    page.locator("#toast-undo").click()
    expect(stops.first).to_contain_text(f"{last}")
    expect(stops.filter(has_text="pinned")).to_have_count(3)


def test_undo_brings_back_just_the_pins_that_were_or_says_that_it_comes_too_late(
    stack: Stack, dashboard: Callable[..., Page], watch: Watch
) -> None:
    page = dashboard()
    page.get_by_role("button", name=re.compile("^Denver")).click()
    driver_id = stack.clerk.ask(scene.trip, driver_name="Ida Thorne")
    driver = page.locator(f"#drivers [data-driver-id='{driver_id}']")
    driver.click()
    stops, toast = page.locator("#stops .stop"), page.locator("#toast")
    names, pinned = stops.locator("strong"), stops.filter(has_text="pinned")
    stops.nth(2).get_by_role("button", name="One earlier").click()
    expect(pinned).to_have_count(3)
    before = names.all_text_contents()

    # One of them is unpinned.
    page.locator("#driver-orders .order").first.click()
    page.locator("#unpin").click()
    expect(toast).to_contain_text("with all others again")
    page.keyboard.press("Escape")
    driver.click()
    expect(pinned).to_have_count(2)
    pins = pinned.locator("strong").all_text_contents()
    now = names.all_text_contents()
    stops.nth(1).get_by_role("button", name="One earlier").click()
    expect(pinned).to_have_count(3)
    page.locator("#toast-undo").click()
    expect(toast).to_contain_text("The stops are as they were.")
    expect(pinned.locator("strong")).to_have_text(pins)
    expect(names).to_have_text(now)

    page.locator("#driver-orders .order").last.click()
    page.locator("#unpin").click()
    expect(toast).to_contain_text("with all others again")
    page.locator("#toast-undo").click()
    expect(toast).to_contain_text("The stops are as they were.")
    page.keyboard.press("Escape")
    driver.click()
    expect(pinned.locator("strong")).to_have_text(pins)
    assert sorted(names.all_text_contents()) == sorted(before)

    stops.nth(1).get_by_role("button", name="One earlier").click()
    expect(toast).to_contain_text("stay in this order")
    stack.clerk.ask(scene.deliver_first, driver_id=driver_id)
    page.locator("#toast-undo").click()
    expect(toast).to_contain_text("The driver’s stops have changed meanwhile.")
    assert [fault for fault in watch.faults if "400" not in fault] == []
    watch.faults.clear()


def test_an_order_that_is_given_back_has_its_places_and_pins_again(
    stack: Stack, dashboard: Callable[..., Page], artifacts: Path
) -> None:
    page = dashboard()
    page.get_by_role("button", name=re.compile("^Denver")).click()
    driver_id, order_id = stack.clerk.ask(scene.pinned_trip, driver_name="Ola Brandt")
    driver = page.locator(f"#drivers [data-driver-id='{driver_id}']")
    driver.click()
    stops = page.locator("#stops .stop")
    expect(stops.filter(has_text="pinned")).to_have_count(2)

    def planned() -> list[tuple[str, str, bool]]:
        return stack.rows(
            """SELECT order_id::text, kind, pinned FROM stops WHERE driver_id = %s ORDER BY position""",
            driver_id,
        )

    before = planned()
    for undone in ("reassign", "unassign"):
        page.locator(f"#driver-orders [data-order-id='{order_id}']").click()
        expect(page.locator("#pinned")).to_be_visible()
        page.screenshot(path=artifacts / "dashboard-pinned-1440x900.png")
        page.locator(f"#{undone}").click()
        if undone == "reassign":
            page.locator("#candidate-rows .row").first.click()
        stack.wait_for(lambda: len(planned()) == 2, "the order gone")
        page.locator("#toast-undo").click()
        expect(page.locator("#toast")).to_contain_text("→ Ola Brandt")
        assert planned()[:2] == before[:2]
        page.keyboard.press("Escape")
        driver.click()
        expect(stops.filter(has_text="pinned")).to_have_count(2)


def test_what_the_server_refuses_is_taken_back(
    stack: Stack, dashboard: Callable[..., Page], watch: Watch
) -> None:
    page = dashboard()
    page.get_by_role("button", name=re.compile("^Denver")).click()
    order_id, _ = new_order(stack, "Ivan Petrov")
    stack.rows(
        "UPDATE orders SET customer_lat = NULL, customer_lng = NULL WHERE id = %s RETURNING id", order_id
    )
    page.locator(f"#unassigned [data-order-id='{order_id}']").click()
    page.locator("#candidate-rows .row").first.click()
    expect(page.locator("#toast")).to_contain_text("has no coordinates")
    expect(page.locator(f"#unassigned [data-order-id='{order_id}']")).to_be_visible()
    page.locator("#cancel").click()
    page.locator("#reason-form [type=submit]").click()
    expect(page.locator(f"#unassigned [data-order-id='{order_id}']")).to_have_count(0)
    assert [fault for fault in watch.faults if "400" not in fault] == []
    watch.faults.clear()


def test_a_pickup_that_a_geofence_made_up_is_undone_with_one_click(
    stack: Stack, dashboard: Callable[..., Page], artifacts: Path
) -> None:
    page = dashboard()
    page.get_by_role("button", name=re.compile("^Denver")).click()
    order_id, _ = new_order(stack, "Greta Sandoval")
    leave(stack, order_id, "Uma Rivers", at_the_door=False)
    card = page.locator("#active li", has=page.locator(f"[data-order-id='{order_id}']"))
    expect(card.locator(".automatic")).to_contain_text(re.compile(r"Picked up automatically \d+ s ago"))
    card.locator(".order").click()
    expect(page.locator("#automatic")).to_contain_text("Picked up automatically")
    page.screenshot(path=artifacts / "dashboard-automatic-1440x900.png")
    page.locator("#undo-pickup").click()
    expect(page.locator("#toast")).to_contain_text("Pickup undone")
    expect(card.locator(".chip")).to_have_text("At restaurant")
    expect(card.locator(".automatic")).to_be_hidden()
    expect(page.locator("#automatic")).to_be_hidden()
    expect(page.locator("#activity .event").filter(has_text="Greta Sandoval").first).to_contain_text(
        "Automatic pickup undone"
    )
    event = last_event(stack, order_id)
    assert event == ("driver_at_restaurant", "dispatcher", USERNAME, "The automatic pickup was undone.")


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["390x844", "1440x900"])
def test_a_door_that_was_left_alerts_until_somebody_says_how_it_went(
    stack: Stack, dashboard: Callable[..., Page], artifacts: Path, viewport: dict[str, int]
) -> None:
    page = dashboard(viewport)
    # An alert shows whatever city is looked at.
    page.get_by_role("button", name=re.compile("^Boulder")).click()
    order_id, _ = new_order(stack, "Hugo Marchetti")
    leave(stack, order_id, f"Vera Lund {viewport['width']}", at_the_door=True)
    alert = page.locator("#alerts li", has=page.locator(f"[data-order-id='{order_id}']"))
    expect(alert).to_contain_text("Denver")
    expect(page).to_have_title("(1) Dispatch · Doorstep")
    page.screenshot(path=artifacts / f"dashboard-alert-{viewport['width']}x{viewport['height']}.png")

    page.get_by_role("button", name=re.compile("^Denver")).click()
    if viewport is PHONE:
        page.locator("#tabs [data-tab=active]").click()
        expect(page.locator("#tab-alerts")).to_have_text("1")
    else:
        expect(page.locator("#drivers .row", has_text="Vera Lund").first).to_contain_text("⚠ left a door")
    expect(page.locator(f"#active [data-order-id='{order_id}'] .sign")).to_contain_text("⚠ left the door")

    # The driver comes back: nothing to ask. And leaves again.
    stack.clerk.ask(scene.come_back, order_id=order_id)
    expect(page.locator("#alerts-panel")).to_be_hidden()
    expect(page).to_have_title("Dispatch · Doorstep")
    stack.clerk.ask(scene.leave_again, order_id=order_id)
    expect(alert).to_be_visible()

    if viewport is PHONE:
        alert.get_by_role("button", name="Not handed over…").click()
    else:
        alert.locator(".order").click()
        expect(page.locator("#left-door")).to_contain_text("Was it delivered?")
        expect(page.locator("#left-door a")).to_have_attribute("href", "tel:+13035550100")
        page.locator("#left-door").get_by_role("button", name="Delivered…").click()
    dialog = page.locator("#reason-dialog")
    dialog.locator("#reason-submit").click()  # without a reason the browser asks for one
    expect(dialog).to_be_visible()
    chosen = "Nobody home" if viewport is PHONE else "Driver confirmed"
    dialog.get_by_role("button", name=chosen).click()
    dialog.locator("#reason-submit").click()
    expect(page.locator("#alerts-panel")).to_be_hidden()
    expect(page).to_have_title("Dispatch · Doorstep")
    ended = "failed" if viewport is PHONE else "delivered"
    assert last_event(stack, order_id) == (ended, "dispatcher", USERNAME, chosen)


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["390x844", "1440x900"])
def test_what_a_driver_has_who_ends_the_shift_is_handed_on_and_back(
    stack: Stack, dashboard: Callable[..., Page], artifacts: Path, viewport: dict[str, int]
) -> None:
    page = dashboard(viewport)
    page.get_by_role("button", name=re.compile("^Denver")).click()
    name = f"Odd Ekberg {viewport['width']}"
    driver_id = stack.clerk.ask(scene.ends_the_shift, driver_name=name)
    alert = page.locator("#stranded li", has=page.locator(f"[data-driver-id='{driver_id}']"))
    expect(alert).to_contain_text("2 orders")
    expect(page).to_have_title("(1) Dispatch · Doorstep")
    size = f"{viewport['width']}x{viewport['height']}"
    page.screenshot(path=artifacts / f"dashboard-stranded-{size}.png")

    if viewport is PHONE:
        alert.get_by_role("button", name="Hand on…").click()
    else:
        alert.locator(".order").click()
        expect(page.locator("#handing-on")).to_contain_text("The shift is over.")
        page.locator("#hand-on").click()
    dialog = page.locator("#succession-dialog")
    expect(dialog.locator(".heir")).to_have_count(2)
    expect(dialog.locator(".heir").first).to_contain_text("at the door")
    expect(dialog.locator("#end-shift-row")).to_be_hidden()
    page.screenshot(path=artifacts / f"dashboard-hand-on-{size}.png")
    one = dialog.locator("#succession-to option").nth(1).text_content() or ""
    dialog.locator("#succession-to").select_option(index=1)
    expect(dialog.locator(".heir").first).to_contain_text(f"→ {one.removeprefix('All to ')}")
    dialog.locator("#succession-submit").click()
    expect(page.locator("#toast")).to_contain_text(f"2 orders of {name} handed on.")
    expect(page.locator("#stranded-panel")).to_be_hidden()
    expect(page).to_have_title("Dispatch · Doorstep")
    has = "SELECT count(*) FROM orders WHERE driver_id = %s"
    assert stack.rows(has, driver_id) == [(0,)]

    page.locator("#toast-undo").click()
    expect(alert).to_contain_text("2 orders")
    assert stack.rows(has, driver_id) == [(2,)]
    stack.clerk.ask(scene.gone, driver_id=driver_id)
    expect(page.locator("#stranded-panel")).to_be_hidden()


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["390x844", "1440x900"])
def test_who_is_right_is_settled_once(
    stack: Stack, dashboard: Callable[..., Page], artifacts: Path, viewport: dict[str, int]
) -> None:
    page = dashboard(viewport)
    other = dashboard(viewport)
    name = f"Ida Brandt {viewport['width']}"
    order_id = stack.clerk.ask(scene.in_conflict, name=name, driver_name=f"Lew {viewport['width']}")
    conflict = page.locator(".conflict", has_text=name)
    expect(conflict).to_contain_text("without a network: delivered at")
    expect(conflict).to_contain_text(re.compile("dana: assigned to Lew .* too at"))
    page.screenshot(path=artifacts / f"dashboard-conflict-{viewport['width']}x{viewport['height']}.png")
    conflict.get_by_role("button", name=re.compile("^Delivered, as Lew")).click()
    expect(conflict).to_be_hidden()
    expect(other.locator(".conflict", has_text=name)).to_be_hidden()
    assert last_event(stack, order_id)[:3] == ("delivered", "dispatcher", USERNAME)


BEEPS = """async () => {
    const { beeper } = await import(document.querySelector("script[type=module]").src);
    return beeper.played;
}"""


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["390x844", "1440x900"])
def test_alerts_are_listed_heard_and_seen_by_one_for_all(
    stack: Stack, dashboard: Callable[..., Page], artifacts: Path, viewport: dict[str, int]
) -> None:
    page, another = dashboard(viewport), dashboard(DESKTOP)
    expect(page.locator("#sound")).to_have_attribute("data-state", "waiting")
    expect(page.locator("#sound-words")).to_have_text("Click for sound")
    count = stack.clerk.ask(scene.trouble)
    alerts = page.locator("#alarms li")
    expect(alerts).to_have_count(count, timeout=READY_S * 1000)
    expect(page.locator("#alarm-said")).not_to_be_empty()
    assert page.evaluate(BEEPS) == 0
    size = f"{viewport['width']}x{viewport['height']}"
    page.screenshot(path=artifacts / f"dashboard-alarms-{size}.png")

    # The first click allows the sound, and the next alert is heard.
    page.get_by_role("button", name=re.compile("^Boulder")).click()
    expect(page.locator("#sound")).to_have_attribute("data-state", "on")
    stack.clerk.ask(scene.neglected_in_boulder, name="Zoe Lark")
    expect(alerts).to_have_count(count + 1, timeout=READY_S * 1000)
    assert page.evaluate(BEEPS) == 1
    page.screenshot(path=artifacts / f"dashboard-alarms-heard-{size}.png")

    waiting = alerts.filter(has_text="Ana Vogel")
    waiting.get_by_role("button", name="Seen").click()
    for screen in (page, another):
        expect(screen.locator("#alarms li").filter(has_text="Ana Vogel")).to_have_count(0)
    page.locator("#toast-undo").click()
    for screen in (page, another):
        expect(screen.locator("#alarms li").filter(has_text="Ana Vogel")).to_have_count(1)

    page.locator("#sound").click()
    expect(page.locator("#sound")).to_have_attribute("data-state", "muted")
    waiting.locator(".row").click()
    expect(page.locator("#driver-panel h2")).to_have_text("Ana Vogel")
    page.keyboard.press("Escape")
    alerts.filter(has_text="Mateo Ruiz").locator(".row").click()
    expect(page.locator("#order-panel")).to_contain_text("Ivo Brandt")
    page.keyboard.press("Escape")
    page.reload()
    expect(page.locator("#sound")).to_have_attribute("data-state", "muted")
    stack.clerk.ask(scene.no_more_alerts)
    expect(page.locator("#alarms-panel")).to_be_hidden(timeout=READY_S * 1000)
    stack.clerk.ask(scene.everybody_in_boulder_is_served)


def test_a_driver_whose_fixes_are_no_use_is_marked_and_the_customer_is_not_fooled(
    stack: Stack, dashboard: Callable[..., Page], open_page: Callable[..., Page], artifacts: Path
) -> None:
    order_id, token = new_order(stack, "Ines Kovac")
    bearer = leave(stack, order_id, "Walt Emery", at_the_door=False)
    ((driver, lat, lng),) = stack.rows(
        """SELECT d.id::text, r.lat, r.lng FROM orders o JOIN drivers d ON d.id = o.driver_id
           JOIN restaurants r ON r.id = o.restaurant_id WHERE o.id = %s""",
        order_id,
    )
    page = dashboard()
    page.get_by_role("button", name=re.compile("^Denver")).click()

    def fix(seq: int, seconds: float = 0, north: float = 0.004) -> str:
        ts = time.time_ns() // 1_000_000 + int(seconds * 1000)
        return json.dumps({"type": "location", "lat": lat + north, "lng": lng, "ts": ts, "seq": seq})

    with connect(
        f"{stack.base.replace('http', 'ws')}/ws?role=driver",
        additional_headers={"Authorization": f"Bearer {bearer}"},
    ) as app:
        app.send(fix(1, -20))
        for seq, north in ((2, 1.0), (3, -1.0)):
            app.send(fix(seq, north=north))
        row = page.locator(f"#drivers [data-driver-id='{driver}']")
        expect(row).to_contain_text(re.compile(r"no fix for 0:[2-5]\d"))
        expect(row).to_contain_text("fixes turned away")
        (shown,) = page.evaluate(SHOWN, [driver])
        assert re.fullmatch(r"no fix for 0:[2-5]\d", shown["stale"])
        assert (shown["badge"], shown["pixel"]) == ("trouble", COLORS["offline"])
        row.click()
        expect(page.locator("#driver-panel [data-field=trouble]")).to_have_text(
            re.compile(r"^2 fixes not used since \d+:\d\d\s[AP]M: jumps \(2\)$")
        )
        page.screenshot(path=artifacts / "dashboard-trouble-1440x900.png")

        customer = open_page(f"/track/?t={token}", PHONE)
        expect(customer.locator(".driver-marker.stale .seen")).to_have_text(
            re.compile(r"^last seen [2-8]\d s ago$")
        )
        app.send(fix(4))
        page.keyboard.press("Escape")
        expect(row).not_to_contain_text("no fix for")
        expect(customer.locator(".driver-marker.stale")).to_have_count(0)
        expect(customer.locator(".driver-marker .seen")).to_be_hidden()


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["390x844", "1440x900"])
def test_customers_see_their_driver(
    stack: Stack, open_page: Callable[..., Page], artifacts: Path, viewport: dict[str, int]
) -> None:
    moving = ("to_restaurant", "picked_up")
    ((token, _), *_) = stack.wait_for(
        lambda: tokens(stack, *moving), "an order whose driver can be seen", MOVING_S
    )
    page = open_page(f"/track/?t={token}", viewport)
    marker = page.locator(".driver-marker")
    expect(marker).to_be_visible()
    expect(page.locator("#eta-number")).to_have_text(MINUTES)
    start = page.evaluate("document.querySelector('.driver-marker').style.transform")
    page.wait_for_function(
        "start => document.querySelector('.driver-marker')?.style.transform !== start",
        arg=start,
        timeout=MOVING_S * 1000,
    )
    size = f"{viewport['width']}x{viewport['height']}"
    page.screenshot(path=artifacts / f"track-{size}.png")


def test_phones_get_the_dashboard_too(dashboard: Callable[..., Page], artifacts: Path) -> None:
    page = dashboard(PHONE)
    page.get_by_role("button", name=re.compile("^Denver")).click()
    page.locator("#tabs [data-tab=drivers]").click()
    expect(page.locator("#drivers .row").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page.screenshot(path=artifacts / "dashboard-390x844.png")


def test_a_restaurant_is_put_on_the_map(
    stack: Stack, open_page: Callable[..., Page], session: list[Any], artifacts: Path
) -> None:
    """Pin, circle and form of the admin follow each other; nothing is saved here."""
    ((restaurant,),) = stack.rows("SELECT id::text FROM restaurants WHERE name = 'Clarkson Street Bagels'")
    page = open_page(f"/admin/dispatch/restaurant/{restaurant}/change/", DESKTOP, session)
    lat, lng, radius = (page.locator(f"#id_{name}") for name in ("lat", "lng", "geofence_radius"))
    pin, handle, map_ = (page.locator(name) for name in (".place-pin", ".place-radius", "#place-map"))
    expect(pin).to_be_visible()
    map_.scroll_into_view_if_needed()
    page.screenshot(path=artifacts / "admin-restaurant-1440x900.png")

    before = lat.input_value(), lng.input_value()
    map_.click(position={"x": 60, "y": 60})
    moved = lat.input_value(), lng.input_value()
    assert all(float(now) != float(then) for now, then in zip(moved, before, strict=True))

    radius.fill("50")
    narrow = handle.bounding_box()
    handle.hover()
    page.mouse.down()
    assert narrow is not None
    page.mouse.move(narrow["x"] + 90, narrow["y"] + narrow["height"] / 2, steps=3)
    page.mouse.up()
    assert int(radius.input_value()) > 50

    lat.fill("")
    expect(pin).to_have_count(0)
    lat.fill(before[0])
    expect(pin).to_have_count(1)


def test_an_address_is_searched_for_and_its_pin_put_right(
    stack: Stack, open_page: Callable[..., Page], session: list[Any], artifacts: Path
) -> None:
    """On an order's page, as on a restaurant's; nothing is saved here."""
    page = open_page("/admin/dispatch/order/add/", DESKTOP, session)
    search = page.get_by_role("searchbox", name="Find an address")
    lat, pin = page.locator("#id_customer_lat"), page.locator(".place-pin")
    search.scroll_into_view_if_needed()
    search.fill("1867 lawrnce st, denver")
    search.press("Enter")
    found = page.get_by_role("button", name="1867 Lawrence Street")
    expect(found).to_have_text("1867 Lawrence Street (somewhere in its block)")
    page.screenshot(path=artifacts / "admin-address-search-1440x900.png")
    found.click()
    expect(pin).to_be_visible()
    assert 39.7503 < float(lat.input_value()) < 39.7514
    expect(page.locator("#place-search-status")).to_contain_text("Look whether the pin is right")
    page.locator("#place-map").scroll_into_view_if_needed()
    page.screenshot(path=artifacts / "admin-address-found-1440x900.png")
    page.locator("#place-map").click(position={"x": 60, "y": 60})
    assert float(lat.input_value()) > 39.7514
    search.fill("12 Nowhere Lane")
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.locator("#place-search-status")).to_contain_text("Nothing is found")


#: So that nobody finds it among the orders of other tests.
IMPORTED_GONE = """
UPDATE orders SET status = 'cancelled' WHERE customer_address = '1867 Lawrence St' RETURNING id
"""


def test_a_file_of_orders_is_tried_before_it_is_imported(
    stack: Stack, open_page: Callable[..., Page], session: list[Any], artifacts: Path
) -> None:
    page = open_page("/admin/dispatch/order/", DESKTOP, session)
    expect(page.get_by_role("link", name="Export CSV")).to_be_visible()
    page.screenshot(path=artifacts / "admin-orders-1440x900.png")
    page.get_by_role("link", name="Import CSV").click()

    def choose(text: str) -> None:
        page.locator("#id_file").set_input_files(
            {"name": "orders.csv", "mimeType": "text/csv", "buffer": text.encode()}
        )
        page.get_by_role("button", name="Try").click()

    page.screenshot(path=artifacts / "admin-import-1440x900.png")
    choose("restaurant;customer_address;bags\nNobody’s;1701 Wynkoop St;0\n")
    expect(page.locator(".errorlist li")).to_have_count(2)
    page.screenshot(path=artifacts / "admin-import-mistakes-1440x900.png")
    choose(
        "restaurant;customer_address;wanted_at\nClarkson Street Bagels;1867 Lawrence St;2099-11-30 18:30\n"
    )
    expect(page.get_by_role("button", name="Import 1 new order")).to_be_visible()
    page.screenshot(path=artifacts / "admin-import-tried-1440x900.png")
    page.get_by_role("button", name="Import 1 new order").click()
    expect(page.locator(".messagelist")).to_contain_text("Imported: 1 new order")
    assert len(stack.rows(IMPORTED_GONE)) == 1


def test_a_city_has_its_area_drawn_on_the_map(
    stack: Stack, open_page: Callable[..., Page], session: list[Any], artifacts: Path
) -> None:
    """Text and outline follow each other; nothing is saved here."""
    ((city,),) = stack.rows("SELECT id::text FROM cities WHERE name = 'Boulder'")
    page = open_page(f"/admin/dispatch/city/{city}/change/", DESKTOP, session)
    text, map_, corners = (
        page.locator(name) for name in ("#id_delivery_area-0-area", "#area-map", "#area-map .place-radius")
    )
    map_.scroll_into_view_if_needed()
    page.get_by_role("button", name="Draw a new outline").click()
    for x, y in ((100, 100), (400, 120), (300, 350)):
        map_.click(position={"x": x, "y": y})
    drawn = json.loads(text.input_value())
    (ring,) = drawn["coordinates"]
    assert (drawn["type"], len(ring), ring[0]) == ("Polygon", 4, ring[-1])
    assert all(-106 < lng < -104 and 39 < lat < 41 for lng, lat in ring)
    expect(corners).to_have_count(3)
    page.screenshot(path=artifacts / "admin-city-1440x900.png", full_page=True)

    box = corners.first.bounding_box()
    assert box is not None
    corners.first.hover()
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 40, steps=3)
    page.mouse.up()
    (moved,) = json.loads(text.input_value())["coordinates"]
    assert (moved[0] != ring[0], moved[0], moved[1:3]) == (True, moved[-1], ring[1:3])
    text.fill("{")
    text.blur()
    expect(corners).to_have_count(0)


def test_pages_come_back_by_themselves(
    stack: Stack, dashboard: Callable[..., Page], open_page: Callable[..., Page], watch: Watch
) -> None:
    ((token, _), *_) = stack.wait_for(
        lambda: stack.rows(
            "SELECT tracking_token, status FROM orders WHERE status <> ALL('{delivered,cancelled,failed}')"
        ),
        "an order",
    )
    desk, customer = dashboard(), open_page(f"/track/?t={token}", PHONE)
    expect(customer.locator("#message")).not_to_be_empty()
    watch.offline = True
    stack.stop_web()
    expect(desk.locator("#live")).not_to_have_attribute("data-state", "live")
    expect(customer.locator("#connection")).to_contain_text("Connection lost")
    stack.start_web()
    expect(desk.locator("#live")).to_have_attribute("data-state", "live", timeout=30_000)
    expect(customer.locator("#connection")).to_be_hidden(timeout=30_000)
    name = "Salma Idris"
    order_id, _ = new_order(stack, name)
    desk.get_by_role("button", name=re.compile("^All")).click()
    expect(desk.locator(f"[data-order-id='{order_id}']")).to_contain_text(name)


def is_ready(frame: str | bytes) -> bool:
    return '"type":"ready"' in str(frame)


def test_what_an_operator_sends_to_an_orders_group_is_on_its_page(
    stack: Stack, open_page: Callable[..., Page], artifacts: Path
) -> None:
    """The snippet of docs/protocol.md, in `manage.py shell`."""
    _, token = new_order(stack, "Ottilie Brandt")
    page = open_page(f"/track/?t={token}", PHONE)
    page.wait_for_function(IS_LIVE)
    send_operator_message(token, stack.env)
    expect(page.locator("#message")).to_have_text(MESSAGE)
    page.screenshot(path=artifacts / "track-hello-390x844.png")


def test_a_wrong_link_says_so(stack: Stack, open_page: Callable[..., Page], watch: Watch) -> None:
    page = open_page(f"/track/?t={'0' * 32}", PHONE)
    expect(page.get_by_role("heading")).to_have_text("This tracking link isn’t valid")
    assert all("404" in fault for fault in watch.faults)
    watch.faults.clear()
