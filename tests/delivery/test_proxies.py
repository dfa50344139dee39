"""Whose download it is when others have handed the request on: who may say so, and who only claims it."""

from __future__ import annotations

import socket

import pytest

from spree_digitals.clients import address_of, warn_of_undeclared_proxy
from tests.conftest import uses
from tests.delivery.wire import PROXY, Wire

BUYER, OTHER, PROXIES = "198.51.100.7", "198.51.100.8", ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"]
SIX = "2001:db9::7"
WARNING = "does not name: clients cannot be told apart"


@pytest.mark.once
@pytest.mark.parametrize(
    ("trusted", "remote", "forwarded", "address"),
    [
        pytest.param([], BUYER, None, BUYER, id="nobody in between"),
        pytest.param([], SIX, None, SIX, id="nobody in between, IPv6"),
        pytest.param([], f"::ffff:{BUYER}", None, BUYER, id="IPv4 on a socket for both"),
        pytest.param([], "10.0.0.1", BUYER, None, id="a proxy that nobody has declared"),
        pytest.param(PROXIES, "10.0.0.1", BUYER, BUYER, id="a proxy that is trusted"),
        pytest.param(PROXIES, "::ffff:10.0.0.1", BUYER, BUYER, id="the same on a socket for both"),
        pytest.param(PROXIES, "2001:db8::1", SIX, SIX, id="a proxy with IPv6"),
        pytest.param(PROXIES, "10.0.0.1", f"{BUYER}, 192.0.2.1, 10.9.9.9", BUYER, id="three proxies that are trusted"),
        pytest.param(PROXIES, "10.0.0.1", f"{OTHER}, {BUYER}", BUYER, id="what the client has made up is not believed"),
        pytest.param(PROXIES, "10.0.0.1", f"10.0.0.9, {BUYER}", BUYER, id="nor that it is one of ours"),
        pytest.param(PROXIES, BUYER, OTHER, None, id="a client that says that it is a proxy"),
        pytest.param(PROXIES, BUYER, None, BUYER, id="a client that comes past the proxy"),
        pytest.param(PROXIES, "10.0.0.1", None, None, id="a proxy that does not say for whom"),
        pytest.param(PROXIES, "10.0.0.1", "10.0.0.2", None, id="a proxy of a proxy that does not"),
        pytest.param(PROXIES, "10.0.0.1", "unknown", None, id="a proxy that does not know"),
        pytest.param(PROXIES, "10.0.0.1", f"{BUYER}, unknown", None, id="a proxy that does not know, behind a claim"),
        pytest.param(PROXIES, "10.0.0.1", "", None, id="an empty header"),
        pytest.param(PROXIES, "10.0.0.1", f" , {BUYER} ,", BUYER, id="empty elements"),
        pytest.param(PROXIES, "10.0.0.1", f"{BUYER}:4711", BUYER, id="with a port"),
        pytest.param(PROXIES, "10.0.0.1", f"[{SIX}]:4711", SIX, id="with a port, IPv6"),
        pytest.param([], "", None, None, id="a unix socket"),
        pytest.param([], "", BUYER, None, id="a unix socket whose proxy nobody has declared"),
        pytest.param(["unix"], "", BUYER, BUYER, id="a unix socket that is trusted"),
        pytest.param(["unix"], None, f"{OTHER}, {BUYER}", BUYER, id="the same under uvicorn"),
        pytest.param(["unix"], "", None, None, id="a unix socket that does not say for whom"),
        pytest.param([], BUYER, BUYER, BUYER, id="a server that has resolved the header itself"),
        pytest.param(PROXIES, BUYER, f"{OTHER}, {BUYER}", BUYER, id="the same behind a made-up client"),
    ],
)
def test_a_client_is_the_last_address_that_no_proxy_of_ours_has(settings, trusted, remote, forwarded, address):
    settings.SPREE_DIGITALS_TRUSTED_PROXIES = trusted
    meta = {"REMOTE_ADDR": remote, "HTTP_X_FORWARDED_FOR": forwarded}
    assert address_of({name: value for name, value in meta.items() if value is not None}) == address


@pytest.mark.once
@pytest.mark.parametrize("header", ["X_FORWARDED_FOR", "FORWARDED", "X_REAL_IP"])
def test_a_proxy_that_nobody_has_declared_is_warned_of_once(caplog, header):
    warn_of_undeclared_proxy.cache_clear()
    for _ in range(3):
        assert address_of({"REMOTE_ADDR": "10.0.0.1", f"HTTP_{header}": f"for={BUYER}"}) is None
    assert caplog.text.count(WARNING) == 1


def ask(wire, link, start, forwarded=None):
    headers = [("Range", f"bytes={start}-{start}")]
    return wire.ask(link, headers + [("X-Forwarded-For", forwarded)] * (forwarded is not None)).status


@pytest.mark.parametrize("kind", ["gunicorn", "uvicorn"])
def test_behind_a_trusted_proxy_every_buyer_has_a_download_of_their_own(serve, sell, kind):
    link = sell(b"0123456789", uses=2)
    with Wire(serve(kind), source=PROXY) as proxy:
        assert [ask(proxy, link, start, BUYER) for start in range(3)] == [206] * 3
        assert uses(link) == 1
        assert ask(proxy, link, 3, f"{BUYER}, {OTHER}") == 206  # somebody who would like to be the buyer
        assert uses(link) == 2
        assert ask(proxy, link, 4, SIX) == 403
        assert ask(proxy, link, 4, BUYER) == 206
    assert uses(link) == 2


@pytest.mark.parametrize("kind", ["gunicorn", "uvicorn"])
def test_behind_one_that_is_not_nobody_joins_anybody_and_the_log_says_why(serve, sell, kind):
    server, link = serve(kind, SPREE_DIGITALS_TRUSTED_PROXIES=[]), sell(b"0123456789", uses=3)
    with Wire(server) as proxy:
        assert [ask(proxy, link, start, BUYER) for start in range(4)] == [206, 206, 206, 403]
        assert uses(link) == 3
    assert server.said().count(WARNING) == 1


def test_uvicorn_may_read_who_has_forwarded_instead_of_the_app(serve, sell):
    told = {"options": ("--proxy-headers", f"--forwarded-allow-ips={PROXY}"), "SPREE_DIGITALS_TRUSTED_PROXIES": []}
    server, link = serve("uvicorn", **told), sell(b"0123456789", uses=2)
    with Wire(server, source=PROXY) as proxy, Wire(server) as impostor:
        assert [ask(proxy, link, start, BUYER) for start in range(3)] == [206] * 3
        assert uses(link) == 1
        assert ask(impostor, link, 3, BUYER) == 206  # counted: nobody trusts whom it names
        assert uses(link) == 2
        assert ask(proxy, link, 3, OTHER) == 403
    assert WARNING in server.said()


class UnixWire(Wire):
    """To a unix socket."""

    def __init__(self, path, **how):
        self.path = path
        super().__init__(None, **how)

    def connect(self):
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(60)
        line.connect(self.path)
        return line


@pytest.mark.parametrize("trusted", [["unix"], []], ids=["trusted", "not trusted"])
def test_a_unix_socket_tells_buyers_apart_only_where_its_proxy_is_trusted(serve, sell, served_directory, trusted):
    path = f"{served_directory}/{len(trusted)}.sock"
    options = ("--threads=4", f"--bind=unix:{path}")
    serve("gunicorn", options=options, SPREE_DIGITALS_TRUSTED_PROXIES=trusted)
    link = sell(b"0123456789", uses=2)
    with UnixWire(path) as proxy:
        joined = [ask(proxy, link, start, BUYER) for start in range(3)]
        assert joined == ([206] * 3 if trusted else [206, 206, 403])
        assert uses(link) == (1 if trusted else 2)
        if trusted:  # but not whoever comes without a name
            assert [ask(proxy, link, start) for start in range(2)] == [206, 403]
