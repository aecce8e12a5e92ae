"""The addresses that egress connects to, for any DNS answers."""

import contextlib
from collections.abc import AsyncIterator, Collection, Iterable, Sequence

import httpcore
import pytest

from tests.workers.loopback import HOST, OK, Receiver, answers, receiving
from workers.egress import Answer, Outgoing

PUBLIC = "8.8.8.8"
ALSO_PUBLIC = "2606:4700::1111"


class World(httpcore.AsyncNetworkBackend):
    """The network, in which a test's public addresses lead to a loopback receiver.

    Other connections are real. `connected` records all of them.
    """

    def __init__(self, receiver: Receiver, dead: Collection[str] = ()) -> None:
        self._receiver = receiver
        self._dead = dead
        self._network = httpcore.AnyIOBackend()
        self.connected: list[str] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.connected.append(host)
        if host in self._dead:
            raise httpcore.ConnectError("All connection attempts failed")
        there = HOST if host in (PUBLIC, ALSO_PUBLIC) else host
        port = self._receiver.port if there == HOST else port
        return await self._network.connect_tcp(there, port, timeout)


class Names:
    """A DNS resolver that returns one answer after the other, and repeats the last one."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@contextlib.asynccontextmanager
async def sending(
    names: Names, *allowed: str, dead: Collection[str] = ()
) -> AsyncIterator[tuple[Outgoing, World, Receiver]]:
    async with receiving(answers(OK)) as receiver:
        world = World(receiver, dead)
        sender = Outgoing(allowed, 10.0, names, world)
        yield sender, world, receiver
        await sender.close()


async def test_a_public_host_is_reached_by_address_and_named_in_the_request() -> None:
    names = Names([PUBLIC])
    async with sending(names) as (sender, world, receiver):
        answer = await sender.post("http://hooks.example.com:8080/in", {}, b"{}")
    assert answer == Answer(200, None)
    assert names.asked == [("hooks.example.com", 8080)]
    assert world.connected == [PUBLIC]
    assert b"\r\nHost: hooks.example.com:8080\r\n" in receiver.requests[0]


async def test_an_unreachable_address_is_skipped() -> None:
    names = Names([ALSO_PUBLIC, PUBLIC])
    async with sending(names, dead=[ALSO_PUBLIC]) as (sender, world, _):
        assert await sender.post("http://hooks.example.com/", {}, b"{}") == Answer(200, None)
        assert world.connected == [ALSO_PUBLIC, PUBLIC]
    async with sending(names, dead=[ALSO_PUBLIC, PUBLIC]) as (sender, world, _):
        answer = await sender.post("http://hooks.example.com/", {}, b"{}")
        assert answer == Answer(None, "hooks.example.com does not accept connections.")
        assert world.connected == [ALSO_PUBLIC, PUBLIC]


@pytest.mark.parametrize(
    "addresses",
    [[HOST], ["::1"], ["169.254.169.254"], ["::ffff:10.0.0.1"], [PUBLIC, "10.0.0.1"], ["fe80::1"]],
)
async def test_a_name_with_a_private_address_is_rejected(addresses: list[str]) -> None:
    async with sending(Names(addresses)) as (sender, world, receiver):
        answer = await sender.post("http://hooks.example.com/", {}, b"{}")
        assert answer == Answer(None, "hooks.example.com is not a public address.")
        assert (world.connected, receiver.connections) == ([], 0)


async def test_dns_rebinding_has_no_effect() -> None:
    names = Names([PUBLIC], [HOST])
    async with sending(names) as (sender, world, receiver):
        assert await sender.post("http://hooks.example.com/", {}, b"{}") == Answer(200, None)
        assert (len(names.asked), world.connected) == (1, [PUBLIC])
        for _ in range(2):
            answer = await sender.post("http://hooks.example.com/", {}, b"{}")
            assert answer == Answer(None, "hooks.example.com is not a public address.")
        assert (len(names.asked), world.connected) == (3, [PUBLIC])
        assert receiver.connections == 1


async def test_an_allowed_host_may_have_any_address() -> None:
    async with sending(Names([HOST]), "hooks.internal") as (sender, world, _):
        assert await sender.post("http://Hooks.Internal/", {}, b"{}") == Answer(200, None)
        answer = await sender.post("http://a.hooks.internal/", {}, b"{}")
        assert answer == Answer(None, "a.hooks.internal is not a public address.")
        assert world.connected == [HOST]


@pytest.mark.parametrize(
    "host",
    [HOST, "localhost", "2130706433", "0x7f000001", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0"],
)
async def test_local_hosts_are_rejected_before_any_lookup(host: str) -> None:
    names = Names([PUBLIC])
    async with sending(names) as (sender, world, receiver):
        answer = await sender.post(f"http://{host}:{receiver.port}/", {}, b"{}")
        assert answer.status is None
        assert answer.error is not None
        assert (names.asked, world.connected, receiver.connections) == ([], [], 0)


async def test_real_names_are_resolved() -> None:
    """Numeric hosts, which URL checks accept only if allowed, and real names."""
    async with receiving(answers(OK)) as receiver:
        sender = Outgoing(["localhost"])
        url = f"http://localhost:{receiver.port}/"
        assert await sender.post(url, {}, b"{}") == Answer(200, None)
        answer = await sender.post("http://no-such-host.invalid/", {}, b"{}")
        assert answer == Answer(None, "No address was found for no-such-host.invalid.")
        await sender.close()


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(answers(OK)) as proxy, receiving(answers(OK)) as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{HOST}:{proxy.port}")
        sender = Outgoing([HOST])
        assert await sender.post(receiver.url, {}, b"{}") == Answer(200, None)
        assert (proxy.connections, receiver.connections) == (0, 1)
        await sender.close()
