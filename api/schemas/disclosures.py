"""Who saw what of a person, when and why: to be read or printed for the person in their language."""

from pydantic import Field

from api.schemas.base import Instant, Labelled, Out


class DisclosureOut(Out):
    """Something about the person was sent, opened or taken back."""

    position: int = Field(ge=1, le=2**53, description="In the history of the case.")
    at: Instant
    what: Labelled = Field(description="What happened.")
    compartments: list[Labelled] = Field(max_length=6, description="What it told of.")
    organisation: Labelled | None = Field(description="Who; null where only the kind of organisation may be told.")
    kind_of_organisation: Labelled | None
    role: Labelled | None = Field(description="In which role; a member of staff is never named.")
    why: Labelled | None = Field(description="Consent, another legal basis, or where the organisation stands.")
    consent_version: int | None = Field(ge=1, le=2**31, description="The version of the consent that covered it.")
    referral: str | None = Field(max_length=24)
    reason: str | None = Field(max_length=15_000, description="What was written down where there was no consent.")


class DisclosurePage(Out):
    """A part of the log, oldest first."""

    items: list[DisclosureOut] = Field(max_length=100)
    next: int | None = Field(ge=1, le=2**53, description="Pass as `after` for the next part; null at the end.")
