"""Sending to addresses that users have chosen, and to nothing but what is public among them.

Whoever may name a URL would like the server to fetch what only the server can reach. So a name is
resolved once, every address it stands for is judged, and the connection is made to one of the very
addresses that were judged: a name that means something else a moment later gains nothing. Each
message has a connection of its own, for one that is kept would be one that is not judged again.
Redirects lead where nobody has looked and are not followed, and the proxies of the environment,
which would resolve names by themselves, are not used.
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

# An answer is of interest for its status alone; one that is longer is not read to its end.
LONGEST_ANSWER = 65_536
# Of a name with many addresses so many are tried, each but the last for its share of the time.
_MOST_ADDRESSES = 4

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a message: the HTTP status, None without an answer, and what is wrong.

    `error` is a sentence for people. It is None exactly when the status is one of 200 to 299.
    """

    status: int | None
    error: str | None


class AddressRejected(Exception):
    """A name stands for an address that nothing may be sent to; says so in a sentence."""


async def addresses_of(host: str, port: int) -> list[str]:
    """Return the addresses a name stands for, the best first. Raises `OSError` without any."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Outgoing:
    """Sends messages, any number at once; one per process. To be closed in the end."""

    def __init__(
        self,
        allowed_hosts: Collection[str],
        seconds: float = 15.0,
        resolve: Resolve = addresses_of,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        """Give each message so many seconds from the first look at its URL to the last byte.

        Allowed hosts, as they stand in URLs, are sent to wherever they are. `network` connects to
        addresses, never to names.
        """
        self._allowed = frozenset(allowed_hosts)
        self._seconds = seconds
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_certificates(),
            max_connections=None,
            max_keepalive_connections=0,
            network_backend=_Judging(
                self._allowed,
                seconds / _MOST_ADDRESSES,
                resolve,
                network or httpcore.AnyIOBackend(),
            ),
        )

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a message; return what came of it, whatever the receiver does."""
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
            return Answer(None, "The receiver did not give a whole HTTP answer.")

    async def close(self) -> None:
        """Close what is open."""
        await self._pool.aclose()

    async def _send(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
        url = httpcore.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.path
        )
        sent = [*headers.items(), ("Host", target.authority), ("Connection", "close")]
        async with self._pool.stream("POST", url, headers=sent, content=body) as response:
            if not 200 <= response.status < 300:
                return Answer(response.status, _what_is_wrong(response.status))
            # Many a receiver stops its work when nobody waits for the end of its answer.
            length = 0
            async for part in response.aiter_stream():
                length += len(part)
                if length >= LONGEST_ANSWER:
                    break
            return Answer(response.status, None)


class _Judging(httpcore.AsyncNetworkBackend):
    """Connects to hosts that are allowed or public, at the very addresses that were judged."""

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
        # One that is not public spoils them all: nobody honest mixes them.
        if not is_allowed(host, self._allowed) and not all(map(is_public, addresses)):
            raise AddressRejected(f"{host} is not a public address.")
        trouble: Exception = httpcore.ConnectError("There is no address.")
        tried = addresses[:_MOST_ADDRESSES]
        for address in tried:
            # The last one has all the time that is left.
            share = timeout if address == tried[-1] else self._share
            try:
                return _Stream(
                    await self._network.connect_tcp(
                        address, port, share, local_address, socket_options
                    )
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                trouble = error
        raise trouble


class _Stream(httpcore.AsyncNetworkStream):
    """A connection that is closed when its handshake is given up, which httpcore leaves open."""

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
        """Return the connection, encrypted from here on."""
        try:
            return await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except asyncio.CancelledError:
            await self._stream.aclose()
            raise


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Return how certificates are checked; reading those that are trusted takes a while."""
    return httpcore.default_ssl_context()


def _what_is_wrong(status: int) -> str:
    if 300 <= status < 400:
        return f"It answered {status}: redirects are not followed."
    return f"It answered {status}."


def _why_unreachable(host: str, error: httpcore.ConnectError) -> str:
    """Return the reason in words that tell nothing of the network that the server is in."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror | UnicodeError):
            return f"No address was found for {host}."
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"The certificate of {host} is not valid: {cause.verify_message}."
        if isinstance(cause, ssl.SSLError):
            return f"{host} does not speak TLS as it should."
        cause = cause.__cause__ or cause.__context__
    return f"{host} does not accept connections."
