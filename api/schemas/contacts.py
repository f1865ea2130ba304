"""Contacts: what goes in, what comes out."""

from uuid import UUID

from pydantic import Field

from api.schemas.base import Country, Fields, Flag, In, Instant, InstantIn, LanguageTag, Opened, Out, Word
from api.schemas.cases import CaseIn
from domain.codes import Channel, Compartment, ContactOutcome, ContactTopic, HeardOfUs
from domain.contacts.commands import LogContact
from domain.contacts.models import Contact


class ContactIn(In):
    """One conversation with a hotline or front desk; opens zero or more cases, one for each person."""

    channel: Channel
    language: LanguageTag
    topic: ContactTopic
    heard_of_us: HeardOfUs = HeardOfUs.NOT_ASKED
    country_of_interest: Country | None = None
    anonymous: Flag = True
    made_at: InstantIn | None = None
    callback: Flag = False
    narrative: Fields | None = Field(default=None, description="What was said; sealed.")
    contact: Fields | None = Field(default=None, description="How to call back; sealed.")
    cases: list[CaseIn] = Field(default_factory=list, max_length=10)

    def to_command(self) -> LogContact:
        """Return the command."""
        sealed = {Compartment.NARRATIVE: self.narrative, Compartment.CONTACT: self.contact}
        return LogContact(
            channel=self.channel,
            language=self.language,
            topic=self.topic,
            heard_of_us=self.heard_of_us,
            country_of_interest=self.country_of_interest,
            anonymous=self.anonymous,
            made_at=self.made_at,
            callback=self.callback,
            sealed={compartment: dict(fields) for compartment, fields in sealed.items() if fields is not None},
            opens=tuple(case.to_command() for case in self.cases),
        )


class ContactOut(Out):
    """A contact without what was said."""

    id: UUID
    channel: Channel
    made_at: Instant
    language: str = Field(max_length=12)
    topic: ContactTopic
    heard_of_us: HeardOfUs
    country_of_interest: str | None = Field(max_length=2)
    anonymous: bool
    outcome: ContactOutcome
    callback_due_at: Instant | None
    called_back_at: Instant | None
    cases: list[Word] = Field(max_length=10, description="References of the cases that it opened.")

    @classmethod
    def of(cls, contact: Contact, cases: list[str]) -> "ContactOut":
        """Return the contact as shown."""
        return cls.taken(contact, cases=cases)


class ContactPage(Out):
    """One page of contacts, newest first."""

    items: list[ContactOut] = Field(max_length=100)
    next: str | None = Field(max_length=120)


class ContactWordsOut(Out):
    """What was said and how to call back, in the clear; reading it was recorded first."""

    narrative: Opened | None
    contact: Opened | None


class CallbackIn(In):
    """A due callback was tried."""

    reached: Flag
