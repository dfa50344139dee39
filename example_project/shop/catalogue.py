"""Five products with real files, which are made here: nothing has to be fetched or shipped."""

from __future__ import annotations

import io
import math
import struct
import wave
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from django.core.files.base import ContentFile
from PIL import Image, ImageDraw

from spree_digitals.models import Digital

from .models import Store, Variant


def book() -> bytes:
    """A PDF of three pages."""
    pages = []
    for number, line in enumerate(("The Paper Lighthouse", "It was a night of ink and salt.", "The end."), start=1):
        page = Image.new("RGB", (420, 595), "#fffdf7")
        draw = ImageDraw.Draw(page)
        draw.text((60, 120), line, fill="#222222")
        draw.text((200, 560), str(number), fill="#888888")
        pages.append(page)
    buffer = io.BytesIO()
    pages[0].save(buffer, "PDF", save_all=True, append_images=pages[1:])
    return buffer.getvalue()


def poster() -> bytes:
    """A PNG of a sun over the sea."""
    image = Image.linear_gradient("L").resize((600, 800)).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.ellipse((200, 260, 400, 460), fill="#ffb347")
    draw.rectangle((0, 560, 600, 800), fill="#1b3a57")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def song() -> bytes:
    """A WAV of two seconds: a tone that fades."""
    rate, seconds = 8000, 2
    samples = (
        int(12000 * (1 - i / (rate * seconds)) * math.sin(2 * math.pi * 440 * i / rate)) for i in range(rate * seconds)
    )
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(rate)
        audio.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return buffer.getvalue()


def icons() -> bytes:
    """A zip of three SVG files."""
    shapes = {
        "circle": '<circle cx="12" cy="12" r="10"/>',
        "square": '<rect x="3" y="3" width="18" height="18"/>',
        "triangle": '<path d="M12 3 22 21H2z"/>',
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, shape in shapes.items():
            svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">{shape}</svg>\n'
            archive.writestr(zipfile.ZipInfo(f"icons/{name}.svg", (2026, 1, 1, 0, 0, 0)), svg)
    return buffer.getvalue()


def planner() -> bytes:
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    return "".join(f"{day}\n{'-' * len(day)}\n\n" for day in days).encode()


@dataclass(frozen=True)
class Product:
    sku: str
    name: str
    price: Decimal
    files: dict[str, Callable[[], bytes]]
    description: str = ""


PRODUCTS = (
    Product("BOOK", "The Paper Lighthouse (e-book)", Decimal("9.90"), {"the-paper-lighthouse.pdf": book}),
    Product("POSTER", "Sun over the sea (poster)", Decimal("4.50"), {"sun-over-the-sea.png": poster}),
    Product(
        "SINGLE",
        "440 hertz (single)",
        Decimal("1.29"),
        {"440-hertz.wav": song, "440-hertz-booklet.pdf": book},
        "The song, and a booklet.",
    ),
    Product("ICONS", "Three plain icons", Decimal("12.00"), {"icons.zip": icons}),
    Product(
        "NOTEBOOK",
        "Linen notebook",
        Decimal("18.00"),
        {"weekly-planner.txt": planner},
        "Comes by post. A planner to print is yours at once.",
    ),
)


def stock(store: Store) -> None:
    """Put every product and its files into ``store``, unless they are there; a file that was deleted is made anew."""
    for product in PRODUCTS:
        variant, _ = Variant.objects.get_or_create(
            sku=product.sku,
            defaults={
                "store": store,
                "name": product.name,
                "price": product.price,
                "description": product.description,
            },
        )
        for filename, make in product.files.items():
            digital = Digital.objects.filter(variant=variant, filename=filename).first() or Digital(variant=variant)
            stored = digital.attachment.name
            if not stored or not digital.attachment.storage.exists(stored):
                digital.attachment = ContentFile(make(), name=filename)
                digital.save()
