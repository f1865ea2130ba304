"""What holds for every answer: headers, request id, nothing cached, a limit on bodies, whatever went wrong."""

import re
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from api.middleware import SECURITY
from tests.api.refusals import ABSENT, away
from tests.world import World

PATHS = ["/health/live", "/v1/cases", f"/v1/cases/{ABSENT}", "/v1/absent", "/absent", "/v1/openapi.json", "/v1/cases/x"]
CHOSEN = "7d444840-9dc0-41d1-b245-5ffdce74fad2"


def is_guarded(response: httpx.Response) -> None:
    for name, value in SECURITY.items():
        if name != "Content-Security-Policy" or not response.request.url.path.startswith("/documentation"):
            assert response.headers[name] == value, (response.request.url, name)
    assert UUID(response.headers["x-request-id"])
    assert "server" not in response.headers
    assert response.headers["content-type"].partition(";")[0] in {"application/json", "application/problem+json"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
async def test_every_answer_has_its_headers(path: str, method: str, shared_world: World) -> None:
    async with shared_world.client("alpha") as client:
        response = await client.request(method, path)
    is_guarded(response)
    assert response.headers["cache-control"] == "no-store"


async def test_an_answer_without_a_database_has_them_too(shared_world: World) -> None:
    response = await away(shared_world).ask("alpha", "GET", "/cases")
    assert response.status_code == 503
    is_guarded(response)


async def test_a_caller_may_choose_a_uuid_as_request_id_and_nothing_else(shared_world: World) -> None:
    async with shared_world.client("alpha") as client:
        chosen = await client.get("/health/live", headers={"X-Request-ID": CHOSEN})
        assert chosen.headers["x-request-id"] == CHOSEN
        for given in ("short", "Aizada-Testova-was-here", CHOSEN + "0", "x\ty"):
            response = await client.get("/health/live", headers={"X-Request-ID": given})
            assert response.headers["x-request-id"] != given
            assert UUID(response.headers["x-request-id"])


async def test_a_body_may_be_as_long_as_the_limit_and_no_longer(shared_world: World) -> None:
    limit = shared_world.runtime.settings.body_limit
    start, end = b'{"entry_channel": "ngo"', b"}"
    headers = {"Content-Type": "application/json"}
    async with shared_world.client("alpha") as client:
        for length, status in ((limit, 201), (limit + 1, 413)):
            content = start + b" " * (length - len(start) - len(end)) + end
            key = {"Idempotency-Key": f"body-limit-{length}"}
            announced = await client.post("/v1/cases", content=content, headers=headers | key)
            assert announced.status_code == status
            key = {"Idempotency-Key": f"body-chunks-{length}"}
            chunked = await client.post("/v1/cases", content=chunks(content), headers=headers | key)
            assert chunked.status_code == status, "a chunked body announces no length"
            if status == 413:
                for refused in (announced, chunked):
                    is_guarded(refused)
                    assert refused.json()["code"] == "body-too-large"


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 65_536):
        yield content[start : start + 65_536]


async def test_an_unknown_path_and_a_foreign_case_are_told_in_the_same_words(shared_world: World) -> None:
    async with shared_world.client("alpha") as client:
        unknown = await client.get("/v1/absent")
        absent = await client.get(f"/v1/cases/{ABSENT}")
    assert unknown.status_code == absent.status_code == 404
    assert unknown.json() == absent.json()


async def test_the_process_says_that_it_lives_and_whether_it_can_serve(shared_world: World) -> None:
    for world, status, said in ((shared_world, 200, "ready"), (away(shared_world), 503, "waiting-for-database")):
        async with world.client("alpha") as client:
            client.headers.pop("Authorization")
            live, ready = await client.get("/health/live"), await client.get("/health/ready")
        assert (live.status_code, live.json()) == (200, {"status": "live"})
        assert (ready.status_code, ready.json()) == (status, {"status": said})


async def test_the_documentation_needs_no_other_origin_and_its_policy_allows_it(shared_world: World) -> None:
    async with shared_world.client("alpha") as client:
        page = await client.get("/documentation")
        assert page.status_code == 200
        assert not re.search(r"https?://|//[a-z]", page.text)
        assert not re.search(r"<script>|<style|\son[a-z]+=", page.text), "the policy allows nothing inside a page"
        policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(assets) == 3
        for asset in assets:
            served = await client.get(asset)
            assert served.status_code == 200, asset
            kind = served.headers["content-type"].partition(";")[0]
            assert kind == ("text/css" if asset.endswith(".css") else "text/javascript")
        start = (await client.get("/documentation/start.js")).text
        assert "/v1/openapi.json" in start
        assert not re.search(r"https?://", start)
        for outside in ("/documentation/assets/../../app.py", "/documentation/assets/%2e%2e/%2e%2e/app.py"):
            assert (await client.get(outside)).status_code == 404
