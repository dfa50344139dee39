"""A real browser for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections
from playwright.sync_api import BrowserContext, sync_playwright

from tests.services import program

QUIET = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


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
        context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
        context.set_default_timeout(20_000)
        try:
            yield context
        finally:
            browser.close()
            connections.close_all()
