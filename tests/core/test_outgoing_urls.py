"""Which URLs and which addresses are public, however they are written."""

import pytest

from core.errors import InvalidInput
from core.outgoing_urls import LONGEST_URL, Target, check_url, is_public, parse_target
from core.settings import Settings

NOT_PUBLIC = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::808:808",
    "100::1",
    "2001::1",
    "2001:0:7f00:1:0:0:f7f7:f7f7",
    "2001:0:808:808:0:0:80ff:fffe",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
    "localhost",
    "example.com",
    "127.1",
    "0x7f000001",
    "",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.0.1",
    "172.32.0.1",
    "192.169.0.1",
    "2606:4700:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
    "2001:0:808:808:0:0:f7f7:f7f7",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_private_addresses(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://hooks.example.com", Target("https", "hooks.example.com", 443, "/")),
        ("HTTP://Hooks.Example.COM./", Target("http", "hooks.example.com", 80, "/")),
        ("https://h.example:8443/a;b?c=d&e", Target("https", "h.example", 8443, "/a;b?c=d&e")),
        ("https://example.com?x", Target("https", "example.com", 443, "/?x")),
        ("https://straße.example/ok", Target("https", "xn--strae-oqa.example", 443, "/ok")),
        ("http://8.8.8.8/", Target("http", "8.8.8.8", 80, "/")),
        ("http://[2606:4700::1]:80/", Target("http", "2606:4700::1", 80, "/")),
    ],
)
def test_targets_of_urls(url: str, target: Target) -> None:
    check_url(url, ())
    assert parse_target(url, ()) == target


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://example.com:80", "example.com"),
        ("https://example.com:80", "example.com:80"),
        ("https://[2606:4700::1]:443", "[2606:4700::1]"),
        ("http://[2606:4700::1]:443", "[2606:4700::1]:443"),
    ],
)
def test_the_host_as_its_header_has_it(url: str, authority: str) -> None:
    assert parse_target(url, ()).authority == authority


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "begin with http"),
        ("hooks.example.com", "begin with http"),
        ("ftp://example.com", "begin with http"),
        ("file:///etc/passwd", "begin with http"),
        ("//example.com", "begin with http"),
        ("https://", "must have a valid host"),
        ("https:///path", "must have a valid host"),
        ("https://a..b/", "must have a valid host"),
        ("https://-a.example/", "must have a valid host"),
        ("https://%31%32%37.example/", "must have a valid host"),
        ("https://example.com\\a/", "must have a valid host"),
        (f"https://{'a' * 64}.example/", "must have a valid host"),
        (f"https://{'a.' * 127}example/", "must have a valid host"),
        ("https://user@example.com/", "user name"),
        ("https://:secret@example.com/", "user name"),
        ("https://example.com\\@127.0.0.1/", "user name"),
        ("https://example.com/#part", "fragment"),
        ("https://example.com/#", "fragment"),
        ("https://example.com:0/", "port"),
        ("https://example.com:65536/", "must be a URL"),
        ("https://example.com:eighty/", "must be a URL"),
        ("https://[::1/", "must be a URL"),
        ("https://[2606:4700::1]a/", "must be a URL"),
        ("https://[v1.a]/", "must be a URL"),
        ("https://[hooks]/", "must be a URL"),
        ("https://exam ple.com/", "without spaces"),
        ("https://example.com/\n", "without spaces"),
        ("https://example.com/\t", "without spaces"),
        ("https://example.com/é", "must be ASCII"),
        (f"https://example.com/{'a' * LONGEST_URL}", "at most 2,048 characters"),
        ("http://0x7f000001/", "four numbers"),
        ("http://0x7f.0.0.1/", "four numbers"),
        ("http://2130706433/", "four numbers"),
        ("http://017700000001/", "four numbers"),
        ("http://127.1/", "four numbers"),
        ("http://0177.0.0.1/", "four numbers"),
        ("http://127.0.0.0x1/", "four numbers"),
        ("http://127.0.0.1/", "127.0.0.1 is not a public address."),
        ("http://127.0.0.1./", "127.0.0.1 is not a public address."),
        ("http://１２７。0.0.1/", "127.0.0.1 is not a public address."),  # noqa: RUF001
        ("http://169.254.169.254/latest/meta-data/", "not a public address"),
        ("http://[::1]/", "::1 is not a public address."),
        ("http://[::ffff:7f00:1]/", "not a public address"),
        ("http://[fe80::1%25eth0]/", "not a public address"),
        ("http://localhost:8000/", "localhost is not a public address."),
        ("http://LOCALHOST./", "localhost is not a public address."),
        ("http://db.localhost/", "db.localhost is not a public address."),
    ],
)
def test_refused_urls(url: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_url(url, ["hooks.internal"], "input", "url")
    assert reason in refusal.value.message
    assert refusal.value.path == ("input", "url")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000/",
        "http://127.0.0.1./",
        "http://LocalHost/",
        "http://[::1]:8080/",
        "http://[fd00::7]/",
    ],
)
def test_hosts_that_are_allowed_may_be_anywhere(url: str) -> None:
    check_url(url, ["127.0.0.1", "Localhost", "::1", "[FD00:0:0::7]"])


@pytest.mark.parametrize("url", ["http://127.0.0.2/", "http://a.localhost/", "http://127.1/"])
def test_an_allowed_host_lets_no_other_in(url: str) -> None:
    with pytest.raises(InvalidInput):
        check_url(url, ["127.0.0.1", "localhost"])


def test_allowed_hosts_are_read_from_a_setting() -> None:
    def hosts(value: str) -> list[str]:
        return Settings(_env_file=None, webhook_allowed_hosts=value).private_hosts  # type: ignore[call-arg]

    assert hosts("") == hosts(" , ") == []
    assert hosts("Hooks.Internal, 10.0.0.7,,::1") == ["hooks.internal", "10.0.0.7", "::1"]
