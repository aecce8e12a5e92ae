"""Sending to receivers that misbehave."""

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.workers.loopback import HOST, OK, Behaviour, Receiver, answers, receiving
from workers.egress import Answer, Outgoing

SHORT = 0.3
HEADERS = {"content-type": "application/json", "webhook-id": "one"}
BROKEN = Answer(None, "The receiver did not send a complete HTTP response.")
LATE = Answer(None, "The receiver did not answer within 0.3 seconds.")


def closes_after(raw: bytes) -> Behaviour:
    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        writer.close()

    return behave


def goes_on_with(first: bytes, part: bytes, pause: float = 0.0) -> Behaviour:
    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)

    return behave


@contextlib.asynccontextmanager
async def outgoing(*allowed: str, seconds: float = 10.0) -> AsyncIterator[Outgoing]:
    sender = Outgoing(allowed, seconds)
    try:
        yield sender
    finally:
        await sender.close()


async def answer_of(behave: Behaviour, seconds: float = 10.0) -> tuple[Answer, Receiver]:
    async with receiving(behave) as receiver, outgoing(HOST, seconds=seconds) as sender:
        answer = await sender.post(receiver.url, HEADERS, b'{"a":1}')
        async with asyncio.timeout(10):
            await receiver.left.wait()
        return answer, receiver


async def test_a_message_arrives_unchanged() -> None:
    answer, receiver = await answer_of(answers(OK))
    assert answer == Answer(200, None)
    (request,) = receiver.requests
    head, body = request.split(b"\r\n\r\n")
    assert body == b'{"a":1}'
    first, *headers = head.decode().split("\r\n")
    assert first == "POST /hook?a=b HTTP/1.1"
    assert {line.lower() for line in headers} == {
        f"host: {HOST}:{receiver.port}",
        "content-type: application/json",
        "webhook-id: one",
        "content-length: 7",
        "connection: close",
    }


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("204 No Content", Answer(204, None)),
        ("299 Fine", Answer(299, None)),
        ("400 Bad Request", Answer(400, "It answered 400.")),
        ("410 Gone", Answer(410, "It answered 410.")),
        ("500 Internal Server Error", Answer(500, "It answered 500.")),
    ],
)
async def test_the_status_decides_about_success(line: str, answer: Answer) -> None:
    raw = (
        f"HTTP/1.1 {line}\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    )
    if line.startswith("204"):
        raw = f"HTTP/1.1 {line}\r\n\r\n"
    assert (await answer_of(answers(raw.encode())))[0] == answer


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    async with receiving(answers(OK)) as elsewhere:
        moved = f"HTTP/1.1 {status} Moved\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n"
        answer, _ = await answer_of(answers(moved.encode()))
        assert answer == Answer(status, f"It answered {status}: redirects are not followed.")
        assert elsewhere.connections == 0


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(answers(b""), id="says nothing"),
        pytest.param(answers(OK[:30]), id="stops in the headers"),
        pytest.param(answers(OK[:-1]), id="stops in the body"),
        pytest.param(goes_on_with(OK[:-2], b"", 0.01), id="stops before the body"),
        pytest.param(goes_on_with(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n", 0.02), id="drips headers"),
        pytest.param(goes_on_with(b"HTTP/1.1 200 OK\r\n\r\n", b"a", 0.02), id="drips a body"),
        pytest.param(
            goes_on_with(b"", b"HTTP/1.1 102 Processing\r\n\r\n", 0.02), id="is always processing"
        ),
    ],
)
async def test_a_receiver_has_a_time_limit_for_its_whole_response(behave: Behaviour) -> None:
    assert (await answer_of(behave, SHORT))[0] == LATE


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(closes_after(b""), id="closes at once"),
        pytest.param(closes_after(OK[:30]), id="closes in the headers"),
        pytest.param(closes_after(OK[:-1]), id="closes in the body"),
        pytest.param(answers(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), id="speaks something else"),
        pytest.param(
            answers(b"HTTP/1.1 101 Fine\r\nUpgrade: h2c\r\n\r\n"), id="switches protocols"
        ),
        pytest.param(answers(b"\0" * 200_000), id="sends rubbish"),
        pytest.param(goes_on_with(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n" * 1_000), id="long headers"),
    ],
)
async def test_an_incomplete_response_is_a_failure(behave: Behaviour) -> None:
    assert (await answer_of(behave))[0] == BROKEN


async def test_an_endless_response_is_not_read_completely() -> None:
    endless = goes_on_with(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 65_536)
    answer, receiver = await answer_of(endless)
    assert answer == Answer(200, None)
    assert receiver.left.is_set()


async def test_every_message_uses_a_new_connection() -> None:
    kept = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"
    async with receiving(answers(kept)) as receiver, outgoing(HOST) as sender:
        for count in (1, 2):
            assert await sender.post(receiver.url, {}, b"{}") == Answer(200, None)
            assert receiver.connections == count


async def test_a_closed_port_is_a_failure() -> None:
    async with receiving(answers(OK)) as receiver:
        pass
    async with outgoing(HOST) as sender:
        answer = await sender.post(receiver.url, {}, b"{}")
    assert answer == Answer(None, "127.0.0.1 does not accept connections.")


async def test_a_cancellation_is_propagated() -> None:
    async with receiving(answers(b"")) as receiver, outgoing(HOST) as sender:
        sending = asyncio.create_task(sender.post(receiver.url, {}, b"{}"))
        async with asyncio.timeout(10):
            while not receiver.requests:
                await asyncio.sleep(0)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            await receiver.left.wait()


@pytest.mark.parametrize("name", ["localhost", "internal.example"])
async def test_an_untrusted_certificate_is_rejected(name: str, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    named = [
        "-nodes",
        "-days",
        "2",
        "-subj",
        f"/CN={name}",
        "-addext",
        f"subjectAltName=DNS:{name}",
    ]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*made, *named, *files], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    async with receiving(answers(OK), tls) as receiver, outgoing("localhost") as sender:
        answer = await sender.post(f"https://localhost:{receiver.port}/", {}, b"{}")
        assert answer.status is None
        assert answer.error is not None
        assert answer.error.startswith("The certificate of localhost is not valid: ")
        assert receiver.requests == []


async def test_tls_to_a_plain_server_fails() -> None:
    async with receiving(answers(OK)) as receiver, outgoing(HOST, seconds=SHORT) as sender:
        url = receiver.url.replace("http:", "https:")
        assert (await sender.post(url, {}, b"{}")).status is None
        assert receiver.requests == []
