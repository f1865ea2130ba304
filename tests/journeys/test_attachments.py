"""Documents of a case: added, described, taken along by a referral, removed, and gone with what holds them."""

import io
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from PIL import Image

from auth.authentication import enter
from domain.attachments.queries import MOST
from tests.documents import drawn, encoded, noise, picture, plain_pdf, telling_jpeg
from tests.journeys.scenes import CONSENT, carried, consented, opened, referred, supported, taken_over, told
from tests.world import World, token_of


async def added(
    world: World, case: str, content: bytes | None = None, where: str = "identity", who: str = "alpha"
) -> str:
    """Add a document; returns its reference."""
    path = f"/cases/{case}/attachments?compartment={where}"
    reference: str = (await world.post(who, path, content or picture()))["reference"]
    return reference


async def tried(world: World, case: str, where: str, who: str = "alpha") -> httpx.Response:
    return await world.ask(who, "POST", f"/cases/{case}/attachments?compartment={where}", picture())


async def chunks(admin: asyncpg.Connection, holder: str) -> int:
    """Return how many sealed chunks a case or a referral has."""
    count: int = await admin.fetchval(
        "SELECT count(*) FROM sealed_chunks WHERE holder_id IN (SELECT id FROM cases WHERE reference = $1 "
        "UNION SELECT id FROM referrals WHERE reference = $1)",
        holder,
    )
    return count


async def listed(world: World, who: str, holder: str) -> list[dict[str, Any]]:
    kind = "cases" if holder.startswith("C") else "referrals"
    found: list[dict[str, Any]] = await world.get(who, f"/{kind}/{holder}/attachments")
    return found


async def read(world: World, who: str, holder: str, reference: str) -> httpx.Response:
    kind = "cases" if holder.startswith("C") else "referrals"
    return await world.ask(who, "GET", f"/{kind}/{holder}/attachments/{reference}/content")


async def test_a_document_comes_back_as_it_was_shown_whatever_its_length(world: World) -> None:
    case = await opened(world)
    for content in (plain_pdf(), encoded(drawn(), "PNG"), noise((330, 330)), noise((1500, 1200))):
        reference = await added(world, case, content)
        answer = await read(world, "alpha", case, reference)
        assert answer.status_code == 200
        assert int(answer.headers["content-length"]) == len(answer.content)
        if not content.startswith(b"%PDF"):
            assert Image.open(io.BytesIO(answer.content)).tobytes() == Image.open(io.BytesIO(content)).tobytes()
    assert [one["format"] for one in await listed(world, "alpha", case)] == ["pdf", "png", "png", "png"]


async def test_documents_lie_only_where_the_data_of_the_country_let_them(world: World) -> None:
    case = await opened(world)
    found = {where: (await tried(world, case, where)).status_code for where in CONSENT["compartments"]}
    assert found == {"identity": 201, "narrative": 201, "health": 201, "legal": 201, "contact": 422, "location": 422}


async def test_who_may_not_open_a_compartment_neither_adds_to_it_nor_reads_names_of_it(world: World) -> None:
    case = await opened(world, "hotline", "hotline")
    refused = await tried(world, case, "health", "hotline")
    assert (refused.status_code, refused.json()["rule"]) == (403, "role")
    mine = await added(world, case, who="hotline")
    await consented(world, case, "hotline")
    await taken_over(world, case)
    assert (await world.ask("hotline", "GET", f"/cases/{case}/attachments")).status_code == 404
    seen = await listed(world, "alpha", case)
    assert [(one["reference"], one["withheld"]) for one in seen] == [(mine, None)]


async def test_a_compartment_that_was_not_handed_over_hides_its_documents(
    world: World, admin: asyncpg.Connection
) -> None:
    case = await opened(world, "hotline", "hotline")
    shared = ["identity", "contact", "location"]
    await consented(world, case, "hotline", compartments=shared)
    told_then = await added(world, case, where="narrative", who="hotline")
    mine = await added(world, case, who="hotline")
    await taken_over(world, case, compartments=shared)
    assert [one["reference"] for one in await listed(world, "alpha", case)] == [mine]
    assert (await read(world, "alpha", case, told_then)).status_code == 404
    assert (await tried(world, case, "narrative")).json()["rule"] == "not-handed-over"
    assert (await read(world, "alpha", case, mine)).status_code == 200
    assert await chunks(admin, case) == 2


async def test_words_are_replaced_in_the_version_that_was_read(world: World) -> None:
    case = await opened(world)
    reference = await added(world, case)
    path = f"/cases/{case}/attachments/{reference}/words"
    for version, name in ((1, "Паспорт, первая страница"), (2, None)):
        answer = await world.ask("alpha", "PUT", path, {"name": name}, version=version)
        assert (answer.status_code, answer.headers["etag"]) == (204, f'"{version + 1}"')
        (shown,) = await listed(world, "alpha", case)
        assert (shown["name"], shown["version"]) == (name, version + 1)
    assert (await world.ask("alpha", "PUT", path, {"name": "x"}, version=2)).status_code == 412
    assert (await world.ask("alpha", "PUT", path, {"name": "x"})).status_code == 428


async def test_a_referral_takes_along_what_was_chosen_and_only_where_it_shares_the_compartment(
    world: World, admin: asyncpg.Connection
) -> None:
    case, _ = await supported(world)
    chosen, other = await added(world, case, telling_jpeg("word")), await added(world, case)
    health = await added(world, case, where="health")
    body = {"step": "refer-for-shelter", "service": "shelter", "recipient": "SHELTER-NORTH"}
    refused = await world.ask("alpha", "POST", f"/cases/{case}/referrals", {**body, "attachments": [health]})
    assert (refused.status_code, refused.json()["field"]) == (422, "attachments")
    referral = await referred(world, case, attachments=[chosen, chosen])
    assert (await world.ask("north", "GET", f"/referrals/{referral}/attachments")).status_code == 409
    await carried(world, referral, "north", "receipt", "acceptance")
    (copy,) = await listed(world, "north", referral)
    assert copy["reference"] not in {chosen, other, health}
    mine, theirs = await read(world, "alpha", case, chosen), await read(world, "north", referral, copy["reference"])
    assert mine.content == theirs.content
    sealed = "SELECT c.sealed FROM sealed_chunks c JOIN attachments a ON a.id = c.record_id WHERE a.reference = $1"
    assert await admin.fetchval(sealed, chosen) != await admin.fetchval(sealed, copy["reference"])
    for holder in (case, referral):
        assert (await read(world, "beta", holder, copy["reference"])).status_code == 404


@pytest.mark.parametrize("end", ["decline", "withdrawal", "completion", "expiry"])
async def test_copies_go_with_the_package_that_holds_them(end: str, world: World, admin: asyncpg.Connection) -> None:
    case, consent = await supported(world)
    referral = await referred(world, case, attachments=[await added(world, case)])
    assert await chunks(admin, referral) == 1
    await world.act("north", referral, "receipt")
    if end == "expiry":
        await world.later(timedelta(days=60)).work_off()
    elif end == "decline":
        await world.act("north", referral, "decline", {"declined_by": "provider", "reason": "no_capacity"})
    else:
        await world.act("north", referral, "acceptance")
        (copy,) = await listed(world, "north", referral)
        assert (await read(world, "north", referral, copy["reference"])).status_code == 200
        if end == "withdrawal":
            await world.post("alpha", f"/cases/{case}/consents/{consent}/withdrawal")
        else:
            await carried(world, referral, "north", "service-start")
            await world.act("north", referral, "completion", {"outcome": "full"})
        assert (await read(world, "north", referral, copy["reference"])).status_code in {404, 409}
    assert await chunks(admin, referral) == 0
    assert await chunks(admin, case) == 1


async def test_a_draft_takes_its_documents_along_when_it_is_sent(world: World, admin: asyncpg.Connection) -> None:
    case, _ = await supported(world)
    kept, removed = await added(world, case), await added(world, case)
    draft = await referred(world, case, draft=True, attachments=[kept, removed])
    assert await chunks(admin, draft) == 0
    assert (await world.ask("alpha", "DELETE", f"/cases/{case}/attachments/{removed}", version=1)).status_code == 204
    await world.act("alpha", draft, "sending")
    await carried(world, draft, "north", "receipt", "acceptance")
    assert len(await listed(world, "north", draft)) == 1


async def test_a_removed_document_is_gone_from_the_case_and_from_every_package(
    world: World, admin: asyncpg.Connection
) -> None:
    case, _ = await supported(world)
    reference, other = await added(world, case), await added(world, case)
    referral = await referred(world, case, attachments=[reference, other])
    await carried(world, referral, "north", "receipt", "acceptance")
    copies = await listed(world, "north", referral)
    path = f"/cases/{case}/attachments/{reference}"
    assert (await world.ask("alpha", "DELETE", path, version=9)).status_code == 412
    assert (await world.ask("alpha", "DELETE", path, version=1)).status_code == 204
    assert [one["reference"] for one in await listed(world, "alpha", case)] == [other]
    assert len(await listed(world, "north", referral)) == 1
    found = [(await read(world, "north", referral, one["reference"])).status_code for one in copies]
    assert sorted(found) == [200, 404]
    assert (await read(world, "alpha", case, reference)).status_code == 404
    assert (await world.ask("alpha", "DELETE", path, version=1)).status_code == 404
    assert (await told(world, "north", referral))[-1] == "referral_changed"
    assert (await chunks(admin, case), await chunks(admin, referral)) == (1, 1)
    assert await admin.fetchval("SELECT count(*) FROM attachment_removals") == 2


async def test_what_was_removed_does_not_come_back_with_its_bytes(world: World, admin: asyncpg.Connection) -> None:
    """Somebody at the database puts the sealed rows back as they were; the removal stands."""
    case = await opened(world)
    reference = await added(world, case)
    await admin.execute("CREATE TEMP TABLE c AS TABLE sealed_chunks; CREATE TEMP TABLE v AS TABLE sealed_values")
    await world.ask("alpha", "DELETE", f"/cases/{case}/attachments/{reference}", version=1)
    await admin.execute("INSERT INTO sealed_chunks TABLE c; INSERT INTO sealed_values TABLE v ON CONFLICT DO NOTHING")
    assert (await read(world, "alpha", case, reference)).status_code == 404
    assert await listed(world, "alpha", case) == []
    await admin.execute("DROP TABLE c, v")


async def test_shredding_a_case_takes_its_documents_with_it(world: World, admin: asyncpg.Connection) -> None:
    case = await opened(world)
    reference = await added(world, case, noise((300, 300)))
    holder = await admin.fetchval("SELECT id FROM cases WHERE reference = $1", case)
    await admin.execute("CREATE TEMP TABLE c AS TABLE sealed_chunks; CREATE TEMP TABLE v AS TABLE sealed_values")
    runtime = world.runtime
    claims = runtime.verifier.verify(token_of("alpha", runtime), runtime.clock.present())
    async with runtime.database.sessions()() as session:
        actor = await enter(session, claims, runtime.clock)
        work = runtime.work(session, actor.now)
        await work.vault.shred(holder)
        await work.commit()
    assert await chunks(admin, case) == 0
    assert (await read(world, "alpha", case, reference)).status_code == 404
    assert await listed(world, "alpha", case) == []
    await admin.execute("INSERT INTO sealed_chunks TABLE c; INSERT INTO sealed_values TABLE v")
    assert (await read(world, "alpha", case, reference)).status_code in {404, 500}, "without the keys nothing opens"
    await admin.execute("DROP TABLE c, v")


async def test_a_case_has_no_more_documents_than_it_may(world: World, admin: asyncpg.Connection) -> None:
    case = await opened(world)
    await added(world, case)
    await admin.execute(
        "INSERT INTO attachments SELECT gen_random_uuid(), 'A-' || n, case_id, holder_id, NULL, compartment, format, "
        "added_at, staff_id, organisation_id FROM attachments, generate_series(2, $1::int) n",
        MOST,
    )
    refused = await tried(world, case, "identity")
    assert (refused.status_code, refused.json()["field"]) == (422, "attachments")
