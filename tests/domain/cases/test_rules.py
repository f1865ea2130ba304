"""What is derived of a case: its axes and the facts that its procedure reads."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import SQLModel

from domain.cases.models import Case, Cooperation, StepCompletion
from domain.cases.rules import (
    CaseRecord,
    age,
    decided,
    documents,
    facts,
    identification,
    last_instant,
    migration_status,
    origin,
    referral_fact,
    support,
)
from domain.codes import (
    CHILD_BANDS,
    NOT_KNOWN,
    SUPPORT_SERVICES,
    AgeBand,
    CaseWork,
    Danger,
    DecisionBody,
    Identification,
    Known,
    MigrationStatus,
    Outcome,
    ReferralStatus,
    ScreeningResult,
    Service,
    Support,
)
from domain.codes import DecisionOutcome as O
from domain.persons.models import Person
from domain.referrals.models import Referral
from domain.screenings.models import Assessment, IdentificationDecision, Screening
from domain.services.models import ServiceEpisode
from domain.workflow.facts import CASE, CRIMINAL_FACTS, REFERRAL_FACTS


def made(model: type[SQLModel], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return unstored records with these fields."""
    return st.fixed_dictionaries(fields).map(lambda values: model(**values))


START = datetime(2026, 11, 2, 3, tzinfo=UTC)
instants = st.integers(0, 500).map(lambda hours: START + timedelta(hours=hours))
ids = st.integers(1, 4).map(lambda number: UUID(int=number))
decisions = made(
    IdentificationDecision,
    body=st.sampled_from(list(DecisionBody)),
    outcome=st.sampled_from(list(O)),
    recorded_at=instants,
)
referrals = made(
    Referral,
    id=ids,
    service=st.sampled_from(list(Service)),
    status=st.sampled_from(list(ReferralStatus)),
    created_at=instants,
    changed_at=instants,
)
episodes = made(
    ServiceEpisode,
    service=st.sampled_from(list(Service)),
    referral_id=st.none() | ids,
    started_at=instants,
    ended_at=st.none() | instants,
    outcome=st.none() | st.sampled_from(list(Outcome)),
)
persons = made(
    Person,
    age_band=st.sampled_from([*AgeBand, *sorted(NOT_KNOWN)]),
    age_disputed=st.booleans(),
    citizenships=st.lists(st.sampled_from(["KG", "UZ", *sorted(NOT_KNOWN)]), min_size=1, max_size=2),
    migration_status=st.sampled_from([*MigrationStatus, *sorted(NOT_KNOWN)]),
    documents_held=st.sampled_from(list(Known)),
    age_changed_at=instants,
)
records = st.builds(
    CaseRecord,
    case=made(
        Case, country=st.just("KG"), case_work=st.sampled_from(list(CaseWork)), opened_at=instants, closed_at=st.none()
    ),
    person=persons,
    screenings=st.lists(
        made(Screening, result=st.sampled_from(list(ScreeningResult)), recorded_at=instants), max_size=2
    ),
    assessments=st.lists(made(Assessment, danger=st.sampled_from(list(Danger)), recorded_at=instants), max_size=2),
    decisions=st.lists(decisions, max_size=5),
    consents=st.just([]),
    cooperations=st.lists(made(Cooperation, willing=st.sampled_from(list(Known)), recorded_at=instants), max_size=2),
    completions=st.lists(
        made(StepCompletion, step=st.sampled_from(["inform-of-rights", "notify-anonymously"]), completed_at=instants),
        max_size=2,
    ),
    referrals=st.lists(referrals, max_size=4),
    episodes=st.lists(episodes, max_size=4),
)


@given(persons)
def test_nobody_counts_as_an_adult_while_their_age_is_unknown_or_disputed(person: Person) -> None:
    found = age(person)
    assert (found == "adult") == (
        not person.age_disputed and person.age_band not in NOT_KNOWN and person.age_band not in CHILD_BANDS
    )
    if person.age_band in CHILD_BANDS and not person.age_disputed:
        assert found == "child"


@given(st.lists(decisions, max_size=6), decisions)
def test_neither_body_overwrites_the_other(said: list[IdentificationDecision], more: IdentificationDecision) -> None:
    other = DecisionBody.STATE if more.body == DecisionBody.NGO else DecisionBody.NGO
    assert decided([*said, more], other) == decided(said, other)


@given(st.lists(decisions, max_size=6), st.sampled_from(list(DecisionBody)))
def test_a_suspension_leaves_what_was_said_before(said: list[IdentificationDecision], body: DecisionBody) -> None:
    later = IdentificationDecision(body=body, outcome=O.SUSPENDED, recorded_at=START)
    assert decided([*said, later], body) == decided(said, body)


@pytest.mark.parametrize(
    ("outcome", "value"),
    [
        (O.POSSIBLE_VICTIM, "positive"),
        (O.ACTUAL_VICTIM, "positive"),
        (O.NOT_A_VICTIM, "negative"),
        (O.IN_REVIEW, "in_review"),
    ],
)
def test_the_latest_word_of_a_body_counts(outcome: O, value: str) -> None:
    first = IdentificationDecision(body=DecisionBody.STATE, outcome=O.NOT_A_VICTIM, recorded_at=START)
    last = IdentificationDecision(body=DecisionBody.STATE, outcome=outcome, recorded_at=START + timedelta(hours=1))
    assert decided([first, last], DecisionBody.STATE) == (value, last.recorded_at)
    assert decided([], DecisionBody.STATE) == ("none", None)


@given(records)
def test_one_positive_finding_is_enough_and_a_refusal_is_never_named(record: CaseRecord) -> None:
    found = identification(record)
    if any(done.step == "notify-anonymously" for done in record.completions):
        assert found == Identification.ANONYMOUS_NOTIFICATION
        return
    final = {one.body: one.outcome for one in record.decisions if one.outcome not in {O.SUSPENDED, O.IN_REVIEW}}
    if O.ACTUAL_VICTIM in final.values():
        assert found == Identification.IDENTIFIED
    elif O.POSSIBLE_VICTIM in final.values():
        assert found == Identification.PRESUMED
    elif final:
        assert found == Identification.NOT_A_VICTIM
    else:
        assert found == (Identification.SCREENED if record.screenings else Identification.REPORTED)


@given(record=records, other=records)
def test_the_support_axis_reads_neither_decisions_nor_co_operation_nor_origin(
    record: CaseRecord, other: CaseRecord
) -> None:
    changed = replace(
        record, decisions=other.decisions, cooperations=other.cooperations, person=other.person, consents=other.consents
    )
    now = START + timedelta(days=30)
    assert facts(changed, now).values["support"] == facts(record, now).values["support"]


@given(record=records, willing=st.lists(st.sampled_from(list(Known)), max_size=3))
def test_co_operation_changes_its_own_fact_alone(record: CaseRecord, willing: list[Known]) -> None:
    now = START + timedelta(days=30)
    flipped = replace(record, cooperations=[Cooperation(willing=one, recorded_at=now) for one in willing])
    before, after = facts(record, now), facts(flipped, now)
    assert {name for name in before.values if before.values[name] != after.values[name]} <= CRIMINAL_FACTS
    assert {name for name in before.since if before.since.get(name) != after.since.get(name)} <= CRIMINAL_FACTS


@given(records)
def test_every_fact_has_a_value_of_the_vocabulary(record: CaseRecord) -> None:
    found = facts(record, START + timedelta(days=30)).values
    for fact in CASE.facts:
        assert found[fact.name] in fact.values, fact.name


@pytest.mark.parametrize(
    ("referral", "episode", "axis"),
    [
        (None, None, Support.NONE),
        ({"status": ReferralStatus.SENT}, None, Support.REQUESTED),
        ({"status": ReferralStatus.ACCEPTED}, None, Support.REQUESTED),
        ({"status": ReferralStatus.DRAFT}, None, Support.NONE),
        ({"status": ReferralStatus.DECLINED}, None, Support.NONE),
        ({"status": ReferralStatus.WITHDRAWN_BY_PERSON}, None, Support.STOPPED),
        ({"status": ReferralStatus.IN_SERVICE}, {}, Support.RECEIVING),
        ({"status": ReferralStatus.COMPLETED}, {"ended_at": START, "outcome": Outcome.PARTIAL}, Support.COMPLETED),
        ({"status": ReferralStatus.FAILED}, {"ended_at": START, "outcome": Outcome.MOVED}, Support.STOPPED),
        ({"status": ReferralStatus.ENTERED_IN_ERROR}, {"ended_at": START, "outcome": Outcome.FULL}, Support.NONE),
        (None, {"ended_at": START, "outcome": Outcome.FULL, "referral_id": None}, Support.COMPLETED),
    ],
)
def test_the_support_axis_follows_referrals_and_episodes(
    referral: dict[str, Any] | None, episode: dict[str, Any] | None, axis: Support
) -> None:
    asked = [Referral(id=UUID(int=1), service=Service.SHELTER, **referral)] if referral else []
    same = {"service": Service.SHELTER, "referral_id": UUID(int=1), "started_at": START}
    given_ = [ServiceEpisode(**{**same, **episode})] if episode is not None else []
    assert support(asked, given_) == axis


@given(st.lists(referrals, max_size=4), st.lists(episodes, max_size=4))
def test_case_management_and_the_states_own_procedures_are_no_support(
    asked: list[Referral], given_: list[ServiceEpisode]
) -> None:
    others = [one for one in asked if one.service not in SUPPORT_SERVICES]
    assert support(others, [one for one in given_ if one.service not in SUPPORT_SERVICES]) == Support.NONE


@given(st.lists(referrals, max_size=5), st.sampled_from(sorted(REFERRAL_FACTS)))
def test_the_latest_referral_that_counts_decides_its_fact(asked: list[Referral], service: Service) -> None:
    uncounted = {ReferralStatus.DRAFT, ReferralStatus.ENTERED_IN_ERROR}
    counted = [one for one in asked if one.service == service and one.status not in uncounted]
    value, since = referral_fact(asked, service)
    assert (value == "none") == (not counted)
    if counted:
        assert since == counted[-1].changed_at
        assert (value == "accepted") == (counted[-1].status in {ReferralStatus.ACCEPTED, ReferralStatus.IN_SERVICE})


@pytest.mark.parametrize(
    ("person", "found"),
    [
        ({"citizenships": ["KG", "RU"]}, "national"),
        ({"citizenships": ["UZ"]}, "foreign"),
        ({"citizenships": ["not_asked"]}, "unknown"),
        ({"citizenships": ["UZ"], "migration_status": MigrationStatus.STATELESS}, "stateless"),
    ],
)
def test_origin_is_seen_from_the_country_of_the_case(person: dict[str, Any], found: str) -> None:
    assert origin(Person(**{"migration_status": "unknown", **person}), "KG") == found


def test_what_is_not_known_of_status_and_papers_stays_unknown() -> None:
    statuses = [*MigrationStatus, *sorted(NOT_KNOWN)]
    found = {str(one): migration_status(Person(migration_status=one)) for one in statuses}
    assert {one for one, value in found.items() if value == "unknown"} == {*NOT_KNOWN, "stateless"}
    assert found["national"] == "not_applicable"
    papers = {one: documents(Person(documents_held=one)) for one in Known}
    assert {one for one, value in papers.items() if value == "unknown"} == set(Known) - {Known.YES, Known.NO}


def test_the_last_of_no_instants_is_none() -> None:
    assert last_instant([]) is None
    assert last_instant([START, START - timedelta(days=1)]) == START
