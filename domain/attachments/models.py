"""What is stored of attachments: routing only. Their content, their names and how long they are is sealed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

from domain.codes import AttachmentFormat, Compartment
from domain.columns import Instant


class Attachment(SQLModel, table=True):
    """A document of a case, or the copy of one in the package of a referral. Never changed.

    Attributes:
        holder_id: Whose keys seal it: the case, or the referral for the copy in its package.
        source_id: What a copy in a package is a copy of; none for a document of the case itself.
        compartment: The one compartment that it belongs to.
    """

    __tablename__ = "attachments"
    __table_args__ = (Index("attachments_of_holder", "holder_id", "added_at"), Index("attachments_of_case", "case_id"))

    id: UUID = Field(primary_key=True)
    reference: str = Field(unique=True, max_length=24)
    case_id: UUID = Field(foreign_key="cases.id")
    holder_id: UUID
    source_id: UUID | None = Field(default=None, foreign_key="attachments.id")
    compartment: Compartment = Field(sa_type=Text)
    format: AttachmentFormat = Field(sa_type=Text)
    added_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")


class AttachmentRemoval(SQLModel, table=True):
    """An attachment was destroyed: what is left of it says that there was one, and who removed it when."""

    __tablename__ = "attachment_removals"

    attachment_id: UUID = Field(primary_key=True, foreign_key="attachments.id")
    case_id: UUID = Field(foreign_key="cases.id")
    removed_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")
