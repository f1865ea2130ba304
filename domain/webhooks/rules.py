"""Where events may be sent, and how long to wait after a failure. Pure."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

LONGEST_URL: Final = 400
PORTS: Final = frozenset({443, 8443})
"""Where https is spoken."""

HOST: Final = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
_URL: Final = re.compile(rf"(https?)://({HOST})(?::([1-9][0-9]{{0,4}}))?((?:/[A-Za-z0-9._~-]*)*)", re.ASCII)
_EMBEDDING: Final = tuple(
    ipaddress.ip_network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)
"""Networks whose IPv6 addresses stand for IPv4 ones: RFC 6052, 8215, 3056, 4380, 4291."""

SECRET_OVERLAP: Final = timedelta(days=1)
"""How long the secret before a rotation signs as well."""


class DestinationRefused(ValueError):
    """Nothing may be sent there; the message is a code."""


class Destination(NamedTuple):
    """A checked address: the host is on the list, the rest has nothing that could mean something else elsewhere."""

    scheme: str
    host: str
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """Where this installation sends events.

    Attributes:
        hosts: Exact names; empty: nowhere.
        development: Lets `http` be spoken to this machine, on any port.
    """

    hosts: frozenset[str] = frozenset()
    development: bool = False

    def destination(self, url: str) -> Destination:
        """Return where a URL leads.

        Raises:
            DestinationRefused: `form`: not plain `https://host[:port][/path]`, with credentials, a query or a fragment;
                `host`: not on the list; `scheme`: not encrypted; `port`: not one where https is spoken.
        """
        found = _URL.fullmatch(url) if len(url) <= LONGEST_URL else None
        if found is None:
            raise DestinationRefused("form")
        scheme, host, port, path = found.groups()
        if host not in self.hosts:
            raise DestinationRefused("host")
        at_home = self.development and _is_loopback(host)
        if scheme != "https" and not at_home:
            raise DestinationRefused("scheme")
        number = int(port) if port else {"https": 443, "http": 80}[scheme]
        if number not in PORTS and not (at_home and number < 1 << 16):
            raise DestinationRefused("port")
        return Destination(scheme, host, number, path or "/")

    def address(self, host: str, resolved: Sequence[str]) -> str:
        """Return the one address to connect to.

        Every address that the name has must be one of the open Internet: a name that leads inside, even only sometimes,
        is somebody's attempt to reach what is not theirs.

        Raises:
            DestinationRefused: `address`: the name has none, or one that is not of the open Internet.
        """
        at_home = self.development and _is_loopback(host)
        if not resolved or not all(_is_loopback(one) if at_home else is_open(one) for one in resolved):
            raise DestinationRefused("address")
        return resolved[0]


def is_open(address: str) -> bool:
    """Tell whether an address is of the open Internet: not private, local, reserved, shared, or IPv4 in disguise."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None or any(found in network for network in _EMBEDDING):
            return False
        if found.scope_id is not None or found.is_site_local:
            return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is tried, and how often.

    Attributes:
        first: The pause after a first failed attempt; it doubles with each.
        longest: No pause is longer, apart from the jitter.
        webhook_first: The pause of a whole webhook after a failure; it doubles with each in a row.
        webhook_longest: No pause of a webhook is longer, apart from the jitter.
        most_age: An event that fails when it has been tried for so long is dead.
    """

    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(hours=1)
    webhook_first: timedelta = timedelta(seconds=1)
    webhook_longest: timedelta = timedelta(minutes=5)
    most_age: timedelta = timedelta(days=3)

    def next_attempt(self, attempts: int, offered_at: datetime, now: datetime, jitter: float) -> datetime | None:
        """Return when to try an event again after a failure, or None if it is dead.

        Args:
            attempts: So far, this one included.
            offered_at: Since when it is tried.
            now: The instant of the failure.
            jitter: Between 0 and 1, random: so that what failed together does not come again together.
        """
        if now - offered_at >= self.most_age:
            return None
        return now + _grown(self.first, self.longest, attempts, jitter)

    def resume(self, failures: int, now: datetime, jitter: float) -> datetime:
        """Return when to call a webhook again that failed so many times in a row."""
        return now + _grown(self.webhook_first, self.webhook_longest, failures, jitter)


def _grown(first: timedelta, longest: timedelta, times: int, jitter: float) -> timedelta:
    doubled: int = 1 << min(times - 1, 30)
    return min(first * doubled, longest) * (0.5 + jitter)
