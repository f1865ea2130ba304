"""Why a step is closed, in the reader's language."""

from datetime import UTC, datetime

import pytest

from domain.codes import Language
from domain.workflow.calendar import Calendar
from domain.workflow.catalogue import Catalogue
from domain.workflow.engine import Snapshot, StepNotOpen, open_steps
from domain.workflow.explain import Explanation, explain
from domain.workflow.sop import Basis, Sop


@pytest.fixture
def why(catalogue: Catalogue, sop: Sop):  # noqa: ANN201  a function
    def explained(key: str, language: str = "en", **facts: str) -> Explanation:
        return explain(sop, Snapshot(facts, {}), key, Language(language), catalogue.messages)

    return explained


@pytest.mark.parametrize(
    ("key", "facts", "because"),
    [
        ("inform-of-rights", {}, ("This step is open now.",)),
        ("inform-of-rights", {"done:inform-of-rights": "yes"}, ("This step is done.",)),
        ("screen", {"screening": "indicated"}, ("This step was done; it may be taken again.",)),
        (
            "screen",
            {"age": "adult", "consent_identification": "refused"},
            ("At least one of these: Age: must not be: adult. Consent to identification: must not be: refused.",),
        ),
        ("ask-consent-support", {}, ("First: Inform the person of their rights.",)),
        ("ask-consent-support", {"done:inform-of-rights": "yes"}, ("This step is open now.",)),
        ("offer-emergency-shelter", {}, ("Danger: needed: imminent or high; now: not known.",)),
        (
            "offer-emergency-shelter",
            {"danger": "high", "age": "adult"},
            ("The person's agreement is needed first: Consent to support.",),
        ),
        (
            "offer-emergency-shelter",
            {"danger": "high", "age": "adult", "consent_support": "refused"},
            ("The person did not agree, and that is respected: Consent to support.",),
        ),
        (
            "offer-emergency-shelter",
            {"danger": "imminent", "age": "adult", "consent_support": "refused"},
            ("This step is open now.", "No consent is needed, because life is in imminent danger."),
        ),
        (
            "offer-emergency-shelter",
            {"danger": "high"},
            ("This step is open now.", "No consent is needed, because the person is a child or may be one."),
        ),
        (
            "offer-emergency-shelter",
            {"danger": "high", "consent_support": "given"},
            ("This step is open now.", "The person agreed to it."),
        ),
        ("close-case", {"support": "receiving"}, ("Support: must not be: requested or being given.",)),
        ("close-case", {"case_work": "closed"}, ("Nothing more is to be done here, because it is closed.",)),
        ("reopen-case", {}, ("This step opens only once it is closed.",)),
    ],
)
def test_the_reasons_are_those_of_the_procedure(why, key: str, facts: dict[str, str], because: tuple[str, ...]) -> None:  # noqa: ANN001
    assert why(key, **facts).because == because


def test_the_reader_is_answered_in_their_language(why) -> None:  # noqa: ANN001
    assert why("offer-emergency-shelter", "ru").because == (
        "Опасность: нужно — непосредственная или высокая; сейчас — неизвестна.",
    )
    assert why("ask-consent-support", "ky").because == ("Алгач: Адамга анын укуктарын түшүндүрүү.",)


def test_the_source_is_named_and_an_assumption_is_never_told_as_law(why) -> None:  # noqa: ANN001
    found = why("screen")
    assert found.title == "Screen against the identification criteria"
    assert "No. 493" in found.source
    assert found.reference == "Kyrgyz Republic, Government Decree No. 493, annexed guideline 1"
    assert found.basis is Basis.ASSUMED
    assert found.basis_note.endswith("It is not law.")


def test_a_step_that_does_not_exist_is_refused(why) -> None:  # noqa: ANN001
    with pytest.raises(StepNotOpen):
        why("interrogate")


def test_a_flag_of_another_step_is_told_by_its_title(catalogue: Catalogue) -> None:
    hotline = catalogue.sop("kg-hotline-contact", "1.0.0")
    facts = Snapshot({"topic": "possible_trafficking"}, {})
    found = explain(hotline, facts, "record-outcome", Language.ENGLISH, catalogue.messages)
    assert found.because[0].startswith(
        "At least one of these: Topic: needed: something else; now: possible trafficking."
    )
    assert found.because[0].endswith("Case opened: needed: yes; now: no. First: Offer to open a case.")
    draft = hotline.model_dump(by_alias=True)
    draft["steps"][3]["when"] = {"fact": "done:offer-to-open-case", "is_not": "yes"}
    inverted = Sop.model_validate(draft)
    told = explain(inverted, Snapshot({"done:offer-to-open-case": "yes"}, {}), "record-outcome",
                   Language.ENGLISH, catalogue.messages)  # fmt: skip
    assert told.because == ("No longer possible, because this is done: Offer to open a case.",)


@pytest.mark.parametrize("language", list(Language))
def test_the_explanation_and_the_decision_agree(
    catalogue: Catalogue, sop: Sop, calendar: Calendar, language: Language
) -> None:
    opened = {"case.opened": datetime(2026, 11, 16, 4, tzinfo=UTC)}
    for facts in ({}, {"age": "adult"}, {"age": "adult", "consent_support": "refused", "danger": "high"},
                  {"age": "child", "danger": "high", "ngo_identification": "positive"}):  # fmt: skip
        snapshot = Snapshot(facts, opened)
        takeable = {step.step.key for step in open_steps(sop, snapshot, calendar) if not step.missing}
        told = {key: explain(sop, snapshot, key, language, catalogue.messages) for key in sop.by_key}
        assert {key for key, found in told.items() if found.open} == takeable
        assert all(found.because and all(found.because) for found in told.values())
