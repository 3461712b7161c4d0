"""What dispatchers and customers see while orders are under way."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DESKTOP, PHONE, Stack, Watch

COLORS = {"idle": "#15894b", "to_restaurant": "#f0b400", "delivering": "#1d62e0", "offline": "#8b95a1"}
MOVING_S = 60

#: The page's own module, not a copy: browsers load a module once.
SHOWN = """async (id) => {
    const page = await import(document.querySelector("script[type=module]").src);
    const shown = page.fleetLayer.shown(id);
    if (!shown) return null;
    const canvas = page.map.getPane("overlayPane").querySelector("canvas");
    const box = canvas.getBoundingClientRect();
    const ground = page.map.getContainer().getBoundingClientRect();
    const scale = canvas.width / box.width;
    const [x, y] = [shown.point.x + ground.left - box.left, shown.point.y + ground.top - box.top];
    const rgb = [...canvas.getContext("2d").getImageData(x * scale, y * scale, 1, 1).data].slice(0, 3);
    return { ...shown, pixel: "#" + rgb.map((part) => part.toString(16).padStart(2, "0")).join("") };
}"""

CREATE_ORDER = """
from dispatch import actions
from dispatch.models import Restaurant
kitchen = Restaurant.objects.filter(city__name="Denver").order_by("name").first()
order = actions.create_order(
    kitchen.pk, customer_name={name!r}, customer_address="1 Browser Street", customer_lat=kitchen.lat + 0.004,
    customer_lng=kitchen.lng, customer_phone="+1 303 555 0100",
)
order.refresh_from_db()
print("order", order.pk, order.tracking_token)
"""


def new_order(stack: Stack, name: str) -> tuple[str, str]:
    """Id and tracking token of an order that just came in."""
    said = stack.manage("shell", "-c", CREATE_ORDER.format(name=name))
    found = re.search(r"order (\S+) (\S+)", said)
    assert found, said
    return found[1], found[2]


def tokens(stack: Stack, *statuses: str) -> list[tuple[str, str]]:
    """Tracking token and status of orders whose own driver can be seen now, the newest first."""
    return stack.rows(
        """SELECT o.tracking_token, o.status FROM orders o
           JOIN LATERAL (SELECT order_id FROM stops WHERE driver_id = o.driver_id AND done_at IS NULL
                         ORDER BY position LIMIT 1) AS next ON next.order_id = o.id
           WHERE o.status = ANY(%s) AND o.eta_minutes IS NOT NULL ORDER BY o.created_at DESC""",
        list(statuses),
    )


def position(marker: Any) -> tuple[float, float]:
    box = marker.bounding_box()
    return box["x"], box["y"]


def test_dispatchers_see_the_fleet(
    stack: Stack, dashboard: Callable[..., Page], artifacts: Path
) -> None:
    page = dashboard()
    busy = lambda: len(stack.rows("SELECT 1 FROM drivers WHERE status IN ('to_restaurant', 'delivering')")) >= 4  # noqa: E731
    stack.wait_for(busy, "drivers with orders", MOVING_S)
    stack.wait_for(lambda: stack.rows("SELECT 1 FROM drivers WHERE status = 'delivering'"), "a delivery", MOVING_S)
    page.get_by_role("button", name=re.compile("^Denver")).click()
    expect(page.locator("#active .row").first).to_be_visible()
    expect(page.locator("#active .minutes").first).to_have_text(re.compile(r"^~?\d+ min$"))
    row = page.locator("#drivers [data-status=delivering], #drivers [data-status=to_restaurant]").first
    expect(row).to_be_visible()
    driver = row.get_attribute("data-driver-id")
    before = page.evaluate(SHOWN, driver)
    moved = f"""async () => {{
        const now = await ({SHOWN})({json.dumps(driver)});
        return now && (now.lat !== {before["lat"]} || now.lng !== {before["lng"]});
    }}"""
    page.wait_for_function(moved, timeout=MOVING_S * 1000)
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
    page.get_by_role("button", name=re.compile("^All")).click()
    rows = page.locator("#drivers .row")
    expect(rows).to_have_count(len(stack.rows("SELECT 1 FROM drivers")))
    seen = {}
    for driver in rows.all():
        status, driver_id = driver.get_attribute("data-status"), driver.get_attribute("data-driver-id")
        shown = page.evaluate(SHOWN, driver_id)
        if shown is not None and shown["status"] == status:
            assert shown["color"] == COLORS[status]
            seen.setdefault(status, []).append(shown["pixel"])
    assert len(seen) >= 2
    assert set(seen) <= set(COLORS)
    # Seen from afar drivers cover each other: of each status at least one lies on top.
    for status, pixels in seen.items():
        assert COLORS[status] in pixels, (status, pixels)


def test_an_order_is_assigned_on_the_page_and_its_customer_sees_it(
    stack: Stack, dashboard: Callable[..., Page], open_page: Callable[..., Page]
) -> None:
    desk = dashboard()
    desk.get_by_role("button", name=re.compile("^Denver")).click()
    order_id, token = new_order(stack, "Wanda Browser")
    customer = open_page(f"/track/?t={token}", PHONE)
    sheet = customer.locator("#sheet")
    expect(sheet).to_have_attribute("data-status", "pending")

    desk.locator(f"#unassigned [data-order-id='{order_id}']").click()
    chosen = desk.locator("#candidate-rows .row").first
    driver_id = chosen.get_attribute("data-driver-id")
    chosen.click()
    expect(desk.locator("#toast")).to_contain_text("→")
    expect(desk.locator(f"#active [data-order-id='{order_id}']")).to_be_visible()
    assert stack.rows("SELECT driver_id::text FROM orders WHERE id = %s", order_id) == [(driver_id,)]

    # Without a reload: the words, the step and, as soon as it is known, the arrival.
    expect(sheet).not_to_have_attribute("data-status", "pending")
    expect(customer.locator("#steps [aria-current=step]")).to_have_count(1)
    expect(customer.locator("#eta-number")).to_have_text(re.compile(r"^\d+$"), timeout=40_000)
    expect(customer.locator("#eta-words")).to_have_text(re.compile(r"^Arrives around \d+:\d\d\s[AP]M$"))


def test_what_the_server_refuses_is_taken_back(stack: Stack, dashboard: Callable[..., Page], watch: Watch) -> None:
    page = dashboard()
    page.get_by_role("button", name=re.compile("^Denver")).click()
    order_id, _ = new_order(stack, "Rita Rollback")
    stack.rows("UPDATE orders SET customer_lat = NULL, customer_lng = NULL WHERE id = %s RETURNING id", order_id)
    page.locator(f"#unassigned [data-order-id='{order_id}']").click()
    page.locator("#candidate-rows .row").first.click()
    expect(page.locator("#toast")).to_contain_text("has no coordinates")
    expect(page.locator(f"#unassigned [data-order-id='{order_id}']")).to_be_visible()
    page.locator("#cancel").click()
    page.locator("#cancel-form [type=submit]").click()
    expect(page.locator(f"#unassigned [data-order-id='{order_id}']")).to_have_count(0)
    assert [fault for fault in watch.faults if "400" not in fault] == []
    watch.faults.clear()


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["390x844", "1440x900"])
def test_customers_see_their_driver(
    stack: Stack, open_page: Callable[..., Page], artifacts: Path, viewport: dict[str, int]
) -> None:
    moving = ("to_restaurant", "picked_up")
    ((token, _), *_) = stack.wait_for(lambda: tokens(stack, *moving), "an order whose driver can be seen", MOVING_S)
    page = open_page(f"/track/?t={token}", viewport)
    marker = page.locator(".driver-marker")
    expect(marker).to_be_visible()
    expect(page.locator("#eta-number")).to_have_text(re.compile(r"^\d+$"))
    start = page.evaluate("document.querySelector('.driver-marker').style.transform")
    page.wait_for_function(
        "start => document.querySelector('.driver-marker')?.style.transform !== start", arg=start, timeout=MOVING_S * 1000
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


def test_pages_come_back_by_themselves(
    stack: Stack, dashboard: Callable[..., Page], open_page: Callable[..., Page], watch: Watch
) -> None:
    ((token, _), *_) = stack.wait_for(
        lambda: stack.rows("SELECT tracking_token, status FROM orders WHERE status <> ALL('{delivered,cancelled,failed}')"),
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
    name = "Rena Connect"
    order_id, _ = new_order(stack, name)
    desk.get_by_role("button", name=re.compile("^All")).click()
    expect(desk.locator(f"[data-order-id='{order_id}']")).to_contain_text(name)


def test_a_wrong_link_says_so(stack: Stack, open_page: Callable[..., Page], watch: Watch) -> None:
    page = open_page(f"/track/?t={'0' * 32}", PHONE)
    expect(page.get_by_role("heading")).to_have_text("This tracking link isn’t valid")
    assert all("404" in fault for fault in watch.faults)
    watch.faults.clear()
