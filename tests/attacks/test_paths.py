"""Ids in paths that are no ids: wildcards, other scripts, endless, with slashes. Clean problems, never a 500."""

from collections.abc import Callable, Iterator
from itertools import product
from urllib.parse import quote

import httpx

from domain.codes import Role
from tests.attacks.asked import routes
from tests.attacks.relations import WORKER, Stage, opened

Attack = Callable[..., None]

ODD = (
    "%",
    "_",
    "C-____-____-____-____",
    "C-%",
    "' OR 1=1 --",
    "C-0000-0000-0000-0000' OR '1'='1",
    "*",
    "../../health/live",
    "..%2f..%2fcases",
    "%2e%2e%2f",
    "C-0000-0000-0000-0000/..",
    "C-0000-0000-0000-0000%00",
    "\x00",
    "C-0000-0000-0000-000О",
    "С-0000-0000-0000-0000",
    "c-0000-0000-0000-0000",
    "C-0000-0000-0000-0000\n",
    " C-0000-0000-0000-0000",
    "Ｃ-0000-0000-0000-0000",
    "٠" * 20,
    "\U0001f600",
    "é",
    "e\u0301",
    "\u202eC-0000",
    "9" * 200,
    "A" * 5000,
    "null",
    "undefined",
    "0",
    "-1",
    "1e309",
    "NaN",
    "true",
    "[]",
    "{}",
    "{reference}",
    "00000000-0000-0000-0000-00000000000g",
    "{00000000-0000-4000-8000-000000000000}",
    "urn:uuid:00000000-0000-4000-8000-000000000000",
    ";",
    "?x=1",
    "#",
    "a;b=c",
    "\\..\\..",
    "${7*7}",
    "{{7*7}}",
    "<script>",
)
CURSORS = (
    "AAAA",
    "MDAwMS0wMS0wMVQwMDowMDowMCswMDowMHwwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDA",
    "MDAwMS0wMS0wMVQwMDowMDowMCsyMzo1OXwwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDA",
    "OTk5OS0xMi0zMVQyMzo1OTo1OS0yMzo1OXwwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDA",
    "MjAyNi0xMS0yMlQwMDowMDowMHwwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDA",
    "%00",
    "=" * 50,
    "é",
    "A" * 5000,
)
"""Positions that are none: among them instants before the first and after the last year, and one without a zone."""


def filled(path: str, odd: str) -> Iterator[str]:
    """Yield a path with the odd id at each of its places, encoded once and as it is."""
    places = path.count("{")
    for place, encoded in product(range(places), (True, False)):
        parts = path.split("/")
        names = [index for index, part in enumerate(parts) if part.startswith("{")]
        for index in names:
            parts[index] = "identity" if parts[index] == "{compartment}" else "C-0000-0000-0000-0000"
        parts[names[place]] = quote(odd, safe="") if encoded else odd
        if encoded or not set(odd) & set(".?#"):  # a client makes another path of those, and asks for that
            yield "/".join(parts)


async def sent(stage: Stage, method: str, path: str) -> httpx.Response | None:
    """Send a path as it is; None for what no client can put into a request line."""
    headers = {"Authorization": f"Bearer {stage.token('owner', WORKER)}", "If-Match": '"1"'}
    headers["Idempotency-Key"] = f"path-{stage.world.numbers():08}"
    try:
        url = httpx.URL(f"http://nrm.test{path}")
    except (httpx.InvalidURL, UnicodeError):
        return None
    return await stage.client.request(method, url, headers=headers, json={} if method != "GET" else None)


async def test_an_id_that_is_none_gets_a_clean_problem(stage: Stage, attack: Attack) -> None:
    broken, tried = [], 0
    named = [route for route in routes(stage.world.app) if "{" in route]
    for route, odd in product(named, ODD):
        method, path = route.split(" ", 1)
        for one in filled(path, odd):
            answer = await sent(stage, method, one)
            if answer is None:
                continue
            tried += 1
            clean = answer.status_code in {403, 404, 405, 307, 409, 422} and (
                not answer.content or answer.headers["content-type"] == "application/problem+json"
            )
            if not clean:
                broken.append((method, one[:80], answer.status_code))
    assert broken == []
    attack("odd ids in paths", tried=tried, succeeded=len(broken))


async def test_a_wildcard_finds_nothing_that_exists(stage: Stage, attack: Attack) -> None:
    case, contact, _ = await opened(stage, "owner", WORKER)
    wild = [
        f"/cases/{case[:-1]}_",
        f"/cases/{case[:-4]}%25",
        f"/cases/{case.lower()}",
        f"/cases/{case} ",
        f"/cases/{case}%0a",
    ]
    wild += [f"/cases/{case}%00", f"/cases//{case}", f"/cases/./{case[:-1]}", f"/contacts/{contact[:-1]}_"]
    answers = [await stage.ask("owner", WORKER, "GET", path) for path in wild]
    found = [path for path, answer in zip(wild, answers, strict=True) if answer.is_success]
    assert found == []
    attack("wildcards and other spellings of an id", tried=len(wild), succeeded=len(found))


async def test_a_cursor_that_is_none_gets_a_clean_problem(stage: Stage, attack: Attack) -> None:
    lists = ["/cases", "/contacts", "/referrals/inbox", "/referrals/outbox", "/notifications"]
    broken = []
    for path, cursor in product(lists, CURSORS):
        answer = await stage.client.get(
            f"/v1{path}", params={"cursor": cursor}, headers={"Authorization": f"Bearer {stage.token('owner', WORKER)}"}
        )
        if answer.status_code not in {200, 422}:
            broken.append((path, cursor[:80], answer.status_code))
    assert broken == []
    attack("odd cursors", tried=len(lists) * len(CURSORS), succeeded=len(broken))


INSTANTS = ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00Z", "1900-01-01T00:00:00Z")


async def test_an_instant_beyond_the_calendar_gets_a_clean_problem(stage: Stage, attack: Attack) -> None:
    """Python and PostgreSQL do not end their calendars on the same day."""
    body = {"channel": "call", "language": "ky", "topic": "other"}
    for instant, role in product((*INSTANTS, "2026-01-01", 1, "now", None), (WORKER, Role.HOTLINE_OPERATOR)):
        for callback in (True, False):
            sent_body = {**body, "made_at": instant, "callback": callback}
            answer = await stage.ask("owner", role, "POST", "/contacts", sent_body)
            assert answer.status_code in {201, 422}, (instant, answer.status_code)
    attack("odd instants", tried=4 * (len(INSTANTS) + 4), succeeded=0)
