"""On which records a verb may be used. Each rule is written once and read twice.

Read on a record it answers yes or no; read on the class it *is* the SQL condition. Only `==`, `<=`, `>`, `&` and `|`
are used, on columns that are never NULL, so that both readings mean the same. Row-level security is the third reading,
written apart in the migrations on purpose; a property test proves that the three agree.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from auth.roles import Permission
from domain.cases.models import Relation
from domain.codes import CourseSubject, ReferralStatus, Role
from domain.permits import Actor


class About(StrEnum):
    """What kind of record a rule looks at."""

    GRANT = "grant"
    REFERRAL = "referral"
    CONTACT = "contact"
    EPISODE = "episode"
    AWARD = "award"
    QUESTION = "question"
    COURSE = "course"
    COMMISSION = "commission"
    ESCALATION = "escalation"
    WEBHOOK = "webhook"
    GLASS = "glass"
    APPROVAL = "approval"
    CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason for which a verb may be used on a record.

    Attributes:
        name: Goes into permits and audit entries.
        because: The reason as a person would say it.
        about: The kind of record that `holds` is read on.
        holds: Takes the record, or its class, and the actor.
        roles: The roles it speaks for; empty for all that have the verb.
        reaches: For a rule about grants that reach only some records of one kind: which kind.
        leads_to: Whether a grant reaches such a record: takes the record and the grant, or their classes.
    """

    name: str
    because: str
    about: About
    holds: Callable[[Any, Actor], Any]
    roles: frozenset[Role] = frozenset()
    reaches: About | None = None
    leads_to: Callable[[Any, Any], Any] = lambda record, grant: True  # noqa: ARG005 - both readings take both

    def speaks_for(self, role: Role) -> bool:
        """Whether the rule is meant for the role."""
        return not self.roles or role in self.roles


SEEN_BY_RECEIVER = tuple(status for status in ReferralStatus if status != ReferralStatus.DRAFT)


def _running(grant: Any, actor: Actor, relation: Relation) -> Any:
    return (
        (grant.organisation_id == actor.organisation_id)
        & (grant.relation == relation)
        & (grant.valid_from <= actor.now)
        & (grant.valid_until > actor.now)
    )


def _sent(referral: Any) -> Any:
    """Whether the referral has left its sender; spelled with `|` alone, see above."""
    condition = referral.status == SEEN_BY_RECEIVER[0]
    for status in SEEN_BY_RECEIVER[1:]:
        condition = condition | (referral.status == status)
    return condition


OWNS = Rule(
    "owner-of-case",
    "their organisation leads the case",
    About.GRANT,
    lambda grant, actor: _running(grant, actor, Relation.OWNER),
)
SERVES = Rule(
    "receiver-of-referral-of-case",
    "their organisation accepted a referral of the case",
    About.GRANT,
    lambda grant, actor: _running(grant, actor, Relation.RECEIVER),
)
FIRST_DAY = timedelta(hours=24)
"""How long a hotline operator may read again what a caller said; then the case belongs to case work."""

OWNS_SINCE_TODAY = Rule(
    "owner-of-case-on-its-first-day",
    "their organisation opened the case less than 24 hours ago",
    About.GRANT,
    lambda grant, actor: _running(grant, actor, Relation.OWNER) & (grant.valid_from > actor.now - FIRST_DAY),
    frozenset({Role.HOTLINE_OPERATOR}),
)
OWNS_AND_WORKS = Rule(
    "case-worker-of-owner",
    "their organisation leads the case and they do its case work",
    About.GRANT,
    OWNS.holds,
    frozenset({Role.NGO_CASEWORKER, Role.POLICE_OFFICER, Role.MIGRATION_OFFICER}),
)
SENT_IT = Rule(
    "sender-of-referral",
    "their organisation sent the referral",
    About.REFERRAL,
    lambda referral, actor: referral.sending_organisation_id == actor.organisation_id,
)
RECEIVES_IT = Rule(
    "receiver-of-referral",
    "the referral was sent to their organisation",
    About.REFERRAL,
    lambda referral, actor: (referral.receiving_organisation_id == actor.organisation_id) & _sent(referral),
)
OVERSEES_IT = Rule(
    "oversight-of-country",
    "they watch over the referrals of the country and see no data of the person",
    About.REFERRAL,
    lambda referral, actor: (referral.country == actor.country) & _sent(referral),
    frozenset({Role.FOCAL_POINT, Role.COORDINATOR}),
)
TOOK_IT = Rule(
    "organisation-of-contact",
    "their organisation took the contact",
    About.CONTACT,
    lambda contact, actor: contact.organisation_id == actor.organisation_id,
)
GIVES_IT = Rule(
    "provider-of-episode",
    "their organisation gives the service",
    About.EPISODE,
    lambda episode, actor: episode.organisation_id == actor.organisation_id,
)
ASKED_QUESTION = Rule(
    "asker-of-question",
    "their organisation asked the question",
    About.QUESTION,
    lambda question, actor: question.asking_organisation_id == actor.organisation_id,
)
WAS_ASKED = Rule(
    "asked-by-question",
    "the question was put to their organisation",
    About.QUESTION,
    lambda question, actor: question.asked_organisation_id == actor.organisation_id,
)
LEADS_PROCEEDINGS = Rule(
    "leader-of-proceedings",
    "their organisation leads the case beside which the proceedings go on",
    About.GRANT,
    OWNS.holds,
    frozenset({Role.NGO_CASEWORKER, Role.POLICE_OFFICER}),
    About.COURSE,
    lambda course, _: course.subject == CourseSubject.PROCEEDINGS,
)
CONDUCTS_PROCEEDINGS = Rule(
    "authority-of-proceedings",
    "their organisation accepted the referral for criminal proceedings",
    About.GRANT,
    SERVES.holds,
    frozenset({Role.POLICE_OFFICER}),
    About.COURSE,
    lambda course, grant: (course.subject == CourseSubject.PROCEEDINGS) & (course.referral_id == grant.referral_id),
)
LEADS_REHABILITATION = Rule(
    "leader-of-rehabilitation",
    "their organisation leads the case beside which the rehabilitation goes on",
    About.GRANT,
    OWNS.holds,
    frozenset({Role.NGO_CASEWORKER}),
    About.COURSE,
    lambda course, _: course.subject == CourseSubject.REHABILITATION,
)
GIVES_STAY = Rule(
    "shelter-of-stay",
    "their organisation gives the place",
    About.COURSE,
    lambda course, actor: (course.organisation_id == actor.organisation_id) & (course.subject == CourseSubject.STAY),
    frozenset({Role.SHELTER_STAFF, Role.NGO_CASEWORKER}),
)
HOLDS_COMMISSION = Rule(
    "commission-of-request",
    "the plan was put to their organisation's commission",
    About.COMMISSION,
    lambda record, actor: record.organisation_id == actor.organisation_id,
    frozenset({Role.MIGRATION_OFFICER}),
)
LEADS_REQUEST = Rule(
    "leader-of-rehabilitation",
    "their organisation leads the case beside which the rehabilitation goes on",
    About.GRANT,
    OWNS.holds,
    frozenset({Role.NGO_CASEWORKER}),
    About.COMMISSION,
)
COURSES = (LEADS_PROCEEDINGS, CONDUCTS_PROCEEDINGS, LEADS_REHABILITATION, GIVES_STAY)

ASKED_IT = Rule(
    "asker-of-award",
    "their organisation asked for the award",
    About.AWARD,
    lambda award, actor: award.asking_organisation_id == actor.organisation_id,
)
DECIDES_IT = Rule(
    "decider-of-award",
    "their organisation decides on the award and learns of no case",
    About.AWARD,
    lambda award, actor: award.deciding_organisation_id == actor.organisation_id,
    frozenset({Role.COORDINATOR}),
)

FINDS_SOMEBODY = Rule(
    "coordinator-of-country",
    "they coordinate the mechanism of the country and see references and codes only",
    About.ESCALATION,
    lambda escalation, actor: escalation.country == actor.country,
    frozenset({Role.COORDINATOR}),
)
KEEPS_IT = Rule(
    "organisation-of-webhook",
    "their organisation registered the webhook",
    About.WEBHOOK,
    lambda webhook, actor: webhook.organisation_id == actor.organisation_id,
)

BROKE_IT = Rule(
    "broke-the-glass",
    "they asked for the emergency access themselves",
    About.GLASS,
    lambda glass, actor: (glass.organisation_id == actor.organisation_id) & (glass.staff_id == actor.staff_id),
)
LOOKS_THROUGH = Rule(
    "break-glass",
    "a life is at risk: one compartment of one case is open to them for an hour",
    About.GLASS,
    lambda glass, actor: BROKE_IT.holds(glass, actor) & (glass.valid_until > actor.now),
)
REVIEWS_IT = Rule(
    "independent-body",
    "they watch over emergency access in the country",
    About.GLASS,
    lambda glass, actor: glass.country == actor.country,
    frozenset({Role.MONITORING_STAFF}),
)

AGREES = Rule(
    "two-persons",
    "they may ask for, and agree to, what nobody does alone in the country",
    About.APPROVAL,
    lambda approval, actor: approval.country == actor.country,
    frozenset({Role.COORDINATOR, Role.MONITORING_STAFF}),
)

SIGNS = Rule(
    "approver-of-country",
    "they answer for what is published of the country",
    About.CANDIDATE,
    lambda candidate, actor: candidate.country == actor.country,
    frozenset({Role.COORDINATOR, Role.MONITORING_STAFF, Role.FOCAL_POINT}),
)

RULES: dict[Permission, tuple[Rule, ...]] = {
    Permission.CASE_READ: (OWNS, SERVES),
    Permission.CASE_WORK: (OWNS,),
    Permission.CASE_CLOSE: (OWNS,),
    Permission.PERSON_RECORD: (OWNS,),
    Permission.COMPARTMENT_SEAL: (OWNS,),
    Permission.COMPARTMENT_REVEAL: (OWNS_AND_WORKS, OWNS_SINCE_TODAY),
    Permission.WALL_RAISE: (OWNS,),
    Permission.SCREENING_RECORD: (OWNS,),
    Permission.ASSESSMENT_RECORD: (OWNS,),
    Permission.DECISION_RECORD: (OWNS, SERVES),
    Permission.CONSENT_RECORD: (OWNS,),
    Permission.EXPLOITATION_RECORD: (OWNS,),
    Permission.CLASSIFICATION_RECORD: (OWNS,),
    Permission.DISCLOSURES_READ: (OWNS_AND_WORKS,),
    Permission.AWARD_ASK: (OWNS,),
    Permission.AWARD_READ: (ASKED_IT, DECIDES_IT),
    Permission.AWARD_DECIDE: (DECIDES_IT,),
    Permission.COOPERATION_RECORD: (OWNS,),
    Permission.RECORD_READ: (OWNS,),
    Permission.COURSE_OPEN: (OWNS, SERVES),
    Permission.COURSE_READ: COURSES,
    Permission.COURSE_RECORD: COURSES,
    Permission.COMMISSION_READ: (HOLDS_COMMISSION,),
    Permission.COMMISSION_DECIDE: (HOLDS_COMMISSION,),
    Permission.COMMISSION_REASONS: (LEADS_REQUEST,),
    Permission.REFERRAL_SEND: (OWNS, SENT_IT),
    Permission.REFERRAL_READ: (SENT_IT, RECEIVES_IT, OWNS),
    Permission.REFERRAL_REVOKE: (SENT_IT,),
    Permission.REFERRAL_WITHDRAW: (SENT_IT, RECEIVES_IT, OWNS),
    Permission.REFERRAL_HANDLE: (RECEIVES_IT,),
    Permission.PACKAGE_REVEAL: (RECEIVES_IT,),
    Permission.REFERRAL_STATUS_READ: (SENT_IT, RECEIVES_IT, OWNS, OVERSEES_IT),
    Permission.REFERRALS_OVERDUE_READ: (OVERSEES_IT,),
    Permission.NOTES_REVEAL: (SENT_IT, RECEIVES_IT),
    Permission.EPISODE_READ: (GIVES_IT, OWNS),
    Permission.EPISODE_RECORD: (GIVES_IT,),
    Permission.CAPACITY_ASK: (OWNS, ASKED_QUESTION),
    Permission.CAPACITY_READ: (ASKED_QUESTION, WAS_ASKED),
    Permission.CAPACITY_ANSWER: (WAS_ASKED,),
    Permission.CONTACT_READ: (TOOK_IT,),
    Permission.CONTACT_CALL_BACK: (TOOK_IT,),
    Permission.CONTACT_REVEAL: (TOOK_IT,),
    Permission.CONTACT_LINK: (TOOK_IT,),
    Permission.ESCALATION_READ: (FINDS_SOMEBODY,),
    Permission.ESCALATION_ASSIGN: (FINDS_SOMEBODY,),
    Permission.WEBHOOK_KEEP: (KEEPS_IT,),
    Permission.OPENINGS_READ: (OWNS,),
    Permission.GLASS_READ: (BROKE_IT, REVIEWS_IT),
    Permission.GLASS_OPEN: (LOOKS_THROUGH,),
    Permission.GLASS_REVIEW: (REVIEWS_IT,),
    Permission.GLASS_RESTORE: (REVIEWS_IT,),
    Permission.APPROVAL_READ: (AGREES,),
    Permission.APPROVAL_DECIDE: (AGREES,),
    Permission.CANDIDATE_READ: (SIGNS,),
    Permission.CANDIDATE_APPROVE: (SIGNS,),
    Permission.SUBJECT_REQUEST_ANSWER: (OWNS_AND_WORKS,),
    Permission.RETENTION_HOLD: (OWNS_AND_WORKS,),
    Permission.DUPLICATE_ANSWER: (OWNS_AND_WORKS,),
}
"""Verbs on records. A verb that is not here concerns the actor's own organisation or the public directory."""


def rules_for(permission: Permission, role: Role, *about: About) -> tuple[Rule, ...]:
    """Return the rules that may allow this verb to this role, looking at these kinds of record."""
    return tuple(rule for rule in RULES.get(permission, ()) if rule.about in about and rule.speaks_for(role))
