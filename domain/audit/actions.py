"""What the audit can say: `noun.past` names, stored and exported exactly as spelled here."""

from enum import StrEnum


class AuditAction(StrEnum):
    """Something that somebody did, saw or was refused. A name, once used, never changes its meaning.

    What shows something is named so that `is_opening` tells: `…read` or `…revealed`.
    """

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
    EXPLOITATION_RECORDED = "exploitation.recorded"  # a version of an exploitation episode was recorded
    CLASSIFICATION_RECORDED = "classification.recorded"  # what the person, an agency or the law calls it, or counts as
    TERMS_RECORDED = "terms.recorded"  # what was planned for a service, and whether a certificate was issued
    COST_RECORDED = "cost.recorded"  # a cost of a service was recorded or taken back
    AWARD_ASKED = "award.asked"  # the Emergency Fund was asked
    AWARD_DECIDED = "award.decided"  # an award was granted or declined
    AWARD_PAID = "award.paid"  # a granted award was paid
    STEP_COMPLETED = "step.completed"  # a step of a SOP was completed
    COURSE_OPENED = "course.opened"  # proceedings, rehabilitation or a stay began to be recorded beside a case
    COURSE_READ = "course.read"  # what is recorded of a course was shown
    COURSE_RECORDED = "course.recorded"  # a step of a course was done, or something happened in it
    COURSE_CLOSED = "course.closed"  # a course ended
    COURSE_REOPENED = "course.reopened"  # a course was taken up again
    PLAN_RECORDED = "plan.recorded"  # a new version of an individual plan
    PLAN_SERVICE_GIVEN = "plan.service_given"  # a service episode was linked to the plan that asked for it
    COMMISSION_ASKED = "commission.asked"  # a plan was put to the special commission, without who the person is
    COMMISSION_DECIDED = "commission.decided"  # the special commission said something to a plan
    COMMISSION_READ = "commission.read"  # the commission looked at what was put to it
    REASONS_REVEALED = "reasons.revealed"  # the reasons of a commission are about to be shown in the clear
    FOLLOW_UP_PLANNED = "follow_up.planned"  # a day was set on which the person is asked how they are
    FOLLOW_UP_RECORDED = "follow_up.recorded"  # what the person answered, or that they were not reached
    COMPENSATION_RECORDED = "compensation.recorded"  # compensation was claimed, awarded, refused or paid
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
    DISCLOSURES_READ = "disclosures.read"  # who saw what, and why, was shown so that the person can be told
    SHARING_ENDED = "sharing.ended"  # the consent or the other basis of a disclosure expired; the service goes on
    PACKAGE_PURGED = "package.purged"  # the package's keys were destroyed
    SERVICE_STARTED = "service.started"  # a service episode began
    SERVICE_ENDED = "service.ended"  # a service episode ended, with its outcome
    DEADLINE_BREACHED = "deadline.breached"  # the clock found a step or an answer overdue and escalated it
    WALL_RAISED = "wall.raised"  # an organisation or a member of staff was put behind a conflict wall
    OPENINGS_READ = "openings.read"  # who leads the case asked who had opened it
    CHECKPOINT_COSIGNED = "checkpoint.cosigned"  # a witness signed a head of the tree over the audit
    WALL_LIFTED = "wall.lifted"  # who leads the case took a conflict wall away
    ACCESS_DENIED = "access.denied"  # a request was refused; `rule` says by what
    CONTACT_LINKED = "contact.linked"  # a contact was said to be about a case that exists
    CASE_HANDED_OVER = "case.handed_over"  # the leading organisation closed or was suspended; another leads the case
    REFERRAL_REROUTED = "referral.rerouted"  # the receiving organisation closed; the referral went to another queue
    REFERRAL_REASSIGNED = "referral.reassigned"  # the sending organisation left; who leads the case answers for it
    CONTACT_HANDED_OVER = "contact.handed_over"  # a due callback went to another organisation
    ESCALATION_RAISED = "escalation.raised"  # a case, referral or callback is without a responsible organisation
    ESCALATION_ASSIGNED = "escalation.assigned"  # the coordinator named a new organisation for it
    ESCALATION_SETTLED = "escalation.settled"  # somebody is responsible again
    FIGURE_ENTERED = "figure.entered"  # a published figure was entered by hand, or corrected
    ORGANISATION_RECORDED = "organisation.recorded"  # a directory entry was made or changed
    WEBHOOK_REGISTERED = "webhook.registered"  # an organisation asked to be told of events at an address of its own
    WEBHOOK_CHANGED = "webhook.changed"  # it was paused, resumed or ended
    WEBHOOK_ROTATED = "webhook.rotated"  # a new signing key was begun
    WEBHOOK_REPLAYED = "webhook.replayed"  # dead letters were offered again
    MEMBERSHIP_RECORDED = "membership.recorded"  # a person of staff received, changed or lost a role
    CAPACITY_ASKED = "capacity.asked"  # a provider was asked whether it could take somebody; kept with the case
    CAPACITY_ANSWERED = "capacity.answered"  # the provider answered; kept with the provider, who knows no case
    CAPACITY_CLOSED = "capacity.closed"  # the asking organisation needs no answer any more
    PLACE_RECORDED = "place.recorded"  # a shelter place was added or changed
    PLACEMENT_RESERVED = "placement.reserved"  # places were reserved for an accepted referral
    PLACEMENT_OCCUPIED = "placement.occupied"  # the person was admitted to the reserved places
    PLACEMENT_LEFT = "placement.left"  # the stay ended and its places are free
    GLASS_BROKEN = "glass.broken"  # somebody asked for emergency access; also kept where no such case was found
    GLASS_REVIEWED = "glass.reviewed"  # the independent body said whether it was justified
    GLASS_SUSPENDED = "glass.suspended"  # nobody reviewed it in time: the right is gone until somebody does
    GLASS_RESTORED = "glass.restored"  # two agreed that somebody may break the glass again
    APPROVAL_REQUESTED = "approval.requested"  # somebody asked another organisation to agree to an act
    APPROVAL_DECIDED = "approval.decided"  # somebody of another organisation agreed or refused
    APPROVAL_EXECUTED = "approval.executed"  # the act was done; its approval is spent
    ACCOUNT_REVEALED = "account.revealed"  # why the glass was broken is about to be shown in the clear
    PLACEMENT_RELEASED = "placement.released"  # reserved places were given back before admission
