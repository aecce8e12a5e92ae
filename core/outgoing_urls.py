"""Which URLs the server may be told to send to, and which addresses of the network are public.

A URL tells only part of it: a name may lead anywhere, so the addresses that it stands for are
judged again by whoever connects. The trap is that there are many ways to write an address. What
ends in a number is therefore an address in plain notation or nothing, and an address that carries
another one inside is judged by that, too.
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

# What `ipaddress` takes for global, in this version of Python or another, and is not.
_CLOSED = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    # Where the machines of one large provider ask for their own secrets.
    IPv4Network("168.63.129.16/32"),
)
# All unicast addresses of the world are in the first; the others are the holes in it.
_WORLD = IPv6Network("2000::/3")
_HOLES = (IPv6Network("2001::/23"), IPv6Network("2001:db8::/32"), IPv6Network("3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: its host as it is asked for, an address without brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The host as the header of that name has it, with the port unless it is the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def check_url(url: str, allowed_hosts: Collection[str], *path: str | int) -> None:
    """Raise `InvalidInput` unless the URL may be sent to, as far as it tells by itself.

    It may when it leads to the public network, or to one of the allowed hosts.
    """
    parse_target(url, allowed_hosts, *path)


def parse_target(url: str, allowed_hosts: Collection[str], *path: str | int) -> Target:
    """Return where a URL leads. Raises `InvalidInput` as `check_url` does."""
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
    if not is_allowed(host, allowed_hosts) and _is_inside(host):
        raise InvalidInput(f"{host} is not a public address.", *path)
    beyond = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not beyond.isascii():
        raise InvalidInput("What follows the host must be ASCII, the rest as %XX.", *path)
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], beyond)


def is_allowed(host: str, allowed_hosts: Collection[str]) -> bool:
    """Tell whether a host may be sent to wherever it is; brackets and capitals do not matter."""
    return any(host == _plain(allowed) for allowed in allowed_hosts)


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public network; False for what is no address."""
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
    inner = _inside(address)
    if inner:
        return all(_is_public(one) for one in inner)
    return (
        address in _WORLD
        and address.is_global
        and not any(address in network for network in _HOLES)
    )


def _inside(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the addresses of the older kind that one of the newer kind leads to."""
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
    """Return a host as it is asked for by: in small letters, without the dot of the root."""
    if is_bracketed:
        try:
            return str(IPv6Address(host))
        except ValueError:
            raise InvalidInput("This must be a URL.", *path) from None
    try:
        # Characters that merely look like digits and dots become those.
        plain = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        raise InvalidInput("This has a host that is not one.", *path) from None
    plain = plain.lower().removesuffix(".")
    labels = plain.split(".")
    if len(plain) > _LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidInput("This has a host that is not one.", *path)
    if _NUMBER.fullmatch(labels[-1]):
        try:
            IPv4Address(plain)
        except ValueError:
            raise InvalidInput(
                "This has an address that must be written as four numbers.", *path
            ) from None
    return plain


def _plain(allowed: str) -> str:
    """Return an allowed host as `_host_of` writes it."""
    host = allowed.strip("[]").lower()
    try:
        return str(ip_address(host))
    except ValueError:
        return host


def _is_inside(host: str) -> bool:
    """Tell whether a host is known not to be public before anybody has asked for its address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not _is_public(ip_address(host))
    except ValueError:
        return False
