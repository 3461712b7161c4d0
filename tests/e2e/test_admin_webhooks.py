"""Webhooks and outgoing messages, as staff see them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e import scene
from tests.e2e.conftest import DESKTOP, PHONE, Stack

ADMINISTRATOR, PASSWORD = "administrator", "of-webhooks"
WEBHOOKS, MESSAGES = "/admin/dispatch/webhookendpoint/", "/admin/dispatch/outboxentry/"


@pytest.fixture(scope="module")
def administrator(browser: Browser, stack: Stack) -> list[Any]:
    """The cookies of an administrator who has signed in."""
    stack.clerk.ask(scene.webhooks, ADMINISTRATOR, PASSWORD)
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{stack.base}/admin/")
    page.get_by_label("Username").fill(ADMINISTRATOR)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{stack.base}/admin/")
    cookies = context.cookies()
    context.close()
    return cookies


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_dead_letter_and_a_webhook_that_is_disabled(
    open_page: Callable[..., Page], administrator: list[Any], artifacts: Path, viewport: dict[str, int]
) -> None:
    page = open_page("/admin/", viewport, administrator)
    expect(page.locator(".messagelist")).to_contain_text("https://old-shop.example/doorstep is disabled.")
    page.screenshot(path=artifacts / f"admin-index-{viewport['width']}.png")
    page = open_page(WEBHOOKS, viewport, administrator)
    expect(page.locator("#result_list")).to_contain_text("Disabled. It has taken nothing since")
    page.screenshot(path=artifacts / f"webhooks-{viewport['width']}.png")
    page = open_page(f"{WEBHOOKS}add/", viewport, administrator)
    expect(page.get_by_label("driver assigned")).to_be_visible()
    page.screenshot(path=artifacts / f"webhook-{viewport['width']}.png")
    page = open_page(f"{MESSAGES}?state__exact=dead", viewport, administrator)
    expect(page.locator("#result_list")).to_contain_text("Internal Server Error")
    page.screenshot(path=artifacts / f"messages-{viewport['width']}.png")
    page.locator("#result_list tbody th a").click()
    expect(page.locator(".field-answer_code")).to_contain_text("500")
    page.screenshot(path=artifacts / f"message-{viewport['width']}.png")
