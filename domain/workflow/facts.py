"""The vocabulary of facts that a standard operating procedure may speak of.

A fact has finitely many values, so that a machine can look at every situation there is. `moves` are the changes that
happen *to* a case: what the person, the receiving organisation, the state or the world may do at any time, without any
step of ours. They are kept generous on purpose: a proof then covers more than is likely.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from domain.codes import Purpose, Service


class Mover(StrEnum):
    """Who changes a fact from outside the steps."""

    PERSON = "person"
    RECEIVER = "receiver"
    STATE = "state"
    WORLD = "world"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Fact:
    """One question about a case or a contact that has exactly one of finitely many answers.

    Attributes:
        name: As conditions spell it.
        values: Every answer, the four kinds of not knowing among them where they matter to a step.
        meaning: What the fact says.
        source: Which record it is derived from.
        initial: The answer before anything is recorded.
        moves: From an answer to the answers that it may turn into without any step.
        mover: Who causes those moves.
        waits: Answers in which it is the receiving organisation's turn, whose time limit the priority sets, or in which
            a date that is set comes by itself.
    """

    name: str
    values: tuple[str, ...]
    meaning: str
    source: str
    initial: str
    moves: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    mover: Mover = Mover.WORLD
    waits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """What a procedure is about, and the facts that may be asked of it.

    Attributes:
        key: What a procedure names it: `case`, `contact`, `proceedings`, `rehabilitation` or `stay`.
        start: The event that every deadline may count from.
        facts: The vocabulary, in a fixed order.
        ended: The fact and the answer that mean: nothing more is to be done.
    """

    key: str
    start: str
    facts: tuple[Fact, ...]
    ended: tuple[str, str]


def freely(*values: str) -> Mapping[str, tuple[str, ...]]:
    """Moves from every answer to every other one."""
    return MappingProxyType({value: tuple(other for other in values if other != value) for value in values})


def _consent(purpose: Purpose) -> Fact:
    return Fact(
        name=f"consent_{purpose}",
        values=("not_asked", "given", "refused"),
        meaning=f"Whether the person agrees to {purpose.replace('_', ' ')}; withdrawn is refused, expired not asked.",
        source="The consent in force for this purpose.",
        initial="not_asked",
        moves=freely("not_asked", "given", "refused"),
        mover=Mover.PERSON,
    )


def _referral(name: str, what: str) -> Fact:
    return Fact(
        name=name,
        values=("none", "open", "accepted", "completed", "ended"),
        meaning=f"The latest referral for {what}: open until it is answered; completed, or ended without the service.",
        source="The latest referral that asks for this service.",
        initial="none",
        moves=MappingProxyType(
            {
                "open": ("accepted", "ended", "none"),
                "accepted": ("completed", "ended", "none"),
                "completed": ("none",),
                "ended": ("none",),
            }
        ),
        mover=Mover.RECEIVER,
    )


_SUPPORT = ("none", "requested", "receiving", "completed", "stopped")
_DANGER = ("unknown", "imminent", "high", "low")
_COOPERATION = ("not_asked", "yes", "no", "unknown", "declined_to_answer")
_ORIGIN = ("unknown", "national", "foreign", "stateless")
_MIGRATION = ("unknown", "regular", "irregular", "not_applicable")
_DOCUMENTS = ("unknown", "held", "not_held")
_STATE = ("none", "positive", "negative", "in_review")

CASE = Subject(
    key="case",
    start="case.opened",
    ended=("case_work", "closed"),
    facts=(
        Fact(
            name="age",
            values=("adult", "child", "disputed"),
            meaning="Adult or child; disputed, also where nothing is known: treated as a child until it is decided.",
            source="The age band of the person.",
            initial="disputed",
            moves=MappingProxyType({"child": ("adult", "disputed"), "adult": ("disputed",)}),
        ),
        Fact(
            name="danger",
            values=_DANGER,
            meaning="The danger that the person is in.",
            source="The latest risk assessment.",
            initial="unknown",
            moves=freely(*_DANGER),
        ),
        _consent(Purpose.SUPPORT),
        _consent(Purpose.IDENTIFICATION),
        Fact(
            name="screening",
            values=("not_done", "indicated", "not_indicated"),
            meaning="What the assessor decided after the latest screening.",
            source="The latest screening.",
            initial="not_done",
        ),
        Fact(
            name="ngo_identification",
            values=("none", "positive", "negative"),
            meaning="The identification by a non-governmental organisation.",
            source="The latest identification decision of an NGO.",
            initial="none",
        ),
        Fact(
            name="state_identification",
            values=_STATE,
            meaning="The identification by the state: apart from the one above, and never overwriting it.",
            source="The latest identification decision of a competent authority.",
            initial="none",
            moves=MappingProxyType(
                {
                    "none": ("positive", "negative"),
                    "positive": ("in_review",),
                    "negative": ("in_review",),
                    "in_review": ("positive", "negative"),
                }
            ),
            mover=Mover.STATE,
        ),
        _referral("state_referral", "identification by the state"),
        Fact(
            name="support",
            values=_SUPPORT,
            meaning="The support axis of the case.",
            source="The referrals and service episodes of the support services.",
            initial="none",
            moves=MappingProxyType(
                {
                    "none": ("requested", "receiving"),
                    "requested": ("none", "receiving", "completed", "stopped"),
                    "receiving": ("requested", "completed", "stopped"),
                    "completed": ("requested", "receiving"),
                    "stopped": ("requested", "receiving"),
                }
            ),
            mover=Mover.RECEIVER,
            waits=("requested", "receiving"),
        ),
        _referral("shelter_referral", "a place in a shelter"),
        _referral("guardianship_referral", "a guardian"),
        _referral("case_management_referral", "case management"),
        Fact(
            name="case_work",
            values=("open", "active", "follow_up", "closed"),
            meaning="The case-work axis of the case.",
            source="The case.",
            initial="open",
        ),
        Fact(
            name="cooperation",
            values=_COOPERATION,
            meaning="Whether the person co-operates with law enforcement: kept away from all that decides on support.",
            source="The record of co-operation.",
            initial="not_asked",
            moves=freely(*_COOPERATION),
            mover=Mover.PERSON,
        ),
        _consent(Purpose.CRIMINAL_PROCEEDINGS),
        _referral("criminal_referral", "criminal proceedings"),
        Fact(
            name="origin",
            values=_ORIGIN,
            meaning="Whether the person is a national of the country of the case.",
            source="The citizenships of the person.",
            initial="unknown",
            moves=freely(*_ORIGIN),
        ),
        Fact(
            name="migration_status",
            values=_MIGRATION,
            meaning="The residence situation in the country of the case.",
            source="The migration status of the person.",
            initial="unknown",
            moves=freely(*_MIGRATION),
        ),
        Fact(
            name="documents",
            values=_DOCUMENTS,
            meaning="Whether the person holds identity documents.",
            source="The coded attribute of the person.",
            initial="unknown",
            moves=freely(*_DOCUMENTS),
        ),
    ),
)

CONTACT = Subject(
    key="contact",
    start="contact.made",
    ended=("outcome", "recorded"),
    facts=(
        Fact(
            name="channel",
            values=("call", "voicemail", "text", "email", "web_chat", "visit"),
            meaning="How the contact reached us.",
            source="The contact.",
            initial="call",
            moves=MappingProxyType({"call": ("voicemail", "text", "email", "web_chat", "visit")}),
        ),
        Fact(
            name="topic",
            values=("other", "possible_trafficking"),
            meaning="Whether the contact was about possible trafficking or about something else.",
            source="The contact.",
            initial="other",
            moves=freely("other", "possible_trafficking"),
        ),
        Fact(
            name="callback",
            values=("none", "due", "done", "not_reached"),
            meaning="Whether somebody is to be called back, was, or could not be reached.",
            source="The contact.",
            initial="none",
            moves=MappingProxyType({"none": ("due",), "not_reached": ("due",)}),
            mover=Mover.PERSON,
        ),
        Fact(
            name="case_opened",
            values=("no", "yes"),
            meaning="Whether a case was opened from the contact.",
            source="The cases that name the contact.",
            initial="no",
        ),
        Fact(
            name="outcome",
            values=("pending", "recorded"),
            meaning="Whether a final outcome is recorded; a callback that is due is not final.",
            source="The contact.",
            initial="pending",
        ),
    ),
)

CRIMINAL_FACTS = frozenset(
    {
        "cooperation",
        "consent_criminal_proceedings",
        "criminal_referral",
        "stage",
        "stage_explained",
        "hearing",
        "safeguards",
        "own_charges",
        "outcome_told",
    }
)
"""What only the criminal track may read or record."""

CRIMINAL_SERVICES = frozenset({Service.CRIMINAL_PROCEEDINGS, Service.WITNESS_PROTECTION, Service.COMPENSATION})
"""What a step of the criminal track may ask for."""

STATE_FACTS = frozenset({"state_identification", "state_referral", "commission"})
"""What support must not wait for once an NGO has identified the person."""

ORIGIN_FACTS = frozenset({"origin", "migration_status", "documents"})
"""What no step may depend on."""

REFERRAL_FACTS: Mapping[Service, str] = MappingProxyType(
    {
        Service.SHELTER: "shelter_referral",
        Service.GUARDIANSHIP: "guardianship_referral",
        Service.CASE_MANAGEMENT: "case_management_referral",
        Service.STATE_IDENTIFICATION: "state_referral",
        Service.CRIMINAL_PROCEEDINGS: "criminal_referral",
    }
)
"""Services whose latest referral is a fact of its own."""

PURPOSES: Mapping[Service, frozenset[Purpose]] = MappingProxyType(
    {service: frozenset({Purpose.SUPPORT}) for service in Service}
    | {
        Service.STATE_IDENTIFICATION: frozenset({Purpose.IDENTIFICATION}),
        Service.CRIMINAL_PROCEEDINGS: frozenset({Purpose.CRIMINAL_PROCEEDINGS}),
        Service.WITNESS_PROTECTION: frozenset({Purpose.CRIMINAL_PROCEEDINGS}),
        Service.COMPENSATION: frozenset({Purpose.SUPPORT, Purpose.CRIMINAL_PROCEEDINGS}),
    }
)
"""The purposes that a consent may name when a service is asked for: to agree to one is not to agree to another."""

DONE = "done:"
"""Prefix of the fact that every step without a `done` condition has: `no`, and `yes` once it was completed."""


def step_fact(key: str) -> Fact:
    """The fact that says whether the step of this key was completed."""
    return Fact(
        name=DONE + key,
        values=("no", "yes"),
        meaning="Whether the step was completed.",
        source="The steps recorded as completed.",
        initial="no",
    )


def consent_fact(purpose: Purpose) -> str:
    """The name of the fact that holds the person's answer for this purpose."""
    return f"consent_{purpose}"
