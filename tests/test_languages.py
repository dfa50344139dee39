"""A buyer reads pages and mails in a language of theirs."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail as outgoing
from django.urls import reverse
from django.utils import translation

from example_project.shop.digitals import ShopStorefront

pytestmark = pytest.mark.django_db

BUTTONS = {"de": "Herunterladen", "en": "Download", "es": "Descargar", "pl": "Pobierz"}


class Speaks(ShopStorefront):
    """A shop whose orders are all from Poland."""

    def language(self, order: Any) -> str:
        return "pl"


@pytest.mark.parametrize("language", BUTTONS)
def test_the_page_of_a_link_speaks_the_language_of_the_browser(client, link, language):
    page = reverse("spree_digitals_pages:link", args=[link.token])
    answer = client.get(page, headers={"Accept-Language": f"{language},en;q=0.5"})
    assert f'lang="{language}"' in answer.content.decode()
    assert f">{BUTTONS[language]}<" in answer.content.decode()


def test_a_language_that_nobody_has_translated_is_english(client, link):
    answer = client.get(reverse("spree_digitals_pages:link", args=[link.token]), headers={"Accept-Language": "fi"})
    assert f">{BUTTONS['en']}<" in answer.content.decode()


def test_why_a_download_is_refused_is_told_in_the_language_of_the_client(make_link, download):
    answers = {language: download(make_link(uses=0), Accept_Language=language).json() for language in ("en", "pl")}
    assert answers["en"]["error"] == answers["pl"]["error"]
    assert answers["en"]["errors"][0]["code"] == answers["pl"]["errors"][0]["code"]
    assert answers["en"]["errors"][0]["detail"] != answers["pl"]["errors"][0]["detail"]


@pytest.mark.django_db(transaction=True)
def test_a_mail_speaks_the_language_of_the_order_whoever_causes_it(buy, digital, settings):
    settings.SPREE_DIGITALS_STOREFRONT = f"{__name__}.Speaks"
    with translation.override("es"):
        buy(digital)
    with translation.override("pl"):
        expected = translation.gettext("Your files are ready: order %(number)s").partition("%")[0]
    (message,) = outgoing.outbox
    assert message.subject.startswith(expected)
    assert "Your files" not in message.subject
