"""Permits for records that lie in memory: the same rules, refusals in the same order."""

from itertools import product

import pytest
from hypothesis import given, settings

from auth.authorisation import READ, AuthorisationInMemory
from auth.roles import Permission, may
from domain.errors import NotFound, NotPermitted
from tests.auth.countries import Country, countries

VERBS = (Permission.CASE_READ, Permission.CASE_WORK, Permission.REFERRAL_SEND, Permission.REFERRAL_HANDLE)


@settings(max_examples=15)
@given(country=countries())
def test_in_memory_a_verb_is_permitted_exactly_where_the_rules_read_on_records_allow_it(country: Country) -> None:
    for actor, verb, record in product(country.actors, VERBS, [*country.cases, *country.referrals]):
        case_id = getattr(record, "case_id", record.id)
        grants = [grant for grant in country.grants if grant.case_id == case_id]
        answer = AuthorisationInMemory(actor, grants, [wall for wall in country.walls if wall.case_id == case_id])
        if not may(actor.role, verb):
            refusal: type[Exception] | None = NotPermitted
        elif not country.by_python(READ[type(record)], actor, record):
            refusal = NotFound
        else:
            refusal = None if country.by_python(verb, actor, record) else NotPermitted
        if refusal is None:
            permit = answer.of(record, verb)
            assert (permit.actor, permit.subject_id, permit.compartments) == (actor, record.id, frozenset())
            continue
        with pytest.raises(refusal):
            answer.of(record, verb)
