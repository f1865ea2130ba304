"""Pure derivations of a case: its axes and the facts that its SOP reads. Nothing here is stored."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from domain.codes import (
    CHILD_BANDS,
    NOT_KNOWN,
    SUPPORT_SERVICES,
    Danger,
    DecisionBody,
    DecisionOutcome,
    Identification,
    Known,
    MigrationStatus,
    Outcome,
    Purpose,
    ReferralStatus,
    Service,
    Support,
)
from domain.consents.rules import consent_fact
from domain.workflow.facts import REFERRAL_FACTS

if TYPE_CHECKING:
    from domain.cases.models import Case, Cooperation, StepCompletion
    from domain.consents.models import Consent
    from domain.persons.models import Person
    from domain.referrals.models import Referral
    from domain.screenings.models import Assessment, IdentificationDecision, Screening
    from domain.services.models import ServiceEpisode

ANONYMOUS_STEP = "notify-anonymously"
WAITING = frozenset(
    {ReferralStatus.SENT, ReferralStatus.RECEIVED, ReferralStatus.INFO_REQUESTED, ReferralStatus.WAITLISTED}
)
RUNNING = frozenset({ReferralStatus.ACCEPTED, ReferralStatus.IN_SERVICE})
UNCOUNTED = frozenset({ReferralStatus.DRAFT, ReferralStatus.ENTERED_IN_ERROR})
POSITIVE = frozenset({DecisionOutcome.POSSIBLE_VICTIM, DecisionOutcome.ACTUAL_VICTIM})
LEAVES_AS_IT_WAS = {
    DecisionBody.NGO: frozenset({DecisionOutcome.SUSPENDED, DecisionOutcome.IN_REVIEW}),
    DecisionBody.STATE: frozenset({DecisionOutcome.SUSPENDED}),
}


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """All that one case has recorded, each list in the order in which it happened."""

    case: "Case"
    person: "Person"
    screenings: list["Screening"] = field(default_factory=list)
    assessments: list["Assessment"] = field(default_factory=list)
    decisions: list["IdentificationDecision"] = field(default_factory=list)
    consents: list["Consent"] = field(default_factory=list)
    cooperations: list["Cooperation"] = field(default_factory=list)
    completions: list["StepCompletion"] = field(default_factory=list)
    referrals: list["Referral"] = field(default_factory=list)
    episodes: list["ServiceEpisode"] = field(default_factory=list)


@dataclass(slots=True)
class Facts:
    """Facts under construction: the value of each, and since when it has it."""

    values: dict[str, str] = field(default_factory=dict)
    since: dict[str, datetime] = field(default_factory=dict)

    def put(self, fact: str, value: str, since: datetime | None) -> None:
        """Set one fact."""
        self.values[fact] = value
        if since is not None:
            self.since[fact] = since


def age(person: "Person") -> Literal["adult", "child", "disputed"]:
    """Return `adult`, `child` or `disputed`; not knowing is treated as a dispute, so as a child, until decided."""
    if person.age_disputed or person.age_band in NOT_KNOWN:
        return "disputed"
    return "child" if person.age_band in CHILD_BANDS else "adult"


def decided(decisions: Iterable["IdentificationDecision"], body: DecisionBody) -> tuple[str, datetime | None]:
    """Return what an NGO or the state said last (`none`, `positive`, `negative`, `in_review`), and when.

    A suspension leaves what was said before; a review opens the question again for the state alone.
    """
    value, since = "none", None
    for decision in decisions:
        if decision.body != body or decision.outcome in LEAVES_AS_IT_WAS[body]:
            continue
        since = decision.recorded_at
        if decision.outcome in POSITIVE:
            value = "positive"
        elif decision.outcome == DecisionOutcome.IN_REVIEW:
            value = "in_review"
        else:
            value = "negative"
    return value, since


def identification(record: CaseRecord) -> Identification:
    """Return the identification axis. Neither body overwrites the other: one positive finding is enough."""
    if any(done.step == ANONYMOUS_STEP for done in record.completions):
        return Identification.ANONYMOUS_NOTIFICATION
    latest = {
        decision.body: decision.outcome
        for decision in record.decisions
        if decision.outcome not in {DecisionOutcome.SUSPENDED, DecisionOutcome.IN_REVIEW}
    }
    outcomes = set(latest.values())
    if DecisionOutcome.ACTUAL_VICTIM in outcomes:
        return Identification.IDENTIFIED
    if DecisionOutcome.POSSIBLE_VICTIM in outcomes:
        return Identification.PRESUMED
    if outcomes:
        return Identification.NOT_A_VICTIM
    return Identification.SCREENED if record.screenings else Identification.REPORTED


def support(referrals: Iterable["Referral"], episodes: Iterable["ServiceEpisode"]) -> Support:
    """Return the support axis: from referrals and episodes, never from identification or co-operation."""
    asked = [referral for referral in referrals if referral.service in SUPPORT_SERVICES]
    mistaken = {referral.id for referral in asked if referral.status == ReferralStatus.ENTERED_IN_ERROR}
    given = [one for one in episodes if one.service in SUPPORT_SERVICES and one.referral_id not in mistaken]
    if any(episode.ended_at is None for episode in given):
        return Support.RECEIVING
    if any(referral.status in WAITING | RUNNING for referral in asked):
        return Support.REQUESTED
    if any(episode.outcome in {Outcome.FULL, Outcome.PARTIAL} for episode in given):
        return Support.COMPLETED
    if given or any(referral.status == ReferralStatus.WITHDRAWN_BY_PERSON for referral in asked):
        return Support.STOPPED
    return Support.NONE


def referral_fact(referrals: Iterable["Referral"], service: Service) -> tuple[str, datetime | None]:
    """Return where the latest referral for a service stands: `none`, `open`, `accepted`, `completed` or `ended`."""
    latest = [one for one in referrals if one.service == service and one.status not in UNCOUNTED]
    if not latest:
        return "none", None
    last = latest[-1]
    if last.status in WAITING:
        return "open", last.changed_at
    if last.status == ReferralStatus.COMPLETED:
        return "completed", last.changed_at
    return ("accepted" if last.status in RUNNING else "ended"), last.changed_at


def origin(person: "Person", country: str) -> str:
    """Return `national`, `foreign`, `stateless` or `unknown`, seen from the country of the case."""
    if person.migration_status == MigrationStatus.STATELESS:
        return "stateless"
    known = [code for code in person.citizenships if code not in NOT_KNOWN]
    if not known:
        return "unknown"
    return "national" if country in known else "foreign"


def migration_status(person: "Person") -> str:
    """Return `regular`, `irregular`, `not_applicable` (nationals) or `unknown`."""
    if person.migration_status in {MigrationStatus.REGULAR, MigrationStatus.IRREGULAR}:
        return str(person.migration_status)
    return "not_applicable" if person.migration_status == MigrationStatus.NATIONAL else "unknown"


def documents(person: "Person") -> str:
    """Return `held`, `not_held` or `unknown`."""
    return {Known.YES: "held", Known.NO: "not_held"}.get(Known(person.documents_held), "unknown")


def last_instant(instants: Iterable[datetime]) -> datetime | None:
    """Return the latest of some instants, or None."""
    return max(instants, default=None)


def facts(record: CaseRecord, now: datetime) -> Facts:
    """Derive every fact of the vocabulary from what the case has recorded.

    Args:
        record: The case, complete: a part that was not loaded would be taken for one that did not happen.
        now: The instant at which consents count as expired.
    """
    found = Facts(since={"case.opened": record.case.opened_at})
    person = record.person
    found.put("age", age(person), person.age_changed_at)
    found.put("origin", origin(person, record.case.country), None)
    found.put("migration_status", migration_status(person), None)
    found.put("documents", documents(person), None)
    assessed = record.assessments[-1] if record.assessments else None
    found.put("danger", assessed.danger if assessed else Danger.UNKNOWN, assessed.recorded_at if assessed else None)
    for purpose in (Purpose.SUPPORT, Purpose.IDENTIFICATION, Purpose.CRIMINAL_PROCEEDINGS):
        about = [consent for consent in record.consents if purpose in consent.purposes]
        since = last_instant(consent.recorded_at for consent in about)
        found.put(f"consent_{purpose}", consent_fact(about, purpose, now), since)
    willing = record.cooperations[-1] if record.cooperations else None
    answer = willing.willing if willing else Known.NOT_ASKED
    said = Known.UNKNOWN if answer == Known.NOT_APPLICABLE else answer
    found.put("cooperation", said, willing.recorded_at if willing else None)
    screened = record.screenings[-1] if record.screenings else None
    found.put("screening", screened.result if screened else "not_done", screened.recorded_at if screened else None)
    found.put("ngo_identification", *decided(record.decisions, DecisionBody.NGO))
    found.put("state_identification", *decided(record.decisions, DecisionBody.STATE))
    moved = last_instant(
        [one.changed_at for one in record.referrals] + [one.ended_at or one.started_at for one in record.episodes]
    )
    found.put("support", support(record.referrals, record.episodes), moved)
    for service, fact in REFERRAL_FACTS.items():
        found.put(fact, *referral_fact(record.referrals, service))
    found.put("case_work", record.case.case_work, record.case.closed_at or record.case.opened_at)
    for done in record.completions:
        found.put(f"done:{done.step}", "yes", done.completed_at)
    return found
