"""The documentation says what the code does: whoever changes one of them is told to change the other."""

from __future__ import annotations

import ast
import configparser
import json
import logging
import re
import textwrap
from collections.abc import Callable, Iterator
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import load_command_class
from rest_framework.settings import api_settings

import spree_digitals
from spree_digitals import issuing, signals
from spree_digitals.api.errors import ERRORS
from spree_digitals.conf import NAMES, PREFIX, conf
from spree_digitals.limits import Limits, cascade
from spree_digitals.models import DigitalLink, Mail
from spree_digitals.signals import Signal
from spree_digitals.storefront import Storefront
from tests.conftest import ORDER_STATUS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [
    *sorted(DOCS.rglob("*.md")),
    *(ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "SECURITY", "CONTRIBUTING")),
]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text()


def prose(text: str) -> str:
    return BLOCK.sub("", text)


def blocks(text: str, language: str) -> list[str]:
    return [body for found, body in BLOCK.findall(text) if found == language]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of each row of the tables of a page."""
    for line in prose(text).splitlines():
        if line.startswith("| ") and not line.startswith("| ---"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def codes(text: str) -> list[str]:
    """What stands in ``backticks``."""
    return re.findall(r"`([^`\n]+)`", text)


def sections(text: str, level: str) -> dict[str, str]:
    """The text below each heading of this level."""
    _, *parts = re.split(rf"^{level} (.+)$", prose(text), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def anchor(heading: str) -> str:
    """As forges make them: small letters, no punctuation, hyphens for blanks."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


# Settings


def documented_settings() -> dict[str, str]:
    return {name.strip("`"): text for name, text in sections(page("settings"), "###").items() if PREFIX in name}


def test_each_setting_is_documented_and_no_other():
    assert set(documented_settings()) == {PREFIX + name for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_the_documented_default_of_a_setting_is_the_real_one(settings, name):
    text = documented_settings()[PREFIX + name]
    default = re.search(r"\*\*Default:\*\* (.+)", text).group(1)
    delattr(settings, PREFIX + name) if hasattr(settings, PREFIX + name) else None
    if default == "none, required":
        with pytest.raises(ImproperlyConfigured, match=PREFIX + name):
            getattr(conf, name)
    elif default.startswith("the project's"):
        assert codes(default) == ['REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"]']
        assert getattr(conf, name) == api_settings.DEFAULT_AUTHENTICATION_CLASSES
    elif default.startswith("`timedelta("):
        unit, number = re.fullmatch(r"`timedelta\((\w+)=(\d+)\)`", default).groups()
        assert getattr(conf, name) == timedelta(**{unit: int(number)})
    else:
        assert getattr(conf, name) == ast.literal_eval(default.strip("`"))


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_is_documented_with_type_and_example(name):
    text = documented_settings()[PREFIX + name]
    assert "**Type:** " in text
    example = ast.parse(re.search(r"\*\*Example:\*\* `(.+)`", text).group(1)).body[0]
    assert isinstance(example, ast.Assign)
    assert example.targets[0].id == PREFIX + name


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_page_names_a_setting_that_does_not_exist(path):
    named = set(re.findall(rf"{PREFIX}(\w+)", path.read_text()))
    assert named <= set(NAMES)


def said(level: str) -> SimpleNamespace:
    """A level of the cascade in words: "10 uses, unlimited days"."""
    numbers = {kind: int(number) for number, kind in re.findall(r"(\d+) (uses|days)", level)}
    return SimpleNamespace(
        authorized_clicks=numbers.get("uses"),
        authorized_days=numbers.get("days"),
        unlimited_clicks="unlimited uses" in level,
        unlimited_days="unlimited days" in level,
    )


def test_the_examples_of_the_cascade_hold():
    examples = [row for row in rows(page("settings")) if len(row) == 4 and row[0] != "link"]
    assert len(examples) == 5
    for *levels, outcome in examples:
        limits = cascade(*map(said, levels), default=Limits())
        days = "for ever" if limits.lifetime is None else f"{limits.lifetime.days} days"
        joint = ", " if limits.lifetime is None else " in "
        assert outcome == ("no download" if limits.uses == 0 else f"{limits.uses} uses{joint}{days}")


# Signals


def documented_signals() -> dict[str, set[str]]:
    tables = rows(page("signals"))
    return {codes(row[0])[0]: set(codes(row[1])) for row in tables if codes(row[0])}


def test_each_signal_is_documented_and_no_other():
    assert set(documented_signals()) == {name for name, found in vars(signals).items() if isinstance(found, Signal)}


@pytest.mark.django_db(transaction=True)
def test_signals_are_sent_with_the_documented_arguments(buy, digital, download):
    heard: dict[str, set[str]] = {}
    receivers = []
    for name in documented_signals():

        def hear(sender: Any, name: str = name, **arguments: Any) -> None:
            assert sender is (Mail if name == "mail_due" else DigitalLink)
            heard[name] = set(arguments) - {"signal"}

        receivers.append(hear)
        getattr(signals, name).connect(hear)
    try:
        buy(digital)
        link = DigitalLink.objects.get()
        assert download(link).status_code == 200
        issuing.revoke([link])
        assert download(link).status_code == 403
        issuing.restore([link])
        issuing.reset([link])
        issuing.extend([link], uses=1)
        issuing.rotate([link])
    finally:
        for name, hear in zip(documented_signals(), receivers, strict=True):
            getattr(signals, name).disconnect(hear)
    assert heard == documented_signals()


# The API


def test_each_error_code_is_documented_with_its_status_and_sentence_and_no_other():
    found = {
        codes(row[0])[0]: (int(row[1]), row[2]) for row in rows(page("api")) if len(row) == 4 and row[1].isdecimal()
    }
    assert found == {code: (HTTPStatus(status).value, sentence) for code, (status, sentence, _) in ERRORS.items()}


def test_the_documented_headers_of_a_file_are_the_real_ones(link, download):
    response = download(link)
    shown = blocks(page("api"), "http")[0].splitlines()
    assert shown[0] == "HTTP/1.1 200 OK"
    documented = dict(line.split(": ", 1) for line in shown[1:])
    of_middleware = {"Content-Language", "Cross-Origin-Opener-Policy", "Vary", "X-Frame-Options"}
    assert set(documented) == set(response.headers) - {"Allow"} - of_middleware
    differ = {"Content-Length", "Content-Disposition", "ETag", "Last-Modified"}
    for name in set(documented) - differ:
        assert response[name] == documented[name]


def test_the_documented_refusal_has_the_form_of_a_real_one(make_link, download):
    link = make_link(uses=2)
    for status in (200, 200, 403):
        answer = download(link)
        assert answer.status_code == status
    assert json.loads(blocks(page("api"), "json")[0]) == answer.json()


def test_the_documented_answer_to_an_unknown_token_is_the_real_one(download, db):
    assert download("abc").json() == json.loads(blocks(page("api"), "json")[1])


def test_the_documented_order_has_the_form_of_a_real_one(client, buy, digital):
    order = buy(digital)
    path = f"{ORDER_STATUS}{order.number}?include=line_items.digital_links"
    real = client.get(path, headers={"X-Spree-Order-Token": order.token}).json()
    documented = json.loads(blocks(page("api"), "json")[2])
    assert form(documented) == form(real)
    table = sections(page("api"), "###")["A link"]
    described = {name for row in rows(table) for name in codes(row[0])}
    (link,) = (found for found in real["included"] if found["type"] == "digital_link")
    assert described == set(link["attributes"])


def form(value: Any) -> Any:
    """Names and kinds, without the values."""
    if isinstance(value, dict):
        return {name: form(found) for name, found in value.items()}
    if isinstance(value, list):
        return [form(found) for found in value]
    return type(value)


# The adapter


PUBLIC = {name: found for name, found in vars(Storefront).items() if not name.startswith("_")}


@pytest.mark.parametrize("name", PUBLIC)
def test_each_part_of_the_adapter_is_documented(name):
    named = {re.match(r"\w+", code).group() for code in codes(prose(page("storefront"))) if re.match(r"\w", code)}
    assert name in named


@pytest.mark.parametrize(
    "name", [name for name, found in PUBLIC.items() if name.endswith(("_path", "_paths", "_names"))]
)
def test_the_documented_default_of_a_path_is_the_real_one(name):
    (default,) = (row[1] for row in rows(page("storefront")) if row[0] == f"`{name}`")
    assert ast.literal_eval(default.strip("`")) == PUBLIC[name]


def test_the_documented_questions_take_the_documented_arguments():
    questions = [codes(row[0])[0] for row in rows(page("storefront")) if re.match(r"`\w+\(", row[0])]
    assert questions
    for question in questions:
        name, arguments = re.fullmatch(r"(\w+)\((.*)\)", question).groups()
        code = PUBLIC[name].__code__
        assert list(code.co_varnames[1 : code.co_argcount]) == [word for word in arguments.split(", ") if word]


@pytest.mark.parametrize(
    "path",
    ["example_project/shop/digitals.py", "tests/hosts/market/adapter.py", "tests/hosts/sites_shop/adapter.py"],
)
def test_adapters_that_are_shown_as_examples_are_shown_as_they_are(path):
    assert path in page("storefront")
    assert (ROOT / path).read_text().strip() in [block.strip() for block in blocks(page("storefront"), "python")]


def test_the_guide_spells_out_the_defaults_of_the_adapter():
    (adapter,) = (block for block in blocks((ROOT / "README.md").read_text(), "python") if "(Storefront)" in block)
    spelled = dict(re.findall(r"^    (\w+_paths?) = (.+)$", adapter, re.MULTILINE))
    assert {name: ast.literal_eval(value) for name, value in spelled.items()} == {
        name: found for name, found in PUBLIC.items() if name.endswith(("_path", "_paths"))
    }


# Commands


@pytest.mark.parametrize(
    ("app", "command", "where", "below"),
    [
        ("spree_digitals", "issue_digital_links", "commands", "`issue_digital_links`"),
        ("spree_digitals", "send_digital_mails", "commands", "`send_digital_mails`"),
        ("example_project.shop", "demo", "quickstart", "Without a browser"),
        ("example_project.shop", "seed", "quickstart", "A shop that has sold for a year"),
    ],
)
def test_each_option_of_a_command_is_documented_and_no_other(app, command, where, below):
    class Options(list[str]):
        def add_argument(self, name: str, **kwargs: Any) -> None:
            self.append(name)

    real = Options()
    load_command_class(app, command).add_arguments(real)
    documented = rows(sections(page(where), "##")[below])
    assert [codes(row[0])[0].split()[0] for row in documented if row[0].startswith("`--")] == real


def test_each_make_target_that_is_documented_exists():
    named = {name for path in PAGES for name in re.findall(r"\bmake (\w+)$", "\n".join(blocks_and_codes(path)), re.M)}
    assert {"demo", "test"} <= named
    assert named <= set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def blocks_and_codes(path: Path) -> list[str]:
    text = path.read_text()
    return [*blocks(text, "sh"), *codes(prose(text))]


# Versions, dependencies, code


SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")


def test_the_version_is_the_newest_in_the_changelog():
    newest = re.search(r"^## \[(.+)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest.group(1) == spree_digitals.__version__
    assert f"**Status:** {spree_digitals.__version__}" in (ROOT / "README.md").read_text()
    assert f"| {spree_digitals.__version__.rpartition('.')[0]}.x | yes |" in (ROOT / "SECURITY.md").read_text()


def test_the_readme_names_the_supported_versions_and_the_distribution():
    readme = (ROOT / "README.md").read_text()
    assert f"pip install {SETUP['metadata']['name']}" in readme
    classifiers = SETUP["metadata"]["classifiers"]
    for django in re.findall(r"Django :: (\d\.\d)", classifiers):
        assert f"Django {django}" in readme
    assert f"Python {SETUP['options']['python_requires'].removeprefix('>=')} or later" in readme
    assert re.search(r"^django >= (.+)$", SETUP["options"]["install_requires"], re.MULTILINE).group(1) in readme


def packages(text: str) -> set[str]:
    return {re.match(r"[\w.-]+", line).group() for line in text.split("\n") if line and not line.startswith("%(")}


def test_each_dependency_has_its_reason_and_no_other_is_listed():
    wanted = {(None, name) for name in packages(SETUP["options"]["install_requires"])}
    for extra in SETUP["options.extras_require"]:
        listed = SETUP.get("options.extras_require", extra, raw=True)
        wanted |= {(extra, name) for name in packages(listed)}
    below = sections(page("layout"), "##")["What each dependency is for"]
    found = set()
    for row in rows(below):
        if codes(row[0]):
            *extra, name = (codes(cell)[0] for cell in row[:-1])
            assert len(row[-1]) > 10
            found.add((extra[0] if extra else None, name))
    assert found == wanted


def test_imports_point_down_the_list_in_the_documentation():
    lines = re.findall(r"^(\d)\. (.+)$", page("layout"), re.MULTILINE)
    height = {name: int(number) for number, names in lines for name in codes(names)}
    package = ROOT / "spree_digitals"
    for path in package.rglob("*.py"):
        parts = path.relative_to(package).with_suffix("").parts
        if parts[0] in ("__init__", "migrations"):
            continue
        for imported in imported_rooms(path, depth=len(parts)):
            assert height[parts[0]] <= height[imported], f"{path} imports {imported}"


def imported_rooms(path: Path, depth: int) -> Iterator[str]:
    """The modules right below the package that this file imports from."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            yield from [node.module.partition(".")[0]] if node.module else [name.name for name in node.names]


def test_each_file_of_the_package_has_its_place_in_the_documentation():
    (tree,) = (block for block in blocks(page("layout"), "text") if block.startswith("spree_digitals/\n"))
    listed = set(re.findall(r"^  (\w+)(?:/|\.py) ", tree, re.MULTILINE))
    real = {path.stem for path in (ROOT / "spree_digitals").iterdir() if path.suffix in ("", ".py")}
    assert listed == real - {"__init__", "__pycache__", "apps", "locale", "migrations", "static", "templates"}


# Links and code


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)]+)\)", prose(path.read_text())):
        if "://" in target:
            continue
        name, _, fragment = target.partition("#")
        leads_to = (path.parent / name).resolve() if name else path
        assert leads_to.exists(), f"{path.name} links to {target}"
        if fragment:
            headings = re.findall(r"^#+ (.+)$", prose(leads_to.read_text()), re.MULTILINE)
            assert fragment in map(anchor, headings), f"{path.name} links to {target}"


def test_each_page_is_listed_in_the_readme():
    listed = set(re.findall(r"\]\(docs/(\w[\w-]*)\.md\)", (ROOT / "README.md").read_text()))
    assert {path.stem for path in DOCS.glob("*.md")} <= listed


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_python_in_the_documentation_compiles(path):
    for block in blocks(path.read_text(), "python"):
        compile(textwrap.dedent(block), str(path), "exec")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_json_in_the_documentation_is_json(path):
    for block in blocks(path.read_text(), "json"):
        json.loads(block)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_names_of_the_app_that_are_imported_in_the_documentation_exist(path):
    for block in blocks(path.read_text(), "python"):
        for line in re.findall(r"^\s*from spree_digitals[\w.]* import .+$", block, re.MULTILINE):
            exec(line.strip(), {})  # noqa: S102


# Recipes


def recipe(name: str, containing: str) -> dict[str, Any]:
    (source,) = (block for block in blocks(page(name), "python") if containing in block)
    namespace: dict[str, Any] = {}
    exec(source, namespace)  # noqa: S102
    return namespace


def test_the_log_filter_in_the_documentation_hides_tokens(caplog: pytest.LogCaptureFixture, link, download):
    caplog.handler.addFilter(recipe("security", "class MaskTokens")["MaskTokens"]())
    issuing.revoke([link])
    with caplog.at_level(logging.INFO):
        download(link)
        logging.getLogger("django.server").warning(
            '"%s" %s %s', f"GET /x/storefront/digitals/{link.token} HTTP/1.1", 1, 2
        )
    logging.getLogger("django.server").warning('"GET %s HTTP/1.1"', f"/downloads/{link.token}")
    logging.getLogger("django.server").warning('"GET %s HTTP/1.1"', f"/downloads/sign-in/{link.token}:1x:y")
    assert "/storefront/digitals/***" in caplog.text
    assert "/downloads/*** HTTP" in caplog.text
    assert "/downloads/sign-in/*** HTTP" in caplog.text
    assert link.token not in caplog.text


def test_forgetting_clients_leaves_what_was_counted(make_link, download):
    link = make_link(uses=1)
    assert [download(link, "get", User_Agent="A browser").status_code for _ in range(2)] == [200, 403]
    privacy: dict[str, Callable[..., None]] = recipe("security", "def forget_clients")
    privacy["forget_clients"]([link.line_item])
    for record in (link.downloads.get(), link.refusals.get()):
        assert (record.client, record.address, record.user_agent) == ("", None, "")
    link.refusals.update(refused_at="2020-01-01T00:00Z")
    privacy["forget_old_refusals"]()
    assert not link.refusals.exists()
    assert download(link).status_code == 403


def test_two_more_downloads_are_two_more(link, download):
    recipe("settings", "def two_more")["two_more"](link)
    assert [download(link).status_code for _ in range(8)] == [200] * 7 + [403]
