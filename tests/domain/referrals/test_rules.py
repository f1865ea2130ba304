"""The life cycle of a referral, every pair of a status and an act."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.codes import Outcome, Priority, RefusalReason
from domain.codes import ReferralStatus as S
from domain.errors import StateConflict
from domain.referrals.rules import (
    AFTER_ACCEPTANCE,
    BEFORE_ACCEPTANCE,
    FHIR_TASK_STATUS,
    OVER,
    TRANSITIONS,
    Act,
    Side,
    at_least_as_urgent,
    moved,
    outcome_of,
)

WAITING = (S.RECEIVED, S.INFO_REQUESTED, S.WAITLISTED)
ALLOWED: dict[tuple[S, Act], S] = {
    (S.DRAFT, Act.SEND): S.SENT,
    (S.SENT, Act.RECEIVE): S.RECEIVED,
    (S.RECEIVED, Act.ASK): S.INFO_REQUESTED,
    (S.WAITLISTED, Act.ASK): S.INFO_REQUESTED,
    (S.INFO_REQUESTED, Act.ANSWER): S.RECEIVED,
    (S.RECEIVED, Act.WAITLIST): S.WAITLISTED,
    (S.INFO_REQUESTED, Act.WAITLIST): S.WAITLISTED,
    **{(status, Act.ACCEPT): S.ACCEPTED for status in WAITING},
    **{(status, Act.DECLINE): S.DECLINED for status in WAITING},
    (S.ACCEPTED, Act.START): S.IN_SERVICE,
    (S.IN_SERVICE, Act.COMPLETE): S.COMPLETED,
    (S.ACCEPTED, Act.FAIL): S.FAILED,
    (S.IN_SERVICE, Act.FAIL): S.FAILED,
    **{(status, Act.REVOKE): S.REVOKED_BY_SENDER for status in (S.DRAFT, S.SENT, *WAITING)},
    **{(status, Act.EXPIRE): S.EXPIRED for status in (S.SENT, *WAITING)},
    **{(status, Act.REROUTE): S.SENT for status in (S.SENT, *WAITING, S.ACCEPTED, S.IN_SERVICE)},
    **{(status, Act.ABANDON): S.FAILED for status in (S.SENT, *WAITING, S.ACCEPTED, S.IN_SERVICE)},
    **{
        (status, Act.WITHDRAW): S.WITHDRAWN_BY_PERSON
        for status in (S.DRAFT, S.SENT, *WAITING, S.ACCEPTED, S.IN_SERVICE)
    },
    **{(status, Act.MARK_IN_ERROR): S.ENTERED_IN_ERROR for status in S if status != S.ENTERED_IN_ERROR},
}
"""Written out a second time, from the table of who may do what in the design."""

WHOSE = {
    Side.SENDER: {Act.SEND, Act.ANSWER, Act.REVOKE, Act.MARK_IN_ERROR},
    Side.RECEIVER: {Act.RECEIVE, Act.ASK, Act.WAITLIST, Act.ACCEPT, Act.DECLINE, Act.START, Act.COMPLETE, Act.FAIL},
    Side.PERSON: {Act.WITHDRAW},
    Side.CLOCK: {Act.EXPIRE, Act.REROUTE, Act.ABANDON},
}


@pytest.mark.parametrize("status", list(S))
@pytest.mark.parametrize("act", list(Act))
def test_an_act_is_possible_exactly_where_the_table_says(status: S, act: Act) -> None:
    if (status, act) in ALLOWED:
        assert moved(status, act).target == ALLOWED[status, act]
        return
    with pytest.raises(StateConflict) as refused:
        moved(status, act)
    assert refused.value.details == {"current": str(status), "act": str(act)}


def test_every_act_belongs_to_one_side() -> None:
    assert {act: moved.side for act, moved in TRANSITIONS.items()} == {
        act: side for side, acts in WHOSE.items() for act in acts
    }


@given(acts=st.lists(st.sampled_from(list(Act)), max_size=12))
def test_what_is_over_stays_over_and_can_only_be_marked_as_an_error(acts: list[Act]) -> None:
    status, ended = S.DRAFT, False
    for act in acts:
        try:
            status = moved(status, act).target
        except StateConflict:
            continue
        assert not ended or status == S.ENTERED_IN_ERROR
        ended = ended or status in OVER


def test_after_acceptance_nobody_but_the_person_and_the_receiver_ends_it() -> None:
    for status in AFTER_ACCEPTANCE:
        for act in WHOSE[Side.SENDER] - {Act.MARK_IN_ERROR}:
            with pytest.raises(StateConflict):
                moved(status, act)


def test_the_person_may_withdraw_at_any_time_before_the_end() -> None:
    assert {status for status in S if (status, Act.WITHDRAW) in ALLOWED} == set(S) - OVER
    assert not BEFORE_ACCEPTANCE & AFTER_ACCEPTANCE


@given(asked=st.sampled_from(list(Priority)), least=st.sampled_from(list(Priority)))
def test_a_priority_may_be_raised_and_not_lowered(asked: Priority, least: Priority) -> None:
    order = [Priority.EMERGENCY, Priority.URGENT, Priority.NORMAL]
    assert at_least_as_urgent(asked, least) == (order.index(asked) <= order.index(least))


def test_every_status_has_its_counterpart_for_exchange() -> None:
    assert set(FHIR_TASK_STATUS) == set(S)
    assert {FHIR_TASK_STATUS[status] for status in OVER}.isdisjoint(
        {FHIR_TASK_STATUS[status] for status in set(S) - OVER}
    )


@given(
    status=st.sampled_from(sorted(OVER)),
    said=st.sampled_from([None, *Outcome]),
    reason=st.sampled_from([None, *RefusalReason]),
)
def test_a_refusal_is_laid_at_the_persons_door_only_if_it_was_theirs(
    status: S, said: Outcome | None, reason: RefusalReason | None
) -> None:
    outcome = outcome_of(status, said, reason)
    if said is not None:
        assert outcome == said
    else:
        theirs = status == S.WITHDRAWN_BY_PERSON or reason == RefusalReason.DECLINED_BY_PERSON
        assert (outcome == Outcome.DECLINED_BY_PERSON) == theirs


def test_a_failure_is_told_apart_by_its_reason() -> None:
    found = {reason: outcome_of(S.FAILED, None, reason) for reason in RefusalReason}
    assert found[RefusalReason.NO_CAPACITY] == Outcome.NO_CAPACITY
    assert found[RefusalReason.COULD_NOT_BE_REACHED] == Outcome.DID_NOT_ENGAGE
    assert found[RefusalReason.UNSAFE] == outcome_of(S.ENTERED_IN_ERROR, None, None) == Outcome.UNKNOWN
