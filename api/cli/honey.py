"""`nrm honey create FILE`: plant a case about nobody, so that whoever looks into it is told of."""

import argparse
import asyncio
import sys
from pathlib import Path

from pydantic import ValidationError

from api.bootstrap import Access, database_access
from api.cli.acting import add_actor, claims_for
from api.database import Database
from api.development import ensure_keys
from api.routes.cases import fields_fit
from api.runtime import Runtime, build
from api.schemas.cases import CaseIn
from api.settings import DatabaseRole, load_settings
from auth.authentication import enter, enter_as_clock
from auth.authorisation import Authorisation
from auth.roles import Permission
from auth.tokens import Claims
from domain.cases.commands import open_case
from domain.codes import Role
from domain.errors import DomainError
from domain.honey.models import HoneyCase


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    honey = subparsers.add_parser("honey", help="cases about nobody, which no real work touches")
    actions = honey.add_subparsers(required=True, metavar="ACTION")
    meaning = "open a case from a JSON file, as `POST /v1/cases` takes it, and mark it as one that nobody works on"
    command = actions.add_parser(
        "create",
        help=meaning,
        description=f"{meaning}. Invent the person yourself and believably; keep the reference where nobody works.",
    )
    command.add_argument("file", type=Path)
    add_actor(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Plant one case; returns the exit code: 0, 1 if it is refused, 2 if the file or the role is none."""
    subject, organisation, role = arguments.actor
    try:
        body, acting = CaseIn.model_validate_json(arguments.file.read_bytes()), Role(role)
    except (OSError, ValueError) as error:
        places = [str(one["loc"]) for one in error.errors()] if isinstance(error, ValidationError) else []
        print(f"{arguments.file}: not a case, or not a role {' '.join(places)}".rstrip(), file=sys.stderr)
        return 2
    settings = load_settings()
    if settings.environment == "development":
        ensure_keys(settings)
    with database_access(settings) as access:
        runtime = build(settings, access.dsns)
        try:
            claims = claims_for(subject, organisation, acting, runtime)
            print(asyncio.run(planted(body, claims, runtime, access)))
        except DomainError as refused:
            print(f"refused, {refused.code}", file=sys.stderr)
            return 1
    return 0


async def planted(body: CaseIn, claims: Claims, runtime: Runtime, access: Access) -> str:
    """Open the case in the name of a member of staff, as any other, and mark it; returns its reference.

    Raises:
        NotPermitted: the role opens no cases.
        InvalidInput: a field that the confidentiality profile does not place.
    """
    owner = Database(access.dsns)
    try:
        async with runtime.database.sessions()() as session:
            actor = await enter(session, claims, runtime.clock)
            work = runtime.work(session, actor.now)
            permit = Authorisation(session, actor).own(Permission.CASE_OPEN)
            fields_fit(work, permit, {name: dict(fields) for name, fields in body.compartments.items()})
            case = await open_case(body.to_command(), permit, work)
            case_id, reference = case.id, case.reference
            await work.commit()
        async with owner.sessions(DatabaseRole.OWNER)() as session:
            work = runtime.work(session, await enter_as_clock(session, runtime.clock.shift))
            work.add(HoneyCase(case_id=case_id, planted_at=work.now))
            await work.commit()
    finally:
        await owner.close()
    return reference
