"""The download endpoint, as buyers and their programs meet it."""

from __future__ import annotations

from tests.conftest import PDF, error, uses


def test_a_link_downloads_as_often_as_the_store_allows_and_then_is_refused(download, link):
    for _ in range(5):
        response = download(link)
        assert response.status_code == 200
        assert response.body == PDF
    assert error(download(link)) == (403, "download_limit_reached")
    assert uses(link) == 5
    assert link.downloads.count() == 5
