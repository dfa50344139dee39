"""What becomes of a file that is uploaded, and what buyers then get."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.http import HttpRequest, HttpResponse
from django.urls import path

from example_project.shop.models import Variant
from spree_digitals.models import Digital
from spree_digitals.storage import media_type
from tests.conftest import PDF
from tests.files import LISTED, NEIGHBOURS, Sample

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = [*LISTED, *NEIGHBOURS]
HOSTILE_NAMES = {
    "a way up": "../../etc/passwd",
    "a way up on Windows": "..\\..\\boot.ini",
    "an absolute path": "/etc/passwd",
    "a drive": "C:\\Users\\novel.pdf",
    "a mixture": "..\\/../novel.pdf",
    "the directory itself": ".",
    "the directory above": "..",
    "only dots": "......",
    "only a slash": "/",
    "only a space": " ",
    "a NUL": "novel.pdf\0.exe",
    "line breaks": "novel\r\nSet-Cookie: a=b.pdf",
    "five thousand letters": f"{'n' * 5000}.pdf",
    "five thousand ghosts": f"{'👻' * 5000}.pdf",
    "an extension of five thousand letters": f"novel.{'n' * 5000}",
    "turned direction": "novel\u202efdp.exe",
    "half a character": "novel\ud83d.pdf",
    "bytes that are no UTF-8": os.fsdecode(b"nov\xe9l.pdf"),
    "a template": "{{ 7 }}%s{0}.pdf",
    "a URL": "data:text/html,<script>.pdf",
}


def upload(request: HttpRequest) -> HttpResponse:
    """As the shop's own views may store what a form sent."""
    if "attachment" not in request.FILES:
        return HttpResponse("There is no file.", status=400)
    Digital.objects.create(variant=Variant.objects.get(), attachment=request.FILES["attachment"])
    return HttpResponse("Thank you.")


urlpatterns = [path("upload", upload)]


@pytest.fixture
def post_file(settings, client, make_variant):
    """Send a file as a browser's form does, with a name and a media type as the sender likes."""
    settings.ROOT_URLCONF = __name__
    make_variant()

    def post_file(content: bytes, *, filename: str, content_type: str = "application/octet-stream"):
        encoded = quote(filename, errors="surrogatepass")
        body = f"--bound\r\nContent-Disposition: form-data; name=attachment; filename*=utf-8''{encoded}\r\n"
        body += f"Content-Type: {content_type}\r\n\r\n"
        body = body.encode() + content + b"\r\n--bound--\r\n"
        return client.post("/upload", body, content_type="multipart/form-data; boundary=bound")

    return post_file


def stored_objects(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


# What it is


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_a_file_is_downloaded_byte_for_byte_with_its_own_media_type(download, make_link, make_digital, sample: Sample):
    content = sample.make()
    response = download(make_link(make_digital(content=content, name=sample.name)))
    assert response.status_code == 200
    assert response["Content-Type"] == sample.media_type
    assert response["Content-Length"] == str(len(content))
    assert response["Content-Encoding"] == "identity"
    assert response["Content-Disposition"].startswith("attachment")
    assert response.body == content


def test_every_media_type_that_spree_lists_is_tried():
    assert {sample.media_type for sample in LISTED} == {
        *("image/jpeg", "image/gif", "image/svg+xml", "image/bmp", "image/tiff", "image/png"),
        *("video/mpeg", "application/gzip", "application/zip", "application/pdf"),
        *("font/woff", "font/woff2", "font/otf", "font/ttf", "text/plain"),
    }


@pytest.mark.parametrize(
    "claim", ["text/html", "image/svg+xml", "application/x-msdownload", "", "a\r\nSet-Cookie: b=c"]
)
def test_what_the_uploading_program_claims_about_the_media_type_is_not_believed(make_variant, claim):
    file = SimpleUploadedFile("novel.pdf", PDF, content_type=claim)
    assert Digital.objects.create(variant=make_variant(), attachment=file).content_type == "application/pdf"


def test_what_a_form_claims_about_the_media_type_is_not_believed(post_file):
    assert post_file(PDF, filename="novel.pdf", content_type="text/html").status_code == 200
    digital = Digital.objects.get()
    assert (digital.filename, digital.content_type) == ("novel.pdf", "application/pdf")


def test_a_file_of_the_same_name_on_the_server_is_not_looked_at(monkeypatch, tmp_path, make_digital):
    (tmp_path / "novel.pdf").write_text("A secret of the server, which is a text.\n")
    monkeypatch.chdir(tmp_path)
    assert make_digital(content=b"\0\1\2\3\4\5\6\7", name="novel.pdf").content_type != "text/plain"


class CountingFile(io.BytesIO):
    """Counts what is read of it."""

    read_bytes = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.read_bytes += len(data)
        return data


@pytest.mark.parametrize("sample", LISTED, ids=str)
def test_a_look_at_both_ends_of_a_large_file_finds_its_media_type(sample: Sample):
    file = CountingFile(sample.make() + b" " * 8 * 1024 * 1024)
    assert media_type(File(file), sample.name) == sample.media_type
    assert file.read_bytes < 64 * 1024


def test_what_is_known_about_a_file_is_kept_with_it(make_digital):
    digital = make_digital(content=PDF, name="Une œuvre – première partie.pdf")
    digital.refresh_from_db()
    assert digital.filename == "Une œuvre – première partie.pdf"
    assert digital.byte_size == len(PDF)
    assert digital.sha256 == hashlib.sha256(PDF).hexdigest()
    assert digital.version == 1


def test_a_file_without_a_byte_can_be_sold(download, make_link, make_digital):
    digital = make_digital(content=b"", name="nothing.bin")
    response = download(make_link(digital))
    assert (response.status_code, response["Content-Length"], response.body) == (200, "0", b"")
    assert digital.sha256 == hashlib.sha256().hexdigest()


# Where it is


def test_nothing_of_a_file_s_name_is_in_the_name_it_is_stored_under(make_digital, digitals_directory):
    digital = make_digital(name="bestseller.pdf")
    (stored,) = stored_objects(digitals_directory)
    assert stored.relative_to(digitals_directory) == Path(digital.attachment.name)
    assert len(stored.name) == 32
    assert set(stored.name) <= set("0123456789abcdef")


def test_two_uploads_of_the_same_name_are_two_objects(make_digital, digitals_directory):
    digitals = [make_digital(content=content, name="novel.txt") for content in (b"one", b"two")]
    assert len(stored_objects(digitals_directory)) == 2
    assert [(digitals_directory / digital.attachment.name).read_bytes() for digital in digitals] == [b"one", b"two"]


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)
def test_no_name_leads_out_of_the_private_storage(name, download, make_link, make_digital, digitals_directory):
    outside = {path for path in digitals_directory.parent.rglob("*") if path.is_file()}
    digital = make_digital(name=name)
    digital.full_clean()
    (stored,) = stored_objects(digitals_directory)
    assert {path for path in digitals_directory.parent.rglob("*") if path.is_file()} - outside == {stored}
    assert len(digital.filename) <= 255
    assert not set(digital.filename) & set("/\\\0\r\n\u202e")
    response = download(make_link(digital))
    assert response.status_code == 200
    assert response.body == PDF


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)
def test_no_name_in_a_form_leads_out_of_the_private_storage(name, post_file, digitals_directory):
    response = post_file(PDF, filename=name)
    files = {path for path in digitals_directory.parent.rglob("*") if path.is_file()}
    if response.status_code == 200:
        assert files == {digitals_directory / Digital.objects.get().attachment.name}
    else:  # Django takes such a name for a form without a file
        assert response.status_code == 400
        assert files == set()


def test_a_name_that_is_too_long_keeps_its_extension(make_digital):
    digital = make_digital(name=f"{'n' * 5000}.pdf")
    assert len(digital.filename) == 255
    assert digital.filename.endswith("n.pdf")


@pytest.mark.parametrize("kind", ["in memory", "in a temporary file"])
def test_only_the_shop_may_read_what_it_sells(make_variant, digitals_directory, kind):
    if kind == "in memory":
        file = SimpleUploadedFile("novel.pdf", PDF)
    else:
        file = TemporaryUploadedFile("novel.pdf", "application/pdf", len(PDF), None)
        file.write(PDF)
    Digital.objects.create(variant=make_variant(), attachment=file)
    file.close()
    (stored,) = stored_objects(digitals_directory)
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert stored.read_bytes() == PDF


# Another version of it


@pytest.mark.parametrize("fields", [None, ["attachment"]], ids=["saved whole", "saved alone"])
def test_a_replaced_file_is_a_new_version_and_the_old_object_stays(digital, digitals_directory, fields):
    old_name, attached_at = digital.attachment.name, digital.attached_at
    digital.attachment = ContentFile(b"Second edition.\n", name="second.txt")
    digital.save(update_fields=fields)

    saved = Digital.objects.get()
    assert saved.version == 2
    assert saved.filename == "second.txt"
    assert saved.content_type == "text/plain"
    assert saved.byte_size == 16
    assert saved.sha256 == hashlib.sha256(b"Second edition.\n").hexdigest()
    assert saved.attached_at > attached_at
    assert (digitals_directory / saved.attachment.name).read_bytes() == b"Second edition.\n"
    assert saved.attachment.name != old_name
    assert (digitals_directory / old_name).read_bytes() == PDF


def test_buyers_get_the_newest_version(download, link):
    link.digital.attachment = ContentFile(b"Second edition.\n", name="second.txt")
    link.digital.save()
    response = download(link)
    assert response.body == b"Second edition.\n"
    assert response["Content-Type"] == "text/plain"
    assert response["Content-Disposition"] == 'attachment; filename="second.txt"'
    assert response["ETag"] == f'"{hashlib.sha256(response.body).hexdigest()}"'


def test_saving_something_else_makes_no_new_version(digital, digitals_directory):
    digital.authorized_clicks = 3
    digital.save()
    Digital.objects.get().save()
    assert Digital.objects.get().version == 1
    assert len(stored_objects(digitals_directory)) == 1


# How much of it


@pytest.mark.once
@pytest.mark.slow
def test_a_gigabyte_is_uploaded_in_64_megabytes_of_memory(tmp_path):
    with TemporaryDirectory(dir=tmp_path) as directory:
        command = [sys.executable, "-W", "error", "-m", "tests.files.gigabyte"]
        environment = {**os.environ, "EXAMPLE_DATA_DIR": directory}
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    upload = json.loads(done.stdout)
    assert upload.pop("added") < 64 * 1024**2
    zeros = "49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14"
    assert upload == {"stored": 1024**3, "size": 1024**3, "sha256": zeros}
