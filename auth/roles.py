"""Which role may do what: verbs only. On which records stands in `policies.py`."""

from enum import StrEnum

from domain.codes import Role


class Permission(StrEnum):
    """One verb of the service, `noun:verb`."""

    DIRECTORY_READ = "directory:read"
    CONTACT_LOG = "contact:log"
    CONTACT_READ = "contact:read"
    CONTACT_CALL_BACK = "contact:call_back"
    CONTACT_REVEAL = "contact:reveal"
    CONTACT_LINK = "contact:link"
    CASE_OPEN = "case:open"
    CASE_READ = "case:read"
    CASE_WORK = "case:work"
    CASE_CLOSE = "case:close"
    PERSON_RECORD = "person:record"
    COMPARTMENT_SEAL = "compartment:seal"
    COMPARTMENT_REVEAL = "compartment:reveal"
    WALL_RAISE = "wall:raise"
    SCREENING_RECORD = "screening:record"
    ASSESSMENT_RECORD = "assessment:record"
    DECISION_RECORD = "decision:record"
    CONSENT_RECORD = "consent:record"
    EXPLOITATION_RECORD = "exploitation:record"
    CLASSIFICATION_RECORD = "classification:record"
    DISCLOSURES_READ = "disclosures:read"
    AWARD_ASK = "award:ask"
    AWARD_READ = "award:read"
    AWARD_DECIDE = "award:decide"
    COOPERATION_RECORD = "cooperation:record"
    RECORD_READ = "record:read"
    COURSE_OPEN = "course:open"
    COURSE_READ = "course:read"
    COURSE_RECORD = "course:record"
    COMMISSION_READ = "commission:read"
    COMMISSION_DECIDE = "commission:decide"
    COMMISSION_REASONS = "commission:reasons"
    REFERRAL_SEND = "referral:send"
    REFERRAL_READ = "referral:read"
    REFERRAL_REVOKE = "referral:revoke"
    REFERRAL_WITHDRAW = "referral:withdraw"
    REFERRAL_HANDLE = "referral:handle"
    PACKAGE_REVEAL = "package:reveal"
    REFERRAL_STATUS_READ = "referral_status:read"
    REFERRALS_OVERDUE_READ = "referrals_overdue:read"
    NOTES_REVEAL = "notes:reveal"
    EPISODE_READ = "episode:read"
    EPISODE_RECORD = "episode:record"
    CAPACITY_ASK = "capacity:ask"
    CAPACITY_READ = "capacity:read"
    CAPACITY_ANSWER = "capacity:answer"
    PLACE_KEEP = "place:keep"
    NOTIFICATION_READ = "notification:read"
    CASELOAD_READ = "caseload:read"
    DASHBOARD_READ = "dashboard:read"
    FUNNEL_READ = "funnel:read"
    RELEASE_PREPARE = "release:prepare"
    CANDIDATE_READ = "candidate:read"
    CANDIDATE_APPROVE = "candidate:approve"
    CALLBACKS_COUNT = "callbacks:count"
    ESCALATION_READ = "escalation:read"
    ESCALATION_ASSIGN = "escalation:assign"
    FIGURE_READ = "figure:read"
    FIGURE_ENTER = "figure:enter"
    INDICATOR_READ = "indicator:read"
    WEBHOOK_KEEP = "webhook:keep"
    OPENINGS_READ = "openings:read"
    AUDIT_WATCH = "audit:watch"
    GLASS_BREAK = "glass:break"
    GLASS_READ = "glass:read"
    GLASS_OPEN = "glass:open"
    GLASS_REVIEW = "glass:review"
    GLASS_RESTORE = "glass:restore"
    APPROVAL_REQUEST = "approval:request"
    APPROVAL_READ = "approval:read"
    APPROVAL_DECIDE = "approval:decide"
    SUBJECT_REQUEST_ANSWER = "subject_request:answer"
    RETENTION_HOLD = "retention:hold"
    ERASURE_READ = "erasure:read"
    DUPLICATE_ANSWER = "duplicate:answer"


_EVERYBODY = frozenset({Permission.DIRECTORY_READ, Permission.FIGURE_READ})
_CASE_WORK = frozenset(
    {
        Permission.CASE_OPEN,
        Permission.CASE_READ,
        Permission.CASE_WORK,
        Permission.CASE_CLOSE,
        Permission.CASELOAD_READ,
        Permission.PERSON_RECORD,
        Permission.COMPARTMENT_SEAL,
        Permission.COMPARTMENT_REVEAL,
        Permission.WALL_RAISE,
        Permission.SCREENING_RECORD,
        Permission.ASSESSMENT_RECORD,
        Permission.CONSENT_RECORD,
        Permission.EXPLOITATION_RECORD,
        Permission.CLASSIFICATION_RECORD,
        Permission.DISCLOSURES_READ,
        Permission.AWARD_ASK,
        Permission.AWARD_READ,
        Permission.COOPERATION_RECORD,
        Permission.RECORD_READ,
        Permission.REFERRAL_SEND,
        Permission.REFERRAL_READ,
        Permission.REFERRAL_REVOKE,
        Permission.REFERRAL_WITHDRAW,
        Permission.REFERRAL_STATUS_READ,
        Permission.NOTES_REVEAL,
        Permission.EPISODE_READ,
        Permission.CAPACITY_ASK,
        Permission.CAPACITY_READ,
        Permission.NOTIFICATION_READ,
        Permission.WEBHOOK_KEEP,
        Permission.OPENINGS_READ,
        Permission.ERASURE_READ,
    }
)
_OF_THE_PERSON = frozenset({Permission.SUBJECT_REQUEST_ANSWER, Permission.RETENTION_HOLD})
_RECEIVING = frozenset(
    {
        Permission.CASE_READ,
        Permission.CASELOAD_READ,
        Permission.REFERRAL_READ,
        Permission.REFERRAL_HANDLE,
        Permission.REFERRAL_WITHDRAW,
        Permission.PACKAGE_REVEAL,
        Permission.REFERRAL_STATUS_READ,
        Permission.NOTES_REVEAL,
        Permission.EPISODE_READ,
        Permission.EPISODE_RECORD,
        Permission.CAPACITY_READ,
        Permission.CAPACITY_ANSWER,
        Permission.NOTIFICATION_READ,
        Permission.WEBHOOK_KEEP,
    }
)
_CONTACTS = frozenset(
    {
        Permission.CONTACT_LOG,
        Permission.CONTACT_READ,
        Permission.CONTACT_CALL_BACK,
        Permission.CONTACT_REVEAL,
        Permission.CONTACT_LINK,
    }
)
_COURSES = frozenset({Permission.COURSE_OPEN, Permission.COURSE_READ, Permission.COURSE_RECORD})

_EMERGENCY = frozenset({Permission.GLASS_BREAK, Permission.GLASS_READ, Permission.GLASS_OPEN})
"""Of every role that may meet a risk to life; for which compartments stands in the country's data."""

_REVIEW = frozenset(
    {Permission.GLASS_READ, Permission.GLASS_REVIEW, Permission.GLASS_RESTORE, Permission.NOTIFICATION_READ}
)
_TWO = frozenset({Permission.APPROVAL_REQUEST, Permission.APPROVAL_READ, Permission.APPROVAL_DECIDE})
"""Of the roles that open no case: who could gain from an act has no voice in it."""

_SIGNS = frozenset({Permission.CANDIDATE_READ, Permission.CANDIDATE_APPROVE})
"""Of those who answer for what is published; never for what they, or their organisation, prepared."""

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.HOTLINE_OPERATOR: _EVERYBODY | _CASE_WORK | _CONTACTS | _EMERGENCY | {Permission.INDICATOR_READ},
    Role.NGO_CASEWORKER: _EVERYBODY
    | _CASE_WORK
    | _RECEIVING
    | _CONTACTS
    | _COURSES
    | _EMERGENCY
    | _OF_THE_PERSON
    | {
        Permission.DECISION_RECORD,
        Permission.COMMISSION_REASONS,
        Permission.PLACE_KEEP,
        Permission.DUPLICATE_ANSWER,
    },
    Role.POLICE_OFFICER: _EVERYBODY
    | _CASE_WORK
    | _RECEIVING
    | _COURSES
    | _EMERGENCY
    | _OF_THE_PERSON
    | {Permission.DECISION_RECORD, Permission.DUPLICATE_ANSWER, Permission.INDICATOR_READ},
    Role.MIGRATION_OFFICER: _EVERYBODY
    | _CASE_WORK
    | _OF_THE_PERSON
    | _RECEIVING
    | {
        Permission.DECISION_RECORD,
        Permission.COMMISSION_READ,
        Permission.COMMISSION_DECIDE,
        Permission.DUPLICATE_ANSWER,
        Permission.INDICATOR_READ,
    },
    Role.SHELTER_STAFF: _EVERYBODY | _RECEIVING | _COURSES | _EMERGENCY | {Permission.PLACE_KEEP},
    Role.FOCAL_POINT: _EVERYBODY | _SIGNS | {Permission.REFERRAL_STATUS_READ, Permission.REFERRALS_OVERDUE_READ},
    Role.MONITORING_STAFF: _EVERYBODY | _REVIEW | _TWO | _SIGNS | {Permission.AUDIT_WATCH, Permission.RELEASE_PREPARE},
    Role.COORDINATOR: _EVERYBODY
    | _EMERGENCY
    | _TWO
    | _SIGNS
    | {
        Permission.RELEASE_PREPARE,
        Permission.REFERRAL_STATUS_READ,
        Permission.REFERRALS_OVERDUE_READ,
        Permission.NOTIFICATION_READ,
        Permission.DASHBOARD_READ,
        Permission.FUNNEL_READ,
        Permission.AWARD_READ,
        Permission.AWARD_DECIDE,
        Permission.CALLBACKS_COUNT,
        Permission.ESCALATION_READ,
        Permission.ESCALATION_ASSIGN,
        Permission.FIGURE_ENTER,
        Permission.INDICATOR_READ,
        Permission.WEBHOOK_KEEP,
        Permission.AUDIT_WATCH,
    },
}


def may(role: Role, permission: Permission) -> bool:
    """Whether the role has the verb at all."""
    return permission in PERMISSIONS[role]
