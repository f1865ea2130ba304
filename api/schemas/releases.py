"""Releases of statistics, and the candidates that two sign before one is made."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from api.schemas.base import Code, Country, In, Instant, Out
from domain.statistics.candidates import CandidateStatus

Address = Annotated[str, Field(max_length=64, pattern=r"^[0-9a-f]{64}$", description="SHA-256, hexadecimal.")]


class ReleaseFileOut(Out):
    """One format of a release, or one table of it."""

    name: str = Field(max_length=80)
    media_type: str = Field(max_length=80)
    bytes: int = Field(ge=0, le=33_554_432)
    address: Address


class ReleaseOut(Out):
    """One release of statistics, signed and unchangeable."""

    id: Address
    country: Country
    number: int = Field(ge=1, le=100_000, description="Counts the releases of the country.")
    previous: str = Field(max_length=64, description="The release before; empty for the first.")
    until: str = Field(max_length=20, description="The newest period that it knows of, as `2026-H1`.")
    published_at: Instant
    files: list[ReleaseFileOut] = Field(max_length=200)


class ReleaseList(Out):
    """Every release. There are no filters: every reader sees the same."""

    items: list[ReleaseOut] = Field(max_length=1000)


class ApprovalOfCandidateIn(In):
    """The report that was read; nothing else can be signed."""

    report: str = Field(min_length=1, max_length=64, description="SHA-256 of the report, hexadecimal.")


class CandidateOut(Out):
    """What would be published, and how far it is; nothing here is about a person."""

    id: UUID
    address: Address
    country: Country
    number: int = Field(ge=1, le=100_000)
    previous: str = Field(max_length=64)
    status: CandidateStatus
    report_digest: Address
    prepared_by: Code
    prepared_at: Instant
    approved_by: list[Code] = Field(max_length=20)


class CandidateList(Out):
    """The newest candidates of the country."""

    items: list[CandidateOut] = Field(max_length=50)


class CandidateInFull(CandidateOut):
    """A candidate with the gate's report and the document, as they are signed."""

    report: dict[str, Any] = Field(max_length=20)
    document: dict[str, Any] = Field(max_length=20)
