"""Texts to customers, as dispatchers read them and staff write them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import scene
from tests.e2e.conftest import DESKTOP, PHONE, Stack

#: A page that is wider than the screen has to be pushed to and fro.
OVERFLOWS = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_dispatcher_reads_what_customers_were_texted(
    stack: Stack,
    open_page: Callable[..., Page],
    session: list[Any],
    artifacts: Path,
    viewport: dict[str, int],
) -> None:
    order_id, token = stack.clerk.ask(scene.new_order, name="Lucía Ortega")
    is_sent = "SELECT 1 FROM messages WHERE order_id = %s AND kind = 'link' AND state = 'sent'"
    stack.wait_for(lambda: stack.rows(is_sent, order_id), "the text")
    page = open_page("/dispatch/messages/", viewport, session)
    text = page.locator(".texts li").filter(has=page.locator(f'a[href*="{order_id}"]'))
    expect(text).to_contain_text("has your order. Follow it here:")
    expect(text).to_contain_text("Sent. 1 segment, en, gateway default.")
    expect(text).to_contain_text("to …100")
    expect(text.locator(".bubble a")).to_have_attribute("href", f"{stack.base}/track/?t={token}")
    assert not page.evaluate(OVERFLOWS)
    page.screenshot(path=artifacts / f"messages-{viewport['width']}x{viewport['height']}.png")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_staff_see_a_text_as_it_is_written(
    stack: Stack,
    open_page: Callable[..., Page],
    session: list[Any],
    artifacts: Path,
    viewport: dict[str, int],
) -> None:
    page = open_page("/admin/dispatch/messagetext/add/", viewport, session)
    panel = page.locator("#text-preview")
    expect(panel).to_contain_text("Choose what the text tells.")
    page.get_by_label("Kind").select_option("nearby")
    expect(panel).to_contain_text("Doorstep’s own: Your order from {restaurant} is almost there")
    page.get_by_label("Text", exact=False).last.fill("{driver} ya está cerca con tu pedido de {restaurant}.")
    expect(panel.locator(".bubble")).to_have_text("Grace ya está cerca con tu pedido de Larimer Noodles.")
    expect(panel).to_contain_text("1 segment, 53 places of UCS-2. á can’t be told in GSM-7")
    page.screenshot(
        path=artifacts / f"message-text-{viewport['width']}x{viewport['height']}.png", full_page=True
    )
    page.get_by_label("Text", exact=False).last.fill("Hello {name}")
    expect(panel.locator(".problem")).to_contain_text("There is no placeholder {name}")
    expect(panel.locator(".bubble")).to_be_hidden()


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_budget_that_is_used_up_stands_over_the_dashboard(
    stack: Stack, dashboard: Callable[..., Page], artifacts: Path, viewport: dict[str, int]
) -> None:
    stack.rows("DELETE FROM message_settings RETURNING 1")
    stack.rows(
        "INSERT INTO message_settings (city_id, daily_segments) SELECT id, 0 FROM cities WHERE name = %s RETURNING 1",
        "Boulder",
    )
    page = dashboard(viewport)
    expect(page.locator("#notices")).to_have_text(
        "Boulder: the day’s budget for texts is used up. Only tracking links go out until midnight."
    )
    page.screenshot(path=artifacts / f"dashboard-notice-{viewport['width']}x{viewport['height']}.png")
    stack.rows("DELETE FROM message_settings RETURNING 1")
