"""Whether everybody can use a page: axe-core, on a phone and on a desk, light and dark."""

from __future__ import annotations

from itertools import product
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LOOKS = tuple(product((360, 1280), SCHEMES))
OPTIONS: dict[str, Any] = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}


def barriers(page: Page, *within: str) -> str:
    """What keeps people from using what is shown now, or those parts of it; empty if nothing does."""
    # Colours that are on their way from light to dark have any contrast.
    page.wait_for_function("document.getAnimations().every(animation => animation.playState !== 'running')")
    context = {"include": [[selector] for selector in within]} if within else None
    found = Axe().run(page, context=context, options=OPTIONS)
    return found.generate_report() if found.violations_count else ""


def assert_open_to_everybody(page: Page, *within: str) -> None:
    """In every look: no barrier in those parts, or in the whole page, and nothing beyond the edge of the screen."""
    page.wait_for_load_state("networkidle")
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        look = f"{page.url} at {width} pixels, {scheme}"
        found = barriers(page, *within)
        assert not found, f"{look}: {found}"
        assert_nothing_is_cut_off(page)


def assert_nothing_is_cut_off(page: Page) -> None:
    """Neither the page nor a list of the admin has parts that are seen only by scrolling sideways."""
    for part in ("html", ".results"):
        for wide, shown in page.locator(part).evaluate_all("all => all.map(one => [one.scrollWidth, one.clientWidth])"):
            assert wide <= shown, f"{page.url}: {part} is {wide} pixels wide, and {shown} are shown"
