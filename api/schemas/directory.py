"""Directory, code lists, procedures and releases: what comes out."""

from typing import Any

from pydantic import Field

from api.schemas.base import MOST_ITEMS, Instant, Labelled, Labels, Out, Word
from api.schemas.cases import SourceOut
from domain.organisations.models import Organisation


class OrganisationOut(Out):
    """An organisation of the directory. The address of a shelter is not in it."""

    code: str = Field(max_length=60)
    name: Labels
    type: str = Field(max_length=40)
    nrm_roles: list[Word] = Field(max_length=20)
    country: str = Field(max_length=2)
    region: str | None = Field(max_length=40)
    services: list[Word] = Field(max_length=MOST_ITEMS)
    languages: list[Word] = Field(max_length=MOST_ITEMS)
    status: str = Field(max_length=20)

    @classmethod
    def of(cls, organisation: Organisation) -> "OrganisationOut":
        """Return the organisation as shown."""
        return cls.taken(organisation)


class OrganisationList(Out):
    """Organisations of the caller's country."""

    items: list[OrganisationOut] = Field(max_length=1000)


class CodeListOut(Out):
    """A closed code list with labels in the reader's language."""

    name: str = Field(max_length=60)
    codes: list[Labelled] = Field(max_length=200)


class CodeLists(Out):
    """All closed code lists."""

    items: list[CodeListOut] = Field(max_length=100)


class SopStepOut(Out):
    """A step of a published procedure."""

    step: str = Field(max_length=60)
    title: str = Field(max_length=400)
    track: str = Field(max_length=20)
    responsible: list[Labelled] = Field(max_length=MOST_ITEMS)
    within: str | None = Field(max_length=40)
    source: SourceOut


class SopOut(Out):
    """A published procedure in one version."""

    sop: str = Field(max_length=60)
    version: str = Field(max_length=20)
    title: str = Field(max_length=400)
    translation: str = Field(max_length=20, description="Whether somebody has reviewed this language.")
    assumed_rules: int = Field(ge=0, le=1000)
    rules: int = Field(ge=0, le=1000)
    steps: list[SopStepOut] = Field(max_length=200)


class SopList(Out):
    """The published procedures, every version."""

    items: list[SopOut] = Field(max_length=200)


class ReleaseOut(Out):
    """One release of statistics."""

    id: str = Field(max_length=64, description="Content address: SHA-256 of the tables.")
    period: str = Field(max_length=20)
    published_at: Instant
    tables: list[Word] = Field(max_length=200)


class ReleaseList(Out):
    """Every release. There are no filters: every reader sees the same."""

    items: list[ReleaseOut] = Field(max_length=1000)


class TableOut(Out):
    """One table of a release, exactly as it was published."""

    release: str = Field(max_length=64)
    name: str = Field(max_length=60)
    table: dict[str, Any] = Field(max_length=200)
