"""Contacts: what goes in, what comes out."""

from datetime import datetime, timedelta
from uuid import UUID

from pydantic import Field

from api.schemas.base import Country, Fields, Flag, In, Instant, InstantIn, LanguageTag, Opened, Out, Word
from api.schemas.cases import CaseIn
from domain.codes import Channel, Compartment, ContactOutcome, ContactTopic, CountUnit, HeardOfUs
from domain.contacts.commands import MOST_CASES, LogContact
from domain.contacts.models import Contact

MINUTE = timedelta(minutes=1)


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
    cases: list[Word] = Field(max_length=MOST_CASES, description="References of the cases that it was about.")

    @classmethod
    def of(cls, contact: Contact, cases: list[str]) -> "ContactOut":
        """Return the contact as shown."""
        return cls.taken(contact, cases=cases)


class CallbackOut(ContactOut):
    """A callback that is due, and for how long somebody has been waiting."""

    waiting_minutes: int = Field(ge=0, le=2**31, description="Since the contact was made.")
    overdue_minutes: int = Field(ge=0, le=2**31, description="Since the callback was due; 0 while there is time.")

    @classmethod
    def at(cls, contact: ContactOut, now: datetime) -> "CallbackOut":
        """Return a due callback with its age."""
        due = contact.callback_due_at or contact.made_at
        return cls(
            **contact.model_dump(),
            waiting_minutes=max(0, (now - contact.made_at) // MINUTE),
            overdue_minutes=max(0, (now - due) // MINUTE),
        )


class HeardOfUsCount(Out):
    """How many contacts heard of the service in one way."""

    heard_of_us: HeardOfUs
    count: int = Field(ge=0, le=2**53)


class HeardOfUsOut(Out):
    """How those who made contact heard of the service: every way that can be recorded, 0 where nobody said so."""

    unit: CountUnit
    items: list[HeardOfUsCount] = Field(max_length=len(HeardOfUs))


class CallbacksOfOrganisation(Out):
    """How many callbacks an organisation owes. No contact is named."""

    organisation: str = Field(max_length=60)
    due: int = Field(ge=0, le=2**53, description="Not yet made, overdue ones among them.")
    overdue: int = Field(ge=0, le=2**53)
    oldest_due_at: Instant | None


class CallbackCounts(Out):
    """The callbacks that the organisations of the country owe: counts only."""

    unit: CountUnit
    items: list[CallbacksOfOrganisation] = Field(max_length=1000)


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
