"""Attachments: what is told of them, and the words that are sealed with them. Their content is no JSON."""

from pydantic import Field

from api.schemas.base import LONGEST_TEXT, In, Instant, Line, Out, Text
from domain.attachments.models import Attachment
from domain.codes import AttachmentFormat, Compartment


class AttachmentWordsIn(In):
    """What an attachment is called and what it is; sealed at once, in the place of what was said before."""

    name: Line | None = None
    description: Text | None = None


class AttachmentOut(Out):
    """An attachment without its content; name and description only for whom its compartment opens."""

    reference: str = Field(max_length=24)
    compartment: Compartment
    format: AttachmentFormat
    added_at: Instant
    version: int = Field(ge=1, le=2**31 - 1, description="For `If-Match`; counts up when it is described.")
    name: str | None = Field(None, max_length=200)
    description: str | None = Field(None, max_length=LONGEST_TEXT)
    withheld: str | None = Field(None, max_length=60, description="Why it is not open to you.", examples=["role"])

    @classmethod
    def of(cls, attachment: Attachment, version: int) -> "AttachmentOut":
        """Return the attachment as it was just added: nobody has said anything of it."""
        return cls.taken(attachment, version=version)
