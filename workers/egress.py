"""HTTP requests to URLs that users have chosen, restricted to public addresses.

A user who can set a URL could make the server request what only the server can reach (SSRF). So a
name is resolved once, every resolved address is checked, and the connection is made to one of the
checked addresses: a name that resolves differently a moment later (DNS rebinding) has no effect.
Each message has its own connection, because a reused one would not be checked again. Redirects are
not followed, because their targets are unchecked. Proxies of the environment are not used, because
they would resolve names themselves.
"""

import asyncio
import functools
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpcore

from core.errors import InvalidInput
from core.outgoing_urls import Target, is_allowed, is_public, parse_target

# Only the status of a response matters, so at most this many bytes of its body are read.
LONGEST_ANSWER = 65_536
# At most this many addresses of a name are tried, each but the last for its share of the time.
_MOST_ADDRESSES = 4

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a message: the HTTP status, None without a response, and the error.

    `error` is a message for people. It is None exactly if the status is in 200 to 299.
    """

    status: int | None
    error: str | None


class AddressRejected(Exception):
    """A name resolves to an address that is not public; the message is for people."""


async def addresses_of(host: str, port: int) -> list[str]:
    """Return the resolved addresses of a name, the best first. Raises `OSError` without any."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Outgoing:
    """Sends messages, any number concurrently. A process has one instance and must close it."""

    def __init__(
        self,
        allowed_hosts: Collection[str],
        seconds: float = 15.0,
        resolve: Resolve = addresses_of,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        """Create a client in which `seconds` is the timeout of a message, including resolution.

        Allowed hosts, in the form they have in URLs, need not be public. `network` connects to
        addresses, never to names.
        """
        self._allowed = frozenset(allowed_hosts)
        self._seconds = seconds
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_certificates(),
            max_connections=None,
            max_keepalive_connections=0,
            network_backend=_CheckedNetwork(
                self._allowed,
                seconds / _MOST_ADDRESSES,
                resolve,
                network or httpcore.AnyIOBackend(),
            ),
        )

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a message; return the result. It raises no errors for failures of the receiver."""
        try:
            target = parse_target(url, self._allowed)
        except InvalidInput as error:
            return Answer(None, error.message)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._send(target, headers, body)
        except (TimeoutError, httpcore.TimeoutException):
            return Answer(None, f"The receiver did not answer within {self._seconds:g} seconds.")
        except AddressRejected as error:
            return Answer(None, str(error))
        except httpcore.ConnectError as error:
            return Answer(None, _why_unreachable(target.host, error))
        except (httpcore.NetworkError, httpcore.RemoteProtocolError, OSError):
            return Answer(None, "The receiver did not send a complete HTTP response.")

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def _send(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
        url = httpcore.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.path
        )
        sent = [*headers.items(), ("Host", target.authority), ("Connection", "close")]
        async with self._pool.stream("POST", url, headers=sent, content=body) as response:
            if not 200 <= response.status < 300:
                return Answer(response.status, _status_error(response.status))
            # Many receivers abort their work if the client disconnects before the response ends.
            length = 0
            async for part in response.aiter_stream():
                length += len(part)
                if length >= LONGEST_ANSWER:
                    break
            return Answer(response.status, None)


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to hosts that are allowed or public, at the addresses that were checked."""

    def __init__(
        self,
        allowed: Collection[str],
        share: float,
        resolve: Resolve,
        network: httpcore.AsyncNetworkBackend,
    ) -> None:
        self._allowed = allowed
        self._share = share
        self._resolve = resolve
        self._network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Return a connection. Raises `AddressRejected`, or an error of httpcore."""
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        # A single address that is not public rejects the host: honest hosts do not mix them.
        if not is_allowed(host, self._allowed) and not all(map(is_public, addresses)):
            raise AddressRejected(f"{host} is not a public address.")
        last_error: Exception = httpcore.ConnectError("The name has no address.")
        candidates = addresses[:_MOST_ADDRESSES]
        for address in candidates:
            # The last one gets all the remaining time.
            share = timeout if address == candidates[-1] else self._share
            try:
                return _Stream(
                    await self._network.connect_tcp(
                        address, port, share, local_address, socket_options
                    )
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last_error = error
        raise last_error


class _Stream(httpcore.AsyncNetworkStream):
    """A connection that is closed if its handshake is cancelled; httpcore would leave it open."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Return the encrypted connection."""
        try:
            return await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except asyncio.CancelledError:
            await self._stream.aclose()
            raise


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Return the TLS settings; cached, because loading the trusted certificates takes a while."""
    return httpcore.default_ssl_context()


def _status_error(status: int) -> str:
    if 300 <= status < 400:
        return f"It answered {status}: redirects are not followed."
    return f"It answered {status}."


def _why_unreachable(host: str, error: httpcore.ConnectError) -> str:
    """Return the reason in words that reveal nothing about the network of the server."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror | UnicodeError):
            return f"No address was found for {host}."
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"The certificate of {host} is not valid: {cause.verify_message}."
        if isinstance(cause, ssl.SSLError):
            return f"The TLS handshake with {host} failed."
        cause = cause.__cause__ or cause.__context__
    return f"{host} does not accept connections."
