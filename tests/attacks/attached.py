"""Pictures attached to the cases of the stage, and their copies in packages: by reference, for every relation."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg

from api.database import dsn_as
from tests.documents import picture

if TYPE_CHECKING:
    from tests.attacks.relations import Stage, Things

OF_CASES = "SELECT c.reference, a.reference FROM attachments a JOIN cases c ON c.id = a.holder_id"
OF_PACKAGES = "SELECT r.reference, a.reference FROM attachments a JOIN referrals r ON r.id = a.holder_id"


async def attached(stage: "Stage", case: str, relation: str = "owner", content: bytes | None = None) -> str:
    """Add a picture, or another document, to a case; returns its reference."""
    sent = picture() if content is None else content
    reference: str = (await stage.do(relation, f"/cases/{case}/attachments?compartment=identity", sent))["reference"]
    return reference


async def with_attachments(stage: "Stage", things: Mapping[str, "Things"]) -> dict[str, "Things"]:
    """Let everybody ask for an attachment of their case, and for one in the package of their referral."""
    dsn = dsn_as(stage.world.access.url, user="nrm_admin", password=stage.world.access.admin_password or "")
    connection = await asyncpg.connect(dsn)
    try:
        of_cases = {row[0]: row[1] for row in await connection.fetch(OF_CASES)}
        of_packages = {row[0]: row[1] for row in await connection.fetch(OF_PACKAGES)}
    finally:
        await connection.close()
    for case in {one.case for one in things.values()} - of_cases.keys():
        of_cases[case] = await attached(stage, case)
    return {
        relation: replace(one, attachment=of_cases[one.case], packed=of_packages.get(one.referral, one.packed))
        for relation, one in things.items()
    }
