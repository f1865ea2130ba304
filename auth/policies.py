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
from domain.codes import ReferralStatus, Role
from domain.permits import Actor


class About(StrEnum):
    """What kind of record a rule looks at."""

    GRANT = "grant"
    REFERRAL = "referral"
    CONTACT = "contact"
    EPISODE = "episode"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason for which a verb may be used on a record.

    Attributes:
        name: Goes into permits and audit entries.
        because: The reason as a person would say it.
        about: The kind of record that `holds` is read on.
        holds: Takes the record, or its class, and the actor.
        roles: The roles it speaks for; empty for all that have the verb.
    """

    name: str
    because: str
    about: About
    holds: Callable[[Any, Actor], Any]
    roles: frozenset[Role] = frozenset()

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
KEEPS_IT = Rule(
    "organisation-of-webhook",
    "their organisation registered the webhook",
    About.WEBHOOK,
    lambda webhook, actor: webhook.organisation_id == actor.organisation_id,
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
    Permission.COOPERATION_RECORD: (OWNS,),
    Permission.RECORD_READ: (OWNS,),
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
    Permission.CONTACT_READ: (TOOK_IT,),
    Permission.CONTACT_CALL_BACK: (TOOK_IT,),
    Permission.CONTACT_REVEAL: (TOOK_IT,),
    Permission.WEBHOOK_KEEP: (KEEPS_IT,),
}
"""Verbs on records. A verb that is not here concerns the actor's own organisation or the public directory."""


def rules_for(permission: Permission, role: Role, *about: About) -> tuple[Rule, ...]:
    """Return the rules that may allow this verb to this role, looking at these kinds of record."""
    return tuple(rule for rule in RULES.get(permission, ()) if rule.about in about and rule.speaks_for(role))
