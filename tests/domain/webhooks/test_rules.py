"""Where events may be sent, which is decided without asking anybody, and how long to wait after a failure."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.webhooks.rules import Allowed, DestinationRefused, Patience, is_open

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OPEN = Allowed(frozenset({"receiver.example", "127.0.0.1", "localhost"}))
HOME = Allowed(OPEN.hosts, development=True)
INSIDE = [
    "10.0.0.1", "172.16.9.9", "192.168.1.1", "127.0.0.1", "127.9.9.9", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104 - refused
    "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fd12:3456::1", "ff02::1", "fec0::1", "2001:db8::1", "::ffff:8.8.8.8", "::ffff:10.0.0.1", "::8.8.8.8",
    "64:ff9b::a00:1", "64:ff9b::808:808", "2002:a00:1::", "2001:0:a00:1::", "not an address", "",
]  # fmt: skip


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://receiver.example", ("https", "receiver.example", 443, "/")),
        ("https://receiver.example:8443/a/b-c", ("https", "receiver.example", 8443, "/a/b-c")),
        ("https://receiver.example/", ("https", "receiver.example", 443, "/")),
    ],
)
def test_plain_addresses_of_allowed_hosts_are_taken(url: str, expected: tuple[str, ...]) -> None:
    assert OPEN.destination(url) == expected


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://elsewhere.example/", "host"),
        ("https://receiver.example.evil.example/", "host"),
        ("https://evil.receiver.example/", "host"),
        ("https://receiver.example./", "form"),
        ("https://RECEIVER.example/", "form"),
        ("https://user:password@receiver.example/", "form"),
        ("https://receiver.example@evil.example/", "form"),
        ("https://evil.example#@receiver.example/", "form"),
        ("https://evil.example\\@receiver.example/", "form"),
        ("https://receiver.example/?to=10.0.0.1", "form"),
        ("https://receiver.example/#fragment", "form"),
        ("https://receiver.example/%0d%0ahost:evil", "form"),
        ("https://receiver.example/\r\nhost: evil", "form"),
        ("https://receiver.example\n", "form"),
        (" https://receiver.example", "form"),
        ("https://recеiver.example/", "form"),
        ("https://[::1]/", "form"),
        ("https://receiver.example:22/", "port"),
        ("https://receiver.example:80/", "port"),
        ("https://receiver.example:0443/", "form"),
        ("https://receiver.example:99999/", "port"),
        ("http://receiver.example/", "scheme"),
        ("http://127.0.0.1/", "scheme"),
        ("http://localhost:9000/", "scheme"),
        ("ftp://receiver.example/", "form"),
        ("file:///etc/passwd", "form"),
        ("gopher://receiver.example/", "form"),
        ("//receiver.example/", "form"),
        ("https:///", "form"),
        ("", "form"),
        ("https://receiver.example/" + "a" * 400, "form"),
    ],
)
def test_every_other_address_is_refused_with_a_reason(url: str, reason: str) -> None:
    with pytest.raises(DestinationRefused, match=f"^{reason}$"):
        OPEN.destination(url)


def test_nothing_is_allowed_unless_hosts_are_named() -> None:
    with pytest.raises(DestinationRefused, match="host"):
        Allowed().destination("https://receiver.example/")


def test_development_may_speak_to_its_own_machine_and_to_that_alone() -> None:
    assert HOME.destination("http://127.0.0.1:9000/hook") == ("http", "127.0.0.1", 9000, "/hook")
    assert HOME.address("localhost", ["127.0.0.1"]) == "127.0.0.1"
    with pytest.raises(DestinationRefused, match="scheme"):
        HOME.destination("http://receiver.example/")
    for name, addresses in (("localhost", ["8.8.8.8"]), ("localhost", ["10.0.0.1"]), ("receiver.example", ["::1"])):
        with pytest.raises(DestinationRefused, match="address"):
            HOME.address(name, addresses)


@pytest.mark.parametrize("inside", INSIDE)
def test_a_name_that_leads_inside_is_refused_also_if_it_leads_outside_too(inside: str) -> None:
    for resolved in ([inside], ["8.8.8.8", inside], [inside, "8.8.8.8"]):
        with pytest.raises(DestinationRefused, match="address"):
            OPEN.address("receiver.example", resolved)


def test_a_name_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(DestinationRefused, match="address"):
        OPEN.address("receiver.example", [])
    assert OPEN.address("receiver.example", ["8.8.8.8", "2606:4700::1111"]) == "8.8.8.8"


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_what_is_open_is_global_and_hides_no_other_address(address: IPv4Address | IPv6Address) -> None:
    if is_open(str(address)):
        assert address.is_global
        assert not address.is_multicast
    if isinstance(address, IPv4Address):
        for disguise in (f"::ffff:{address}", str(ip_address(int(ip_address("64:ff9b::")) + int(address)))):
            assert not is_open(disguise)


@given(attempts=st.integers(1, 10_000), jitter=st.floats(0, 1, exclude_max=True))
def test_pauses_grow_to_an_hour_and_never_all_the_same(attempts: int, jitter: float) -> None:
    patience = Patience()
    following = patience.next_attempt(attempts, NOW, NOW, jitter)
    assert following is not None
    full = min(timedelta(seconds=5) * 2 ** min(attempts - 1, 20), timedelta(hours=1))
    assert following - NOW == full * (0.5 + jitter)
    assert patience.resume(attempts, NOW, jitter) - NOW <= timedelta(minutes=7.5)


def test_an_event_is_dead_when_it_fails_after_three_days_and_not_before() -> None:
    patience, days = Patience(), timedelta(days=3)
    assert patience.next_attempt(99, NOW - days, NOW, 0.5) is None
    assert patience.next_attempt(99, NOW - days + timedelta(seconds=1), NOW, 0.5) is not None
