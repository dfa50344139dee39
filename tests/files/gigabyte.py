"""
Upload a gigabyte through a form, in a shop of its own, and print what that took.

Run ``EXAMPLE_DATA_DIR=… python -m tests.files.gigabyte``, for memory is counted by process.
"""

from __future__ import annotations

import io
import json
import os
import re
from pathlib import Path
from wsgiref.util import setup_testing_defaults

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.core.management import call_command

GIB = 1024**3
HEAD = b'--bound\r\nContent-Disposition: form-data; name="attachment"; filename="film.bin"\r\n\r\n'
TAIL = b"\r\n--bound--\r\n"


class Form(io.RawIOBase):
    """A form with a file of ``size`` zeros in it, as a server hands it to an application."""

    def __init__(self, directory: Path, size: int) -> None:
        hole = directory / "hole"
        with hole.open("wb") as file:
            file.truncate(size)
        self.parts = [io.BytesIO(HEAD), hole.open("rb"), io.BytesIO(TAIL)]
        self.length = len(HEAD) + size + len(TAIL)

    def read(self, size: int = -1) -> bytes:
        while self.parts:
            if data := self.parts[0].read(size):
                return data
            self.parts.pop(0).close()
        return b""


def peak() -> int:
    """The most memory this process ever had, in bytes. What getrusage() says includes the process that started it."""
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kilobytes) * 1024


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "example_project.settings"
    django.setup()
    directory = settings.FILE_UPLOAD_TEMP_DIR = settings.DATA_DIR
    call_command("migrate", verbosity=0)

    from example_project.shop.models import Store, Variant
    from spree_digitals.models import Digital

    store = Store.objects.create(name="Films", domain="https://films.example")
    variant = Variant.objects.create(store=store, sku="film", name="A film", price="9.90")
    Path("/proc/self/clear_refs").write_text("5")  # from here on the peak is counted anew
    before = peak()

    form = Form(directory, GIB)
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "multipart/form-data; boundary=bound",
        "CONTENT_LENGTH": str(form.length),
        "wsgi.input": form,
    }
    setup_testing_defaults(environ)
    request = WSGIRequest(environ)
    digital = Digital.objects.create(variant=variant, attachment=request.FILES["attachment"])
    request.close()

    stored = digital.attachment.storage.size(digital.attachment.name)
    print(  # noqa: T201
        json.dumps({"added": peak() - before, "stored": stored, "size": digital.byte_size, "sha256": digital.sha256})
    )


if __name__ == "__main__":
    main()
