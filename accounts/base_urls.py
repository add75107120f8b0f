"""Where keys may be sent: exact origins on an allow-list, nothing that can be read in two ways. Pure."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from accounts.errors import BaseUrlRefused

LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
"""Written exactly so. 127.1, 0x7f000001 and their like reach loopback too and are refused like any other host."""

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_PLAIN: Final = re.compile(r"[A-Za-z0-9:/.\[\]-]+")
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|::1")


def origin(url: str) -> str:
    """The canonical origin (`https://host[:port]`) of a URL that is nothing but an origin.

    Raises BaseUrlRefused for paths, user names, queries, fragments and every character with which parsers disagree.
    """
    if not _PLAIN.fullmatch(url):
        raise BaseUrlRefused("An upstream address is https://host[:port]: no user name, query, fragment or blank.")
    scheme, host, port = _parts(url)
    if scheme not in _DEFAULT_PORTS:
        raise BaseUrlRefused("An upstream address begins with https://.")
    if not _HOST.fullmatch(host):
        raise BaseUrlRefused("An upstream address needs a plain host name.")
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}" if port in {None, _DEFAULT_PORTS[scheme]} else f"{scheme}://{name}:{port}"


def _parts(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BaseUrlRefused("An upstream address is https://host[:port]; this one cannot be read.") from None
    if parts.path not in {"", "/"}:
        raise BaseUrlRefused("An upstream address has no path; /v1/… is added by the gateway.")
    if not url.lower().startswith(f"{parts.scheme}://") or parts.netloc.endswith(":"):
        raise BaseUrlRefused("An upstream address is https://host[:port].")
    return parts.scheme, host, port


def is_loopback(canonical: str) -> bool:
    """Whether a canonical origin is this machine itself."""
    return urlsplit(canonical).hostname in LOOPBACK_HOSTS


def checked_base_url(url: str, *, allowed: Iterable[str], demo: bool) -> str:
    """The canonical origin, if keys may be sent there. Raises BaseUrlRefused.

    `demo`: the pool is simulated. Its pages promise that nothing leaves this machine, so it gets no other address;
    a real key goes over https only, and so never to the simulator.
    """
    canonical = origin(url)
    if demo and not is_loopback(canonical):
        raise BaseUrlRefused(
            f"{canonical} is not the simulator. A simulated pool sends nothing to Anthropic: give the account the "
            "address of the simulator on this machine, or add it to a pool that is not simulated."
        )
    if not demo and not canonical.startswith("https://"):
        raise BaseUrlRefused("An upstream address must be https (plain http only to the simulator of a demo pool).")
    if canonical not in _origins(allowed):
        raise BaseUrlRefused(
            f"{canonical} is not an allowed upstream. Add it to ANTHROPIC_BASE_URLS if keys may be sent there."
        )
    return canonical


Network = IPv4Network | IPv6Network

_NAT64: Final = ip_network("64:ff9b::/96")
"""Ends in the IPv4 address it stands for (RFC 6052)."""


def may_be_reached(host: str, address: str, *, private: Iterable[Network] = ()) -> bool:
    """Whether an allowed upstream of this name may be reached at this address, to which the name leads now.

    This machine's own names lead to this machine, and no other name does. Other names lead to the public internet, or
    to the `private` networks that the operator names. An address that is itself on the allow-list is not asked about.
    """
    try:
        meant = _meant(ip_address(address.partition("%")[0]))
    except ValueError:
        return False
    if host in LOOPBACK_HOSTS or meant.is_loopback:
        return host in LOOPBACK_HOSTS and meant.is_loopback
    return _is_public(meant) or any(meant in network for network in private)


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Look into IPv6 addresses that only carry an IPv4 one."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and (address.teredo or address.is_site_local):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _origins(allowed: Iterable[str]) -> frozenset[str]:
    found = set()
    for entry in allowed:
        try:
            found.add(origin(entry))
        except BaseUrlRefused:
            continue  # a bad entry allows nothing; accounts.E003 reports it at start
    return frozenset(found)
