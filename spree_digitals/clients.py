"""Who asks, as far as a request tells: by address, behind the proxies that the shop trusts, and by program."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from .conf import conf

logger = logging.getLogger(__name__)

UNIX = "unix"  # in SPREE_DIGITALS_TRUSTED_PROXIES: whoever reaches the application over a unix socket
FORWARDING = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")
# What some proxies append to an address: "192.0.2.1:4711", "[2001:db8::1]:4711".
WITH_PORT = re.compile(r"(?:\[([^\[\]]+)\]|([0-9.]+))(?::[0-9]{1,5})?\Z")


@dataclass(frozen=True, kw_only=True)
class Client:
    """
    Who downloads. ``fingerprint`` is a keyed hash of address and program; empty where clients cannot be told apart.

    Of an IPv6 address the hash takes the /64, within which one device changes its address.
    """

    fingerprint: str = ""
    address: str | None = None
    user_agent: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> Client:
        address = address_of(request.META)
        user_agent = request.META.get("HTTP_USER_AGENT", "").replace("\x00", "")
        return cls(
            fingerprint="" if address is None else fingerprint_of(address, user_agent),
            address=kept_address(nearest_address(request.META)),
            user_agent=user_agent[:200],
        )


def address_of(meta: Mapping[str, Any]) -> str | None:
    """
    The client's address: the last one that no proxy of ours has. None where it cannot be told.

    That is so without any address, as on a unix socket, and where a header says that somebody has forwarded the request
    whom ``SPREE_DIGITALS_TRUSTED_PROXIES`` does not name: then all who come that way would be one client.
    """
    remote = without_port(meta.get("REMOTE_ADDR") or UNIX)
    forwarded = [without_port(hop.strip()) for hop in meta.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    for hop in [remote, *reversed(forwarded)]:
        if not is_trusted(hop):
            break
    else:
        return None
    found = as_address(hop)
    # A server that reads the header itself, as uvicorn does, has put the client's address in the place of the proxy's.
    resolved = bool(forwarded) and as_address(forwarded[-1]) == found
    if hop is remote and not resolved and any(meta.get(name) for name in FORWARDING):
        warn_of_undeclared_proxy()
        return None
    return None if found is None else str(found)


def nearest_address(meta: Mapping[str, Any]) -> str:
    """The client's address or, where that cannot be told, of whoever has forwarded the request; empty without any."""
    return address_of(meta) or str(meta.get("REMOTE_ADDR") or "")


def is_trusted(hop: str) -> bool:
    """Whether this address, or ``unix``, is a proxy of ours."""
    networks, sockets = trusted(tuple(conf.TRUSTED_PROXIES))
    if hop == UNIX:
        return sockets
    address = as_address(hop)
    return address is not None and any(address in network for network in networks)


def came_through_proxy(request: HttpRequest) -> bool:
    """Whether a proxy that the shop trusts has handed this request on."""
    return is_trusted(without_port(request.META.get("REMOTE_ADDR") or UNIX))


@cache
def trusted(entries: tuple[str, ...]) -> tuple[list[IPv4Network | IPv6Network], bool]:
    """Networks, and whether unix sockets are among the entries. Raises ValueError for what is neither."""
    return [ip_network(entry, strict=False) for entry in entries if entry != UNIX], UNIX in entries


@cache
def warn_of_undeclared_proxy() -> None:
    logger.warning(
        "A request was forwarded by an address that SPREE_DIGITALS_TRUSTED_PROXIES does not name: clients cannot be "
        "told apart, and no download can be resumed. Add the address of the proxy to that setting."
    )


def without_port(hop: str) -> str:
    match = WITH_PORT.match(hop)
    return (match[1] or match[2]) if match else hop


def as_address(text: str) -> IPv4Address | IPv6Address | None:
    """None for what is no address. One that sockets for both kinds show as IPv6 is the IPv4 one."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def fingerprint_of(address: str, user_agent: str) -> str:
    return salted_hmac("spree_digitals.client", f"{household(address)}\n{user_agent}", algorithm="sha256").hexdigest()


def household(address: str) -> str:
    """An IPv4 address as it is; of IPv6 the /64, of which a household has as many addresses as it likes."""
    found = as_address(address)
    if found is None:
        return address
    return str(found) if isinstance(found, IPv4Address) else str(IPv6Network((int(found), 64), strict=False))


def kept_address(address: str) -> str | None:
    """What is kept of a client's address: by default the network it is in, which names no household."""
    found = as_address(address)
    if found is None or conf.CLIENT_ADDRESS == "none":
        return None
    if conf.CLIENT_ADDRESS == "full":
        return str(found)
    return str(ip_network(f"{found}/{24 if found.version == 4 else 48}", strict=False).network_address)
