"""
The pictures of the documentation: ``python -m tests.browser.screenshots`` writes them into docs/images.

They show the example shop on a server and with a database of their own, which are gone afterwards.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import django
from PIL import Image
from playwright.sync_api import Page

from tests.browser import chromium, sign_in_to_admin

IMAGES = Path(__file__).resolve().parent.parent.parent / "docs" / "images"
COLOURS = 128  # enough for flat surfaces, and a quarter of the bytes
DESK, BOOK, PHONE = (1280, 800), (820, 640), (360, 720)


def main() -> None:
    with TemporaryDirectory() as directory:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "example_project.settings",
            "EXAMPLE_DATA_DIR": directory,
            "DJANGO_ALLOW_ASYNC_UNSAFE": "1",
        }
        django.setup()
        # Only now there are settings to import these with.
        from example_project.shop.walk import free_port, served
        from tests.browser.believable import open_shop

        port = free_port()
        address = f"http://127.0.0.1:{port}"
        shown = open_shop(address)
        with served(port), chromium() as context:
            page = context.new_page()
            of_shop(page, address, shown)
            of_buyers(page, address, shown)
            of_desk(page, address, shown)


def of_shop(page: Page, address: str, shown: Any) -> None:
    look(page, DESK)
    page.goto(address)
    take(page, "shop")
    look(page, PHONE)
    take(page, "shop-phone")
    look(page, DESK)
    page.goto(address + shown.digital.variant.get_absolute_url())
    take(page, "product", height=640)
    look(page, BOOK)
    page.goto(address + shown.order.get_absolute_url())
    take(page, "order", height=720)
    look(page, DESK)
    page.goto(f"{address}/api/v2/docs")
    page.get_by_text("/api/v2/storefront/digitals/{token}").first.wait_for()
    take(page, "api")


def of_buyers(page: Page, address: str, shown: Any) -> None:
    from spree_digitals.mails import compose

    look(page, BOOK)
    page.goto(f"{address}/downloads/{shown.ready.token}")
    take(page, "link", height=545)
    look(page, PHONE, "dark")
    take(page, "link-phone-dark", height=690)
    look(page, BOOK)
    page.goto(f"{address}/downloads/{shown.expired.token}")
    take(page, "link-refused", height=540)
    page.goto(f"{address}/account/log-in")
    page.get_by_label("Username").fill("buyer")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Log in").click()
    page.goto(f"{address}/downloads/")
    take(page, "my-downloads", height=840)
    message = compose(shown.mail)
    assert message is not None
    page.goto("about:blank")
    page.set_content(str(message.alternatives[0][0]))
    take(page, "mail", height=900)
    page.context.clear_cookies()


def of_desk(page: Page, address: str, shown: Any) -> None:
    from django.urls import reverse

    def visit(name: str, *args: Any) -> None:
        page.goto(address + reverse(f"admin:spree_digitals_{name}", args=args))

    look(page, DESK)
    sign_in_to_admin(page, address + reverse("admin:index"), "staff", "demo")
    visit("digitallink_changelist")
    take(page, "admin-links")
    visit("digitallink_change", shown.case.pk)
    take(page, "admin-link", height=575)
    take(page, "admin-timeline", of=["#timeline"])
    page.get_by_role("button", name="Extend…").click()
    page.get_by_label("More days").fill("7")
    page.get_by_label("More downloads").fill("2")
    page.get_by_label("Why").fill("bought it in March, was ill")
    take(page, "admin-extend", height=490)
    visit("digital_change", shown.digital.pk)
    take(page, "admin-file", of=["#usage", "#versions"])
    visit("storelimits_change", shown.limits.pk)
    take(page, "admin-limits", height=595)
    visit("download_report")
    take(page, "report", height=1100)


def look(page: Page, size: tuple[int, int], scheme: Any = "light") -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=scheme)


def take(page: Page, name: str, *, height: int | None = None, of: Sequence[str] = ()) -> None:
    """What the screen shows, or the page down to this height and no further than it goes, or neighbouring parts."""
    page.wait_for_load_state("networkidle")
    settled(page)
    if of:
        save(name, page.screenshot(full_page=True, clip=around(page, of)))
    elif height is None:
        save(name, page.screenshot())
    else:
        assert page.viewport_size is not None
        clip: Any = {"x": 0, "y": 0, "width": page.viewport_size["width"], "height": min(height, content_height(page))}
        save(name, page.screenshot(full_page=True, clip=clip))


def around(page: Page, parts: Sequence[str]) -> Any:
    """A frame that holds these parts, one below the other."""
    boxes = [box for part in parts if (box := page.locator(part).bounding_box()) is not None]
    top = min(box["y"] for box in boxes)
    bottom = max(box["y"] + box["height"] for box in boxes)
    return {**boxes[0], "y": top, "height": bottom - top}


def content_height(page: Page) -> int:
    height: int = page.evaluate("document.documentElement.scrollHeight")
    return height


def settled(page: Page) -> None:
    """Nothing has the focus, and every colour has arrived."""
    page.evaluate("document.activeElement?.blur()")
    page.wait_for_function("document.getAnimations().every(animation => animation.playState !== 'running')")


def save(name: str, png: bytes) -> None:
    IMAGES.mkdir(exist_ok=True)
    image = Image.open(io.BytesIO(png)).convert("RGB")
    small = image.quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
