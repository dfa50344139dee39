"""A dozen products with real files, which are made here: nothing has to be fetched or shipped."""

from __future__ import annotations

import io
import math
import struct
import wave
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from textwrap import fill

from django.core.files.base import ContentFile
from PIL import Image, ImageDraw, ImageFont

from spree_digitals.models import Digital

from .models import Store, Variant

INK, PAPER = "#1d2126", "#fffdf7"


def pdf(*pages: str) -> bytes:
    """A page for each text; the first line of each is its heading."""
    sheets = []
    for number, text in enumerate(pages, start=1):
        sheet = Image.new("RGB", (420, 595), PAPER)
        draw = ImageDraw.Draw(sheet)
        heading, _, body = text.partition("\n")
        draw.text((48, 72), fill(heading, 24), fill=INK, font=ImageFont.load_default(24))
        draw.text((48, 150), fill(body, 46), fill=INK, font=ImageFont.load_default(14), spacing=8)
        draw.text((204, 556), str(number), fill="#888888", font=ImageFont.load_default(12))
        sheets.append(sheet)
    buffer = io.BytesIO()
    sheets[0].save(buffer, "PDF", save_all=True, append_images=sheets[1:])
    return buffer.getvalue()


def image(kind: str, sky: str, sea: str) -> bytes:
    """A sun over the sea."""
    picture = Image.new("RGB", (600, 800), sky)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((200, 260, 400, 460), fill="#fbe9b7")
    draw.rectangle((0, 400, 600, 800), fill=sea)
    for row in range(5):
        draw.line((180 + 24 * row, 440 + 44 * row, 420 - 24 * row, 440 + 44 * row), fill=sky, width=10)
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def sound(*notes: float) -> bytes:
    """A WAV in which each note, in hertz, fades for a second."""
    rate = 8000
    samples = (
        int(12000 * (1 - i / rate) * math.sin(2 * math.pi * hertz * i / rate)) for hertz in notes for i in range(rate)
    )
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(rate)
        audio.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return buffer.getvalue()


def midi(notes: Sequence[int]) -> bytes:
    """A Standard MIDI File: one track, a quarter note for each number."""
    events = b"".join(bytes((0, 0x90, note, 80, 96, 0x80, note, 0)) for note in notes) + b"\x00\xff\x2f\x00"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 96) + b"MTrk" + struct.pack(">I", len(events)) + events


def archive(files: dict[str, str | bytes], *, packed: bool = True) -> bytes:
    """A zip that is the same every time it is made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as zipped:
        for name, content in files.items():
            zipped.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()


def drawing(shape: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">{shape}</svg>\n'


def epub(title: str, text: str) -> bytes:
    """The least that EPUB 3 asks for: a package, a chapter and its table of contents."""
    package, container = "http://www.idpf.org/2007/opf", "urn:oasis:names:tc:opendocument:xmlns:container"
    page = '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
    return archive(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": f'<container version="1.0" xmlns="{container}">'
            '<rootfiles><rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles>'
            "</container>",
            "book.opf": f'<package xmlns="{package}" version="3.0" unique-identifier="id">'
            '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">urn:example:letters'
            f"</dc:identifier><dc:title>{title}</dc:title><dc:language>en</dc:language>"
            '<meta property="dcterms:modified">2026-01-01T00:00:00Z</meta></metadata><manifest>'
            '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
            '<item id="text" href="text.xhtml" media-type="application/xhtml+xml"/></manifest>'
            '<spine><itemref idref="text"/></spine></package>',
            "nav.xhtml": f'{page}<head><title>{title}</title></head><body><nav epub:type="toc"><ol><li>'
            f'<a href="text.xhtml">{title}</a></li></ol></nav></body></html>',
            "text.xhtml": f"{page}<head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>",
        },
        packed=False,
    )


def book() -> bytes:
    return pdf(
        "The Paper Lighthouse",
        "One\nIt was a night of ink and salt. Somebody had folded the lighthouse out of a chart, and it stood.",
        "Two\nIn the morning the sea had read it from end to end, and gave it back.",
    )


def booklet() -> bytes:
    return pdf("440 hertz", "A\nThe note that orchestras tune to, alone for once.")


def letters() -> str:
    return "Dear lighthouse, the tide was late again. I have written it a reminder on waxed paper."


def planner() -> bytes:
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    return "".join(f"{day}\n{'-' * len(day)}\n\n" for day in days).encode()


def icons() -> bytes:
    shapes = {
        "circle": '<circle cx="12" cy="12" r="10"/>',
        "square": '<rect x="3" y="3" width="18" height="18"/>',
        "triangle": '<path d="M12 3 22 21H2z"/>',
    }
    return archive({f"icons/{name}.svg": drawing(shape) for name, shape in shapes.items()})


def photos() -> bytes:
    colours = {"fog": ("#d5d9da", "#8b9aa0"), "salt": ("#e7e2d8", "#5f747c"), "harbour": ("#c6cdcf", "#2a363b")}
    return archive({f"salt-and-fog/{name}.jpg": image("JPEG", *pair) for name, pair in colours.items()})


@dataclass(frozen=True)
class Product:
    sku: str
    name: str
    kind: str
    picture: str
    price: Decimal
    files: dict[str, Callable[[], bytes]]
    description: str


PRODUCTS = (
    Product(
        *("BOOK", "The Paper Lighthouse", "E-book", "lighthouse", Decimal("9.90")),
        {"the-paper-lighthouse.pdf": book},
        "A very short novel about a lighthouse made of paper, the weather it is made for, and a sea that can read.",
    ),
    Product(
        *("POSTER", "Sun over the sea", "Poster", "sun", Decimal("4.50")),
        {"sun-over-the-sea.png": lambda: image("PNG", "#f2bd8d", "#1f4a63")},
        "Five colours, to print as large as your wall allows.",
    ),
    Product(
        *("SINGLE", "440 hertz", "Single", "hertz", Decimal("1.29")),
        {"440-hertz.wav": lambda: sound(440, 440), "440-hertz-booklet.pdf": booklet},
        "One note, twice. With a booklet that explains it.",
    ),
    Product(
        *("ALBUM", "Tide tables", "Album", "tides", Decimal("8.00")),
        {
            "1-low-water.wav": lambda: sound(196, 220),
            "2-slack.wav": lambda: sound(247, 247),
            "3-high-water.wav": lambda: sound(294, 330, 392),
            "cover.png": lambda: image("PNG", "#dfe7e3", "#245562"),
        },
        "Three pieces for a rising sea. Uncompressed, with the cover to print.",
    ),
    Product(
        *("ICONS", "Three plain icons", "Icon set", "icons", Decimal("12.00")),
        {"icons.zip": icons},
        "Circle, square, triangle. Everything else is decoration.",
    ),
    Product(
        *("NOTEBOOK", "Linen notebook", "Notebook", "notebook", Decimal("18.00")),
        {"weekly-planner.txt": planner},
        "Comes by post. A planner to print is yours at once.",
    ),
    Product(
        *("PATTERN", "Harbour socks", "Knitting pattern", "socks", Decimal("5.50")),
        {
            "harbour-socks.pdf": lambda: pdf("Harbour socks", "Cuff\nCast on 64 stitches. Knit two, purl two."),
            "chart.svg": lambda: drawing('<path d="M2 2h20v20H2z" fill="none" stroke="#000"/>').encode(),
        },
        "Two stripes and a proper heel, in four sizes. Chart and written instructions.",
    ),
    Product(
        *("PHOTOS", "Salt and fog", "Photo set", "fog", Decimal("15.00")),
        {"salt-and-fog.zip": photos},
        "Three photographs from the same pier on three mornings.",
    ),
    Product(
        *("SCORE", "A small waltz", "Sheet music", "waltz", Decimal("3.80")),
        {
            "a-small-waltz.pdf": lambda: pdf("A small waltz", "For one hand\nNot too fast. The other hand may rest."),
            "a-small-waltz.mid": lambda: midi((60, 64, 67, 62, 65, 69, 64, 67, 72)),
        },
        "For piano, one hand. A MIDI file lets you hear how it goes.",
    ),
    Product(
        *("COURSE", "Bookbinding in a weekend", "Course", "binding", Decimal("24.00")),
        {
            "bookbinding.pdf": lambda: pdf("Bookbinding in a weekend", "Saturday\nFold.", "Sunday\nSew."),
            "templates.zip": lambda: archive({"cover.svg": drawing('<path d="M2 2h9v20H2zM13 2h9v20h-9z"/>')}),
        },
        "Needle, thread, paper, two days. Templates to cut along are included.",
    ),
    Product(
        *("LETTERS", "Letters to the tide", "E-book", "letters", Decimal("6.40")),
        {
            "letters-to-the-tide.epub": lambda: epub("Letters to the tide", letters()),
            "letters-to-the-tide.pdf": lambda: pdf(f"Letters to the tide\n{letters()}"),
        },
        "All the letters that came back, and the one that did not. For readers and for paper.",
    ),
    Product(
        *("FIELD", "Pier, five in the morning", "Field recording", "pier", Decimal("2.50")),
        {"pier-five-in-the-morning.wav": lambda: sound(98, 110, 92)},
        "Water, wood, one gull who would not be quiet.",
    ),
)


def stock(store: Store) -> None:
    """Put every product and its files into ``store``, unless they are there; a file that was deleted is made anew."""
    for product in PRODUCTS:
        shown = {"kind": product.kind, "picture": product.picture}
        variant, _ = Variant.objects.get_or_create(
            sku=product.sku,
            defaults={
                "store": store,
                "name": product.name,
                "price": product.price,
                "description": product.description,
                **shown,
            },
        )
        # A shop that is older than its pictures.
        Variant.objects.filter(pk=variant.pk, kind="", picture="").update(**shown)
        for filename, make in product.files.items():
            digital = Digital.objects.filter(variant=variant, filename=filename).first() or Digital(variant=variant)
            stored = digital.attachment.name
            if not stored or not digital.attachment.storage.exists(stored):
                digital.attachment = ContentFile(make(), name=filename)
                digital.save()
