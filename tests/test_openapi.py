"""The OpenAPI document: that it is one, says what the API promises, and that the API keeps to it."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.test import Client
from django.urls import get_resolver
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from rest_framework.authtoken.models import Token
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from spree_digitals.api.errors import ERRORS
from spree_digitals.models import Digital, DigitalLink

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = "/api/v2/openapi.json"
DOWNLOAD_PATH = "/api/v2/storefront/digitals/{token}"

# What Spree's document promises for the download.
PROMISED_TYPES = {
    *("image/jpeg", "image/gif", "image/svg+xml", "image/bmp", "image/tiff", "image/png", "video/mpeg"),
    *("application/gzip", "application/zip", "application/pdf", "font/woff", "font/woff2", "font/otf", "font/ttf"),
    "text/plain",
}
PROMISED_TOKEN = "4WaA5vjMbnivskav2rMPGKzt"
PROMISED_REFUSAL = "You are not authorized to access this page."

OPERATIONS = [
    *("get-digitals", "order-status", "account-orders", "account-order"),
    *("list-digitals", "create-digital", "show-digital", "update-digital", "delete-digital", "download-digital"),
    *("list-digital-links", "create-digital-link", "show-digital-link", "update-digital-link", "delete-digital-link"),
    *(f"{action}-digital-link" for action in ("reset", "extend", "revoke", "restore", "rotate")),
]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = Client().get(DOCUMENT).json()
    return found


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {found["operationId"]: found for path in document["paths"].values() for found in path.values()}


def resolved(document: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """What a reference leads to."""
    while "$ref" in found:
        target: Any = document
        for step in found["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        found = target
    return found


def test_it_is_openapi_3_1(document):
    assert document["openapi"].startswith("3.1.")
    validate(document)


def test_the_command_of_drf_spectacular_finds_nothing_to_complain_of(tmp_path):
    for extra in ([], ["--custom-settings", "spree_digitals.api.openapi.SETTINGS"]):
        file = tmp_path / "openapi.yaml"
        call_command("spectacular", "--validate", "--fail-on-warn", "--file", file, *extra)
        assert file.read_text().startswith("openapi: 3.1.")


def test_it_has_every_endpoint_of_the_app_and_no_other(document):
    patterns = get_resolver().namespace_dict["spree_digitals"][1].reverse_dict
    routes = {patterns.getlist(name)[0][0][0][0] for name in patterns if isinstance(name, str)}
    routes = {route.replace("%(pk)s", "{id}").replace("%(", "{").replace(")s", "}") for route in routes}
    assert set(document["paths"]) == {f"/api/v2/{route}" for route in routes}
    assert sorted(operations(document)) == sorted(OPERATIONS)


def test_it_promises_for_the_download_what_spree_promises(document):
    ((method, download),) = document["paths"][DOWNLOAD_PATH].items()
    assert (method, download["operationId"], download["tags"]) == ("get", "get-digitals", ["Digital Downloads"])
    token = next(parameter for parameter in download["parameters"] if parameter["in"] == "path")
    assert (token["name"], token["required"], token["schema"]["type"]) == ("token", True, "string")
    assert token["schema"]["examples"] == [PROMISED_TOKEN]
    assert set(download["responses"]["200"]["content"]) >= PROMISED_TYPES
    assert all(found["schema"]["format"] == "binary" for found in download["responses"]["200"]["content"].values())
    assert "security" not in download
    for status, sentence in (("403", PROMISED_REFUSAL), ("404", ERRORS["not_found"][1])):
        ((media_type, content),) = download["responses"][status]["content"].items()
        assert media_type == "application/vnd.api+json"
        schema = resolved(document, content["schema"])
        assert schema["properties"]["error"] == {"type": "string"}
        examples = [resolved(document, example)["value"] for example in content["examples"].values()]
        assert {example["error"] for example in examples} == {sentence}


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_says_what_it_does_who_may_and_what_can_go_wrong(document, name):
    found = operations(document)[name]
    assert found["summary"]
    security = {"get-digitals": None, "order-status": [{"orderToken": []}]}
    assert found.get("security") == security.get(name, [{"tokenAuth": []}])
    failures = {status: response for status, response in found["responses"].items() if status >= "400"}
    assert failures
    for status, response in failures.items():
        for content in response["content"].values():
            assert {str(ERRORS[code][0].value) for code in content["examples"]} == {status}


def test_the_page_is_called_what_it_shows(client, document):
    title = document["info"]["title"]
    assert f"<title>{title}</title>" in client.get("/api/v2/docs").text


def test_the_page_shows_it_without_asking_another_server(client, settings):
    page = client.get("/api/v2/docs").text
    assert DOCUMENT in page
    assert settings.STATIC_URL.strip("/") + "/drf_spectacular_sidecar/swagger-ui-dist" in page
    assert "cdn." not in page


def test_yaml_is_served_too(client):
    assert client.get("/api/v2/openapi.yaml").content.startswith(b"openapi: 3.1.")


@pytest.mark.once
def test_the_app_works_where_the_extra_is_not_installed():
    program = """
import sys
sys.modules |= dict.fromkeys(["drf_spectacular", "drf_spectacular_jsonapi", "drf_spectacular_sidecar"])
from django.conf import settings
from tests import settings as tested
wanted = {name: value for name, value in vars(tested).items() if name.isupper()}
apps = [app for app in wanted.pop("INSTALLED_APPS") if "spectacular" not in app]
settings.configure(**{**wanted, "INSTALLED_APPS": apps, "ROOT_URLCONF": "spree_digitals.urls"})
import django
django.setup()
from django.test import Client
from django.urls import get_resolver
assert get_resolver().url_patterns
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, timeout=60)


def shop(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """The shop as a server runs it: answers are sent to the end and closed."""
    answer = get_wsgi_application()(environ, start_response)
    try:
        return [b"".join(answer)]
    finally:
        answer.close()


@cache
def api() -> Any:
    return schemathesis.openapi.from_wsgi(DOCUMENT, shop)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_api_keeps_to_it_whatever_it_is_asked(name, mode, buy, make_digital, django_user_model):
    admin = django_user_model.objects.create_superuser("kim")
    digital = make_digital()
    order = buy(digital, user=admin, quantity=3)
    headers = {"Authorization": f"Bearer {Token.objects.create(user=admin).key}", "X-Spree-Order-Token": order.token}
    operation = api().find_operation_by_id(name)

    def there() -> dict[str, str]:
        """Keys of what is there, made anew where it was deleted."""
        link = DigitalLink.objects.latest("pk")
        if "links" not in operation.path:
            unsold = Digital.objects.filter(links=None).first() or make_digital(digital.variant)
            return {"id": str(unsold.pk), "token": link.token, "number": order.number}
        return {"id": str(link.pk)}

    @seed(0)
    @hypothesis_settings(
        max_examples=8,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), found=st.booleans())
    def ask(case: Any, found: bool) -> None:
        if found:
            keys = there()
            case.path_parameters = {key: keys[key] for key in case.path_parameters or {}}
        case.call_and_validate(headers=headers, checks=CHECKS)

    ask()
