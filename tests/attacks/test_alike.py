"""Foreign, nested of another case, and absent: answered alike, so that guessing finds nothing."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import httpx
import pytest

from domain.codes import Role
from domain.identifiers import ALPHABET, Identifiers
from tests.attacks.asked import seen
from tests.attacks.gathering import gathered
from tests.attacks.relations import (
    CASE,
    CLASSIFICATION,
    CONTACT,
    EXPLOITATION,
    REFERRAL,
    REPORTING,
    WORKER,
    Stage,
    classified,
    code_of,
    exploited,
    opened,
)

Attack = Callable[..., None]

ABSENT = "00000000-0000-4000-8000-000000000000"
STATE = {"body": "state", "outcome": "Suspended", "legal_basis": "article-0"}


@dataclass(frozen=True)
class File:
    """A case and what is nested in it."""

    case: str
    contact: str
    consent: str
    referral: str
    decision: str
    episode: str
    exploitation: str
    classification: str


async def filed(stage: Stage, relation: str, receiver: str) -> File:
    """Open a case of an organisation, with one of everything that has an id."""
    case, contact, consent = await opened(stage, relation, WORKER)
    sent = await stage.do(relation, f"/cases/{case}/referrals", {**REFERRAL, "recipient": code_of(receiver)})
    decided = await stage.ask(relation, Role.POLICE_OFFICER, "POST", f"/cases/{case}/decisions", STATE)
    assert decided.status_code == 201, decided.text
    episode = await stage.do(relation, f"/cases/{case}/service-episodes", {"service": "medical"})
    return File(
        case,
        contact,
        consent,
        sent["reference"],
        decided.json()["id"],
        episode["id"],
        await exploited(stage, case, relation),
        await classified(stage, case, relation),
    )


@pytest.fixture(scope="module")
async def files(stage: Stage) -> tuple[File, File, File]:
    """Return a case of the asker, another case of the asker, and a case of somebody else."""
    mine = await filed(stage, "owner", "before")
    other = await filed(stage, "owner", "before")
    foreign = await filed(stage, "foreign", "abroad")
    return mine, other, foreign


def alike(answers: list[httpx.Response]) -> int:
    """Return how many answers can be told from the last one, which is about nothing."""
    *others, absent = map(seen, answers)
    return sum(one != absent for one in others)


async def asked_of(
    stage: Stage, path: str, ids: list[str], body: Any = None, role: Role = WORKER
) -> list[httpx.Response]:
    return [await stage.ask("owner", role, "POST", path.format(id=one), body) for one in ids]


async def test_a_consent_of_another_case_is_answered_like_none(
    stage: Stage, files: tuple[File, File, File], attack: Attack
) -> None:
    mine, other, foreign = files
    ids = [other.consent, foreign.consent, ABSENT]
    versions = await asked_of(stage, f"/cases/{mine.case}/consents/{{id}}/versions", ids, REPORTING)
    withdrawals = await asked_of(stage, f"/cases/{mine.case}/consents/{{id}}/withdrawal", ids)
    assert {answer.status_code for answer in (*versions, *withdrawals)} == {404}
    attack("nested: consent of another case", tried=4, succeeded=alike(versions) + alike(withdrawals))
    standing = (await stage.ask("owner", WORKER, "GET", f"/cases/{other.case}/consents")).json()
    assert {one["decision"] for one in standing} == {"given"}


async def test_an_exploitation_episode_of_another_case_is_answered_like_none(
    stage: Stage, files: tuple[File, File, File], attack: Attack
) -> None:
    mine, other, foreign = files
    found = []
    for method, part, body in (("GET", "versions", None), ("GET", "words", None), ("POST", "versions", EXPLOITATION)):
        answers = [
            await stage.ask(
                "owner",
                WORKER,
                method,
                f"/cases/{mine.case}/exploitation-episodes/{one}/{part}",
                body,
                version=1 if body else None,
            )
            for one in (other.exploitation, foreign.exploitation, ABSENT)
        ]
        assert {answer.status_code for answer in answers} == {404}
        found.append(alike(answers))
    attack("nested: exploitation episode of another case", tried=6, succeeded=sum(found))


async def test_a_classification_of_another_case_is_answered_like_none(
    stage: Stage, files: tuple[File, File, File], attack: Attack
) -> None:
    mine, other, foreign = files
    ids = [other.classification, foreign.classification, ABSENT]
    path = f"/cases/{mine.case}/classifications"
    read = [await stage.ask("owner", WORKER, "GET", f"{path}/{one}/reasons") for one in ids]
    corrected = [await stage.ask("owner", WORKER, "POST", path, {**CLASSIFICATION, "corrects": one}) for one in ids]
    assert [one.status_code for one in (*read, *corrected)] == [404] * 3 + [422] * 3
    attack("nested: classification of another case", tried=4, succeeded=alike(read) + alike(corrected))


async def test_an_earlier_referral_of_another_case_is_answered_like_none(
    stage: Stage, files: tuple[File, File, File], attack: Attack
) -> None:
    mine, other, foreign = files
    answers = []
    for earlier in (other.referral, foreign.referral, "R-0000-0000-0000-0000"):
        body = {**REFERRAL, "recipient": code_of("before"), "earlier_referral": earlier}
        answers.append(await stage.ask("owner", WORKER, "POST", f"/cases/{mine.case}/referrals", body))
    assert {answer.status_code for answer in answers} == {422}
    attack("nested: earlier referral of another case", tried=2, succeeded=alike(answers))


async def test_a_reviewed_decision_of_another_case_is_answered_like_none(
    stage: Stage, files: tuple[File, File, File], attack: Attack
) -> None:
    mine, other, foreign = files
    path, role = f"/cases/{mine.case}/decisions", Role.POLICE_OFFICER
    answers = [
        await stage.ask("owner", role, "POST", path, {**STATE, "review_of": decision})
        for decision in (other.decision, foreign.decision, ABSENT)
    ]
    assert {answer.status_code for answer in answers} == {422}
    attack("nested: reviewed decision of another case", tried=2, succeeded=alike(answers))


async def test_contacts_and_episodes_of_others_are_answered_like_none(
    stage: Stage, files: tuple[File, File, File], attack: Attack
) -> None:
    _, _, foreign = files
    tried = told = 0
    for role in Role:
        for path, found in (("/contacts/{id}", foreign.contact), ("/contacts/{id}/words", foreign.contact)):
            answers = [await stage.ask("owner", role, "GET", path.format(id=one)) for one in (found, ABSENT)]
            tried, told = tried + 1, told + alike(answers)
        for path, found, body in (
            ("/contacts/{id}/callback", foreign.contact, {"reached": True}),
            ("/service-episodes/{id}/end", foreign.episode, {"outcome": "full"}),
        ):
            answers = [
                await stage.ask("owner", role, "POST", path.format(id=one), body, version=1) for one in (found, ABSENT)
            ]
            tried, told = tried + 1, told + alike(answers)
    attack("contacts and service episodes of others", tried=tried, succeeded=told)


async def test_a_reference_of_the_other_kind_is_answered_like_none(
    stage: Stage, files: tuple[File, File, File], attack: Attack
) -> None:
    """A referral's reference where a case's belongs, and the other way round."""
    mine, _, foreign = files
    told = tried = 0
    for path, wrong in (("/cases/{}", "referral"), ("/referrals/{}", "case"), ("/referrals/{}/package", "case")):
        answers = [
            await stage.ask("owner", WORKER, "GET", path.format(one))
            for one in (getattr(mine, wrong), getattr(foreign, wrong), "C-0000-0000-0000-0000")
        ]
        tried, told = tried + 2, told + alike(answers)
    attack("a reference of the other kind", tried=tried, succeeded=told)


async def test_a_key_of_a_colleague_replays_nothing(stage: Stage, attack: Attack) -> None:
    """Answers are kept by person: the same key in another hand is another request."""
    body = {**CONTACT, "cases": [CASE]}
    headers = {"Idempotency-Key": f"shared-{secrets.token_hex(8)}", "Accept-Language": "en"}
    references = []
    for relation, role in product(("owner", "walled_staff", "foreign"), (WORKER, Role.HOTLINE_OPERATOR)):
        sent = {**headers, "Authorization": f"Bearer {stage.token(relation, role)}"}
        answer = await stage.client.post("/v1/contacts", json=body, headers=sent)
        references += answer.json()["cases"]
    attack("another's idempotency key", tried=5, succeeded=len(references) - len(set(references)))
    assert len(references) == 6


def neighbours(reference: str) -> list[str]:
    """Return every reference that differs from one in one letter."""
    places = [place for place, letter in enumerate(reference) if place > 1 and letter != "-"]
    return [
        reference[:place] + letter + reference[place + 1 :]
        for place in places
        for letter in ALPHABET
        if letter != reference[place]
    ]


async def test_a_thousand_guesses_of_references_find_nothing(
    stage: Stage, files: tuple[File, File, File], attack: Attack
) -> None:
    """Half of them next to references that exist. Whoever oversees the country's referrals may ask for any of them."""
    _, _, foreign = files
    ids = Identifiers()
    near = [*neighbours(foreign.case), *neighbours(foreign.referral)]
    guesses = [*near[::2], *(ids.reference(kind) for kind in "CR" for _ in range(300))]
    assert len(guesses) >= 1000
    sent = [
        stage.ask("owner", WORKER, "GET", f"/cases/{guess}")
        if guess.startswith("C")
        else stage.ask("owner", Role.COORDINATOR, "GET", f"/referrals/{guess}/status")
        for guess in guesses
    ]
    answers = [seen(answer) for answer in await gathered(sent)]
    assert {status for status, *_ in answers} == {404}
    assert len(set(answers)) == 1
    attack("guesses of references", tried=len(guesses), succeeded=0)


def test_references_are_spread_evenly() -> None:
    """Nothing in a reference is more likely than anything else, so that no guess is better than another."""
    ids = Identifiers()
    drawn = "".join(ids.reference("C")[2:].replace("-", "") for _ in range(4000))
    counts = [drawn.count(letter) for letter in ALPHABET]
    expected = len(drawn) / len(ALPHABET)
    chi_squared = sum((count - expected) ** 2 / expected for count in counts)
    assert chi_squared < 90, "31 degrees of freedom: beyond this once in ten million runs"
