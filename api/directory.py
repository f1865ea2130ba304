"""Load a directory of organisations and staff from a YAML file, as the operator of the installation."""

import hashlib
import json
from pathlib import Path

import yaml
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from api.runtime import Runtime
from api.schemas.base import Code, Country, In, Labels, LanguageTag, Line
from auth.authentication import enter_as_clock
from domain.approvals.commands import demand_once_in_use
from domain.approvals.rules import Action
from domain.codes import ApprovalVerb, NrmRole, OrganisationStatus, OrganisationType, Role, Service
from domain.organisations.commands import (
    RecordMembership,
    RecordOrganisation,
    record_membership,
    record_organisation,
)


class StaffEntry(In):
    """A person of staff, known by the pseudonymous subject of their tokens."""

    subject: Line
    role: Role


class OrganisationEntry(In):
    """An organisation with its staff."""

    code: Code
    name: Labels
    type: OrganisationType
    country: Country
    nrm_roles: list[NrmRole] = Field(default_factory=list)
    services: list[Service] = Field(default_factory=list)
    languages: list[LanguageTag] = Field(default_factory=list)
    region: Line | None = None
    status: OrganisationStatus = OrganisationStatus.ACTIVE
    staff: list[StaffEntry] = Field(default_factory=list)


class DirectoryFile(In):
    """A directory; closed, so that a misspelt key is refused."""

    note: Line | None = None
    organisations: list[OrganisationEntry]


def read(path: Path) -> DirectoryFile:
    """Read a directory file.

    Raises:
        pydantic.ValidationError: it does not fit the model.
    """
    return DirectoryFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def command_of(entry: OrganisationEntry) -> RecordOrganisation:
    """Return the command that records an entry, without its staff."""
    values = entry.model_dump(exclude={"staff", "nrm_roles", "services", "languages"})
    return RecordOrganisation(
        **values,
        nrm_roles=tuple(entry.nrm_roles),
        services=tuple(entry.services),
        languages=tuple(entry.languages),
    )


def action_of(directory: DirectoryFile) -> Action:
    """Return the act of recording this very directory."""
    spelled = json.dumps(directory.model_dump(mode="json"), sort_keys=True).encode()
    return Action(ApprovalVerb.DIRECTORY_LOAD, {"sha256": hashlib.sha256(spelled).hexdigest()})


async def load(directory: DirectoryFile, session: AsyncSession, runtime: Runtime) -> tuple[int, int]:
    """Record every organisation and membership; returns how many of each. The session is the owner's.

    Raises:
        ApprovalMissing: the installation is in use, and two have not agreed to this very directory.
    """
    now = await enter_as_clock(session, runtime.clock.shift)
    work = runtime.work(session, now)
    await demand_once_in_use(action_of(directory), work)
    members = 0
    for entry in directory.organisations:
        await record_organisation(command_of(entry), work)
        for person in entry.staff:
            await record_membership(RecordMembership(person.subject, entry.code, person.role), work)
            members += 1
    await work.commit()
    return len(directory.organisations), members
