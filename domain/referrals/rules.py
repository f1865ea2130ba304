"""The life cycle of a referral: who may move it from where to where. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from domain.audit.actions import AuditAction
from domain.codes import Outcome, Priority, ReferralStatus, RefusalReason
from domain.errors import StateConflict

S = ReferralStatus


class Act(StrEnum):
    """One thing that can happen to a referral."""

    SEND = "send"
    RECEIVE = "receive"
    ASK = "ask"
    ANSWER = "answer"
    WAITLIST = "waitlist"
    ACCEPT = "accept"
    DECLINE = "decline"
    START = "start"
    COMPLETE = "complete"
    FAIL = "fail"
    REVOKE = "revoke"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    REROUTE = "reroute"
    ABANDON = "abandon"
    MARK_IN_ERROR = "mark_in_error"


class Side(StrEnum):
    """Whose act it is."""

    SENDER = "sender"
    RECEIVER = "receiver"
    PERSON = "person"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Transition:
    """What one act does.

    Attributes:
        side: Who acts.
        sources: The statuses from which it is possible.
        target: The status that it leads to.
        action: Its name in the audit.
    """

    side: Side
    sources: frozenset[ReferralStatus]
    target: ReferralStatus
    action: AuditAction


BEFORE_ANSWER = frozenset({S.RECEIVED, S.INFO_REQUESTED, S.WAITLISTED})
BEFORE_ACCEPTANCE = BEFORE_ANSWER | {S.SENT}
AFTER_ACCEPTANCE = frozenset({S.ACCEPTED, S.IN_SERVICE})
OVER = frozenset(
    {
        S.COMPLETED,
        S.DECLINED,
        S.EXPIRED,
        S.WITHDRAWN_BY_PERSON,
        S.REVOKED_BY_SENDER,
        S.FAILED,
        S.ENTERED_IN_ERROR,
    }
)
"""Here the package is purged and the receiver's grant ends."""

TRANSITIONS: dict[Act, Transition] = {
    Act.SEND: Transition(Side.SENDER, frozenset({S.DRAFT}), S.SENT, AuditAction.REFERRAL_SENT),
    Act.RECEIVE: Transition(Side.RECEIVER, frozenset({S.SENT}), S.RECEIVED, AuditAction.REFERRAL_RECEIVED),
    Act.ASK: Transition(
        Side.RECEIVER, frozenset({S.RECEIVED, S.WAITLISTED}), S.INFO_REQUESTED, AuditAction.REFERRAL_INFO_REQUESTED
    ),
    Act.ANSWER: Transition(Side.SENDER, frozenset({S.INFO_REQUESTED}), S.RECEIVED, AuditAction.REFERRAL_ANSWERED),
    Act.WAITLIST: Transition(
        Side.RECEIVER, frozenset({S.RECEIVED, S.INFO_REQUESTED}), S.WAITLISTED, AuditAction.REFERRAL_WAITLISTED
    ),
    Act.ACCEPT: Transition(Side.RECEIVER, BEFORE_ANSWER, S.ACCEPTED, AuditAction.REFERRAL_ACCEPTED),
    Act.DECLINE: Transition(Side.RECEIVER, BEFORE_ANSWER, S.DECLINED, AuditAction.REFERRAL_DECLINED),
    Act.START: Transition(Side.RECEIVER, frozenset({S.ACCEPTED}), S.IN_SERVICE, AuditAction.REFERRAL_STARTED),
    Act.COMPLETE: Transition(Side.RECEIVER, frozenset({S.IN_SERVICE}), S.COMPLETED, AuditAction.REFERRAL_COMPLETED),
    Act.FAIL: Transition(Side.RECEIVER, AFTER_ACCEPTANCE, S.FAILED, AuditAction.REFERRAL_FAILED),
    Act.REVOKE: Transition(
        Side.SENDER, BEFORE_ACCEPTANCE | {S.DRAFT}, S.REVOKED_BY_SENDER, AuditAction.REFERRAL_REVOKED
    ),
    Act.WITHDRAW: Transition(
        Side.PERSON,
        BEFORE_ACCEPTANCE | AFTER_ACCEPTANCE | {S.DRAFT},
        S.WITHDRAWN_BY_PERSON,
        AuditAction.REFERRAL_WITHDRAWN,
    ),
    Act.EXPIRE: Transition(Side.CLOCK, BEFORE_ACCEPTANCE, S.EXPIRED, AuditAction.REFERRAL_EXPIRED),
    Act.REROUTE: Transition(
        Side.CLOCK, BEFORE_ACCEPTANCE | AFTER_ACCEPTANCE, S.SENT, AuditAction.REFERRAL_REROUTED
    ),  # the receiving organisation is gone: another one is asked afresh, and identity opens when it accepts
    Act.ABANDON: Transition(
        Side.CLOCK, BEFORE_ACCEPTANCE | AFTER_ACCEPTANCE, S.FAILED, AuditAction.REFERRAL_FAILED
    ),  # the receiving organisation is gone and nobody may take its place
    Act.MARK_IN_ERROR: Transition(
        Side.SENDER,
        frozenset(S) - {S.ENTERED_IN_ERROR},
        S.ENTERED_IN_ERROR,
        AuditAction.REFERRAL_ENTERED_IN_ERROR,
    ),
}

URGENCY = {Priority.EMERGENCY: 0, Priority.URGENT: 1, Priority.NORMAL: 2}

FHIR_TASK_STATUS: dict[ReferralStatus, str] = {
    S.DRAFT: "draft",
    S.SENT: "requested",
    S.RECEIVED: "received",
    S.INFO_REQUESTED: "on-hold",
    S.WAITLISTED: "on-hold",
    S.ACCEPTED: "accepted",
    S.IN_SERVICE: "in-progress",
    S.COMPLETED: "completed",
    S.DECLINED: "rejected",
    S.EXPIRED: "cancelled",
    S.WITHDRAWN_BY_PERSON: "cancelled",
    S.REVOKED_BY_SENDER: "cancelled",
    S.FAILED: "failed",
    S.ENTERED_IN_ERROR: "entered-in-error",
}
"""Our statuses as those of a FHIR R4 Task, for exchange."""


def moved(status: ReferralStatus, act: Act) -> Transition:
    """Return what an act does to a referral in this status.

    Raises:
        StateConflict: the act is not possible from here; says where the referral stands.
    """
    transition = TRANSITIONS[act]
    if status not in transition.sources:
        raise StateConflict(current=str(status), act=str(act))
    return transition


OUTCOME_OF_FAILURE = {
    RefusalReason.NO_CAPACITY: Outcome.NO_CAPACITY,
    RefusalReason.NOT_ELIGIBLE: Outcome.NOT_ELIGIBLE,
    RefusalReason.DECLINED_BY_PERSON: Outcome.DECLINED_BY_PERSON,
    RefusalReason.COULD_NOT_BE_REACHED: Outcome.DID_NOT_ENGAGE,
}
"""What came of a service that failed for this reason; of any other, unknown: nothing is laid at the person's door."""


def outcome_of(status: ReferralStatus, said: Outcome | None, reason: RefusalReason | None) -> Outcome:
    """Return what came of the service of a referral that ended in this status."""
    if said is not None:
        return said
    if status == S.WITHDRAWN_BY_PERSON:
        return Outcome.DECLINED_BY_PERSON
    return OUTCOME_OF_FAILURE.get(reason, Outcome.UNKNOWN) if reason is not None else Outcome.UNKNOWN


def at_least_as_urgent(asked: Priority, least: Priority) -> bool:
    """Whether a priority is no slower than the one that the procedure demands."""
    return URGENCY[asked] <= URGENCY[least]
