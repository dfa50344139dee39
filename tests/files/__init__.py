"""Files as shops sell them: small, but whole and made by the programs that make real ones."""

from __future__ import annotations

import gzip
import io
import tarfile
import wave
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image

PROLOG = '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
DOCTYPE = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">\n'
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>\n'
EMPTY_SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>\n'
PDF = "%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
HTML = "<!DOCTYPE html>\n<html><title>A page</title><body><script>alert(1)</script></body></html>\n"
TEXT = "Grüße, and a second line.\nThat is all.\n"


@dataclass(frozen=True)
class Sample:
    """A file with the media type it has to be sold as."""

    media_type: str
    name: str
    make: Callable[[], bytes]
    kind: str = ""

    def __str__(self) -> str:
        return self.kind or self.name


def image(format: str, **options: Any) -> bytes:  # noqa: A002
    file = io.BytesIO()
    Image.new("RGB", (32, 24), (200, 80, 20)).save(file, format, **options)
    return file.getvalue()


def clip(name: str) -> bytes:
    return (Path(__file__).parent / name).read_bytes()


def archive(*entries: tuple[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in entries:
            archive.writestr(name, text)
    return file.getvalue()


def tar(compression: str) -> bytes:
    file, content = io.BytesIO(), TEXT.encode()
    member = tarfile.TarInfo("letter.txt")
    member.size = len(content)
    with tarfile.open(fileobj=file, mode=f"w:{compression}") as archive:  # type: ignore[call-overload]
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def font(*, outlines: str = "truetype", flavor: str | None = None) -> bytes:
    """A font with one letter, a triangle."""
    truetype = outlines == "truetype"
    builder = FontBuilder(1000, isTTF=truetype)
    builder.setupGlyphOrder([".notdef", "A"])
    builder.setupCharacterMap({ord("A"): "A"})
    pen: Any = TTGlyphPen(None) if truetype else T2CharStringPen(600, None)
    pen.moveTo((0, 0))
    pen.lineTo((500, 0))
    pen.lineTo((250, 700))
    pen.closePath()
    if truetype:
        builder.setupGlyf(dict.fromkeys([".notdef", "A"], pen.glyph()))
    else:
        builder.setupCFF("Triangle", {"FullName": "Triangle"}, dict.fromkeys([".notdef", "A"], pen.getCharString()), {})
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", "A"], (600, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Triangle", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.font.flavor = flavor
    file = io.BytesIO()
    builder.font.save(file)
    return file.getvalue()


def sound() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(1600))
    return file.getvalue()


EPUB = [("mimetype", "application/epub+zip"), ("META-INF/container.xml", "<container/>")]
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
DOCX = [
    (
        "[Content_Types].xml",
        f'{PROLOG}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        f'<Override PartName="/word/document.xml" ContentType="{WORD}.main+xml"/></Types>',
    ),
    ("_rels/.rels", f"{PROLOG}<Relationships/>"),
    ("word/document.xml", f"{PROLOG}<document/>"),
]

# One of each kind that Spree lists for the download endpoint.
LISTED = [
    Sample("image/jpeg", "cover.jpg", partial(image, "JPEG")),
    Sample("image/gif", "cover.gif", partial(image, "GIF")),
    Sample("image/svg+xml", "cover.svg", SVG.encode),
    Sample("image/bmp", "cover.bmp", partial(image, "BMP")),
    Sample("image/tiff", "cover.tiff", partial(image, "TIFF")),
    Sample("image/png", "cover.png", partial(image, "PNG")),
    Sample("video/mpeg", "trailer.mpg", partial(clip, "mpeg1.mpg")),
    Sample("application/gzip", "letter.gz", partial(gzip.compress, TEXT.encode())),
    Sample("application/zip", "letters.zip", partial(archive, ("letter.txt", TEXT))),
    Sample("application/pdf", "novel.pdf", partial(image, "PDF")),
    Sample("font/woff", "triangle.woff", partial(font, flavor="woff")),
    Sample("font/woff2", "triangle.woff2", partial(font, flavor="woff2")),
    Sample("font/otf", "triangle.otf", partial(font, outlines="cff")),
    Sample("font/ttf", "triangle.ttf", font),
    Sample("text/plain", "letter.txt", TEXT.encode),
]

# The same kinds under other names and from other programs, and what is easily taken for them.
NEIGHBOURS = [
    Sample("image/jpeg", "COVER.JPEG", partial(image, "JPEG", progressive=True)),
    Sample("image/jpeg", "exif.jpg", partial(image, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")),
    Sample("image/svg+xml", "cover.svg", (PROLOG + DOCTYPE + SVG).encode, "an SVG with prolog and doctype"),
    Sample("image/svg+xml", "cover.svg", (PROLOG + "<!-- drawn by hand -->\n" + SVG).encode, "an SVG with a comment"),
    Sample("image/svg+xml", "cover.svg", (PROLOG + SVG).replace("\n", "\r\n").encode, "an SVG with CRLF"),
    Sample("image/svg+xml", "cover.svg", partial(SVG.encode, "utf-8-sig"), "an SVG with a byte order mark"),
    Sample("image/svg+xml", "cover.svg", (PROLOG + EMPTY_SVG).encode, "an SVG without an end tag"),
    Sample("image/tiff", "cover.tif", partial(image, "TIFF", compression="tiff_lzw")),
    Sample("video/mpeg", "trailer.mpeg", partial(clip, "mpeg1.mpg"), "an MPEG-1 program stream"),
    Sample("video/mpeg", "trailer.mpeg", partial(clip, "mpeg2.mpg"), "an MPEG-2 program stream"),
    Sample("video/mpeg", "trailer.vob", partial(clip, "mpeg2.mpg")),
    Sample("application/gzip", "letters.tar.gz", partial(tar, "gz")),
    Sample("application/gzip", "letters.tgz", partial(tar, "gz")),
    Sample("application/gzip", "cover.svgz", partial(gzip.compress, SVG.encode())),
    Sample("application/zip", "empty.zip", archive),
    Sample("application/epub+zip", "novel.epub", partial(archive, *EPUB)),
    Sample(WORD, "novel.docx", partial(archive, *DOCX)),
    Sample("application/pdf", "novel.pdf", PDF.encode, "a PDF of nothing but letters"),
    Sample("application/pdf", "novel", partial(image, "PDF"), "a PDF without an extension"),
    Sample("audio/wav", "chapter.wav", sound),
    Sample("text/html", "novel.pdf", HTML.encode, "a page that is called a PDF"),
    Sample("text/html", "novel.html", HTML.encode),
    Sample("text/plain", "README", TEXT.encode),
    Sample("text/plain", "LETTER.TXT", partial(TEXT.encode, "utf-16"), "a text in UTF-16"),
    Sample("text/plain", "letter.txt", partial(TEXT.encode, "utf-8-sig"), "a text with a byte order mark"),
    Sample("text/plain", "letter.txt", partial(TEXT.encode, "cp1252"), "a text in Windows-1252"),
    *(
        Sample("text/plain", "letter.txt", f"{start} is how it begins.\n".encode, f"a text that begins with {start}")
        for start in ["BMW", "MZ", "ID3", "From:", "%PDF", "RIFF", "<!--", "{", "GIF89a", "Rar!"]
    ),
    Sample("text/csv", "prices.csv", "sku,price\n1,9.90\n".encode),
    Sample("text/xml", "prices.xml", (PROLOG + "<prices/>\n").encode),
    Sample("application/json", "prices.json", '{"sku": 1}\n'.encode),
    Sample("application/octet-stream", "noise", partial(bytes, range(8))),
    Sample("application/octet-stream", "empty", bytes),
    Sample("text/plain", "empty.txt", bytes),
]
