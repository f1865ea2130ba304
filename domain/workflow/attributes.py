"""The coded attributes of a person that are stored in plain: each must have a class of keeping. Pure.

The data inventory names the same; a test compares the two.
"""

from collections.abc import Mapping
from types import MappingProxyType

CODED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "assessments": ("danger", "needs"),
        "attachments": ("format",),
        "awards": ("population", "ground", "refusal"),
        "break_glasses": ("reason", "outcome"),
        "capacity_questions": ("age_band", "sex", "languages", "children"),
        "case_walls": ("reason",),
        "cases": ("entry_channel", "victim_type", "closure_reason"),
        "classifications": ("kind", "code", "body", "said_on"),
        "commission_records": ("services", "outcome", "decided_on"),
        "compensation_records": ("stage", "amount", "currency", "on_day"),
        "consents": ("giver", "decision", "purposes", "compartments", "obtained", "language", "informed_of"),
        "contacts": ("channel", "language", "topic", "country_of_interest", "heard_of_us", "anonymous", "outcome"),
        "cooperations": ("willing",),
        "course_facts": ("fact", "value", "on_day"),
        "courses": ("subject",),
        "exploitation_episodes": (
            "types",
            "industries",
            "sexual_types",
            "means_of_control",
            "recruitment_methods",
            "recruitment_platforms",
            "exploitation_platforms",
            "recruiter_relations",
            "recruitment_countries",
            "transit_countries",
            "exploitation_countries",
            "movement",
            "age_when_trafficked",
            "still_going_on",
            "began",
            "ended",
            "duration",
        ),
        "follow_ups": ("due_on", "asked_on", "reached", "work", "income", "living_standard", "would_refer"),
        "identification_decisions": ("body", "outcome", "legal_basis"),
        "persons": (
            "sex",
            "gender",
            "age_band",
            "age_disputed",
            "citizenships",
            "migration_status",
            "documents_held",
            "languages",
            "disability",
        ),
        "plan_versions": ("status", "services", "review_on", "agreed_by"),
        "referral_events": ("reason", "declined_by"),
        "referrals": ("purpose", "basis", "age_band", "sex", "languages", "outcome"),
        "retention_holds": ("ground",),
        "screenings": ("hits", "dimensions", "rule_indicated", "result"),
        "service_costs": ("funding_source",),
        "service_episodes": ("service", "outcome"),
        "service_terms": ("certificate",),
        "subject_requests": ("kind", "made_by", "ground"),
    }
)
"""Columns that hold coded attributes, by table."""

FORGETTABLE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "assessments": frozenset({"needs"}),
        "capacity_questions": frozenset({"languages", "children"}),
        "classifications": frozenset({"said_on"}),
        "commission_records": frozenset({"decided_on"}),
        "compensation_records": frozenset({"on_day"}),
        "consents": frozenset({"language"}),
        "contacts": frozenset({"language", "country_of_interest"}),
        "course_facts": frozenset({"on_day"}),
        "exploitation_episodes": frozenset(
            {
                "industries",
                "sexual_types",
                "means_of_control",
                "recruitment_methods",
                "recruitment_platforms",
                "exploitation_platforms",
                "recruiter_relations",
                "recruitment_countries",
                "transit_countries",
                "began",
                "ended",
                "duration",
            }
        ),
        "persons": frozenset(
            {"gender", "citizenships", "migration_status", "documents_held", "languages", "disability"}
        ),
        "plan_versions": frozenset({"review_on"}),
        "referrals": frozenset({"languages"}),
        "screenings": frozenset({"hits"}),
    }
)
"""Those that `nrm_forget` (migration 0012) can make unknown; the others can only be kept."""
