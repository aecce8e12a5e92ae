"""Which URLs the server may send requests to, and which network addresses are public.

Checking the URL is not enough: a host name can resolve to any address, so the connecting code must
check the resolved addresses again. The trap is that an address can be written in many ways. So a
host that ends in a number must be an IPv4 address in dotted decimal notation, and an IPv6 address
that embeds IPv4 addresses is public only if those are.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

import idna

from core.errors import InvalidInput

LONGEST_URL = 2_048
_LONGEST_HOST = 253
_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_BRACKETED = re.compile(r"\[[^]]+\](:[0-9]*)?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

# Networks that `ipaddress` reports as global in some version of Python, but that are not public.
_CLOSED = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    # Here, the machines of a large cloud provider fetch their secrets.
    IPv4Network("168.63.129.16/32"),
)
# All global unicast addresses, and the reserved networks among them.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_RESERVED = (IPv6Network("2001::/23"), IPv6Network("2001:db8::/32"), IPv6Network("3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a URL: scheme, normalised host, port, and path with query.

    An IPv6 host has no brackets.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the Host header: the host, with the port unless it is the default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def check_url(url: str, allowed_hosts: Collection[str], *path: str | int) -> None:
    """Raise `InvalidInput` unless requests may be sent to the URL, judged by its text alone.

    The host must be public or one of the allowed hosts.
    """
    parse_target(url, allowed_hosts, *path)


def parse_target(url: str, allowed_hosts: Collection[str], *path: str | int) -> Target:
    """Return the target of a URL. Raises `InvalidInput` as `check_url` does."""
    if len(url) > LONGEST_URL:
        raise InvalidInput(
            f"This must have at most {LONGEST_URL:,} characters, it has {len(url):,}.", *path
        )
    if not url.isprintable() or " " in url:
        raise InvalidInput("This must be a URL, without spaces.", *path)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidInput("This must be a URL.", *path) from None
    if parts.scheme not in _PORTS:
        raise InvalidInput("This must begin with http:// or https://.", *path)
    if "@" in parts.netloc:
        raise InvalidInput("This must not contain a user name or a password.", *path)
    if "#" in url:
        raise InvalidInput("This must not have a fragment.", *path)
    if port == 0:
        raise InvalidInput("This must have a port from 1 to 65535.", *path)
    is_bracketed = "[" in parts.netloc
    if is_bracketed and not _BRACKETED.fullmatch(parts.netloc):
        raise InvalidInput("This must be a URL.", *path)
    host = _host_of(parts.hostname or "", is_bracketed, *path)
    if not is_allowed(host, allowed_hosts) and _is_private(host):
        raise InvalidInput(f"{host} is not a public address.", *path)
    path_and_query = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path_and_query.isascii():
        raise InvalidInput(
            "The path and the query must be ASCII, with other characters encoded as %XX.", *path
        )
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path_and_query)


def is_allowed(host: str, allowed_hosts: Collection[str]) -> bool:
    """Return whether a host is one of the allowed hosts; those may have brackets and capitals."""
    return any(host == _normalized(allowed) for allowed in allowed_hosts)


def is_public(address: str) -> bool:
    """Return whether a text is a public IP address; False if it is not an address."""
    try:
        return _is_public(ip_address(address))
    except ValueError:
        return False


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        closed = address.is_multicast or any(address in network for network in _CLOSED)
        return address.is_global and not closed
    if address.scope_id is not None:
        return False
    embedded = _embedded_addresses(address)
    if embedded:
        return all(_is_public(one) for one in embedded)
    return (
        address in _GLOBAL_UNICAST
        and address.is_global
        and not any(address in network for network in _RESERVED)
    )


def _embedded_addresses(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that an IPv6 address embeds."""
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFF_FFFF),)
    return ()


def _host_of(host: str, is_bracketed: bool, *path: str | int) -> str:
    """Return a host in lower case, without the trailing dot of the DNS root."""
    if is_bracketed:
        try:
            return str(IPv6Address(host))
        except ValueError:
            raise InvalidInput("This must be a URL.", *path) from None
    try:
        # UTS 46 maps characters that only look like digits and dots to digits and dots.
        ascii_host = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        raise InvalidInput("This must have a valid host.", *path) from None
    ascii_host = ascii_host.lower().removesuffix(".")
    labels = ascii_host.split(".")
    if len(ascii_host) > _LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidInput("This must have a valid host.", *path)
    if _NUMBER.fullmatch(labels[-1]):
        try:
            IPv4Address(ascii_host)
        except ValueError:
            raise InvalidInput(
                "This has an address that must be written as four numbers.", *path
            ) from None
    return ascii_host


def _normalized(allowed: str) -> str:
    """Return an allowed host in the form of `_host_of`."""
    host = allowed.strip("[]").lower()
    try:
        return str(ip_address(host))
    except ValueError:
        return host


def _is_private(host: str) -> bool:
    """Return whether a host is known not to be public without resolving it."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not _is_public(ip_address(host))
    except ValueError:
        return False
