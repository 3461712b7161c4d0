"""The API's page, as the engineer of an ordering platform reads it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DESKTOP, PHONE

#: A page that is wider than the screen has to be pushed to and fro.
OVERFLOWS = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_api_explains_itself(
    open_page: Callable[..., Page], artifacts: Path, viewport: dict[str, int]
) -> None:
    page = open_page("/api/v1/docs", viewport)
    page.get_by_role("link", name="Place an order").click()
    placing = page.locator("#placeOrder")
    expect(placing).to_be_in_viewport()
    expect(placing).to_contain_text("POST /api/v1/orders")
    expect(placing.locator("pre")).to_contain_text("curl -X POST")
    page.screenshot(path=artifacts / f"api-{viewport['width']}.png")
    placing.get_by_role("link", name="NewOrder").click()
    expect(page.locator("#NewOrder")).to_contain_text("customer_phone")
    page.screenshot(path=artifacts / f"api-types-{viewport['width']}.png")
    assert not page.evaluate(OVERFLOWS)
