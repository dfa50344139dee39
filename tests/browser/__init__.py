"""A real browser for tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from tests.services import program

QUIET = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
DESK: dict[str, Any] = {"locale": "en-GB", "viewport": {"width": 1280, "height": 900}}
PATIENCE = 20  # seconds


@contextmanager
def chromium() -> Iterator[BrowserContext]:
    """
    Headless Chromium with empty cookies and caches.

    Playwright keeps an event loop in this thread. There Django refuses to ask the database unless the environment has
    DJANGO_ALLOW_ASYNC_UNSAFE, and opens connections of its own, which nobody else would close.
    """
    executable = program("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(QUIET))
        context = browser.new_context(**DESK)
        context.set_default_timeout(PATIENCE * 1000)
        try:
            yield context
        finally:
            browser.close()
            connections.close_all()


def somebody_else(context: BrowserContext) -> BrowserContext:
    """Another person: the same Chromium with cookies of its own."""
    assert context.browser is not None
    other = context.browser.new_context(**DESK)
    other.set_default_timeout(PATIENCE * 1000)
    return other


def sign_in_to_admin(page: Page, address: str, username: str, password: str) -> None:
    """Ends on the admin's front page, or on whichever page of the admin was asked for."""
    page.goto(address)
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def eventually(found: Callable[[], Any]) -> Any:
    """What ``found`` returns, once that is something: for what a server does after it has answered."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if result := found():
            return result
        time.sleep(0.02)
    raise AssertionError(f"{found} found nothing in {PATIENCE} seconds.")
