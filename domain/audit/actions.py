"""What the audit can say: `noun.past` names, stored and exported exactly as spelled here."""

from enum import StrEnum


class AuditAction(StrEnum):
    """Something that somebody did, saw or was refused. A name, once used, never changes its meaning."""

    CASE_OPENED = "case.opened"  # a case was opened for one person
    CASE_READ = "case.read"  # the plain, unsealed part of a case was shown
    CASE_CLOSED = "case.closed"  # case work ended, with its reason
    CASE_REOPENED = "case.reopened"  # case work began again
    PERSON_RECORDED = "person.recorded"  # coded attributes of the person were recorded or changed
    COMPARTMENT_SEALED = "compartment.sealed"  # a compartment was written; `details` carry the fingerprint of the seal
    COMPARTMENT_REVEALED = "compartment.revealed"  # a compartment is about to be shown in the clear
    CONTACT_LOGGED = "contact.logged"  # a conversation with a hotline or front desk was logged
    CONTACT_CALLED_BACK = "contact.called_back"  # a due callback was made or tried
    SCREENING_RECORDED = "screening.recorded"  # a screening, the rule's finding and the assessor's result
    DECISION_RECORDED = "decision.recorded"  # an identification decision of an NGO or of the state
    CONSENT_RECORDED = "consent.recorded"  # a consent was given, refused or narrowed
    CONSENT_WITHDRAWN = "consent.withdrawn"  # the person took a consent back
    COOPERATION_RECORDED = "cooperation.recorded"  # whether the person co-operates with law enforcement
    ASSESSMENT_RECORDED = "assessment.recorded"  # needs or danger were assessed
    STEP_COMPLETED = "step.completed"  # a step of a SOP was completed
    REFERRAL_DRAFTED = "referral.drafted"  # a referral was prepared; nobody else knows yet
    REFERRAL_SENT = "referral.sent"  # a referral went to the queue of the receiving organisation
    REFERRAL_RECEIVED = "referral.received"  # the receiving organisation took note
    REFERRAL_INFO_REQUESTED = "referral.info_requested"  # the receiving organisation asked a question
    REFERRAL_ANSWERED = "referral.answered"  # the sending organisation answered it
    REFERRAL_WAITLISTED = "referral.waitlisted"  # the receiving organisation has no room yet
    REFERRAL_ACCEPTED = "referral.accepted"  # the receiving organisation accepted; its package opens
    REFERRAL_DECLINED = "referral.declined"  # the provider or the person said no
    REFERRAL_STARTED = "referral.started"  # the service began
    REFERRAL_COMPLETED = "referral.completed"  # the service ended, with its outcome
    REFERRAL_FAILED = "referral.failed"  # an accepted referral could not be carried out
    REFERRAL_REVOKED = "referral.revoked"  # the sending organisation took it back before acceptance
    REFERRAL_WITHDRAWN = "referral.withdrawn"  # the person withdrew it
    REFERRAL_EXPIRED = "referral.expired"  # nobody answered in time
    REFERRAL_ENTERED_IN_ERROR = "referral.entered_in_error"  # the sending organisation marked it as a mistake
    REFERRAL_STATUS_READ = "referral.status_read"  # the status of a referral was asked by its reference
    PACKAGE_REVEALED = "package.revealed"  # the package of a referral is about to be shown in the clear
    NOTES_REVEALED = "notes.revealed"  # a question or an answer about a referral is about to be shown in the clear
    PACKAGE_PURGED = "package.purged"  # the package's keys were destroyed
    SERVICE_STARTED = "service.started"  # a service episode began
    SERVICE_ENDED = "service.ended"  # a service episode ended, with its outcome
    DEADLINE_BREACHED = "deadline.breached"  # the clock found a step or an answer overdue and escalated it
    WALL_RAISED = "wall.raised"  # an organisation or a member of staff was put behind a conflict wall
    ACCESS_DENIED = "access.denied"  # a request was refused; `rule` says by what
    ORGANISATION_RECORDED = "organisation.recorded"  # a directory entry was made or changed
    WEBHOOK_REGISTERED = "webhook.registered"  # an organisation asked to be told of events at an address of its own
    WEBHOOK_CHANGED = "webhook.changed"  # it was paused, resumed or ended
    WEBHOOK_ROTATED = "webhook.rotated"  # a new signing key was begun
    WEBHOOK_REPLAYED = "webhook.replayed"  # dead letters were offered again
    MEMBERSHIP_RECORDED = "membership.recorded"  # a person of staff received, changed or lost a role
