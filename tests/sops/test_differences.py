"""What changes for whom between two versions: each seeded change is told, with the situations that it touches."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest

from domain.codes import Language
from domain.workflow.catalogue import Catalogue
from domain.workflow.differences import differences
from domain.workflow.files import parse
from domain.workflow.sop import Sop
from tests.sops.mutants import (
    Change,
    Content,
    consenting,
    counted_from,
    guarding,
    priority,
    serving,
    setting,
    step,
    untold,
)

FILE = Path(__file__).parents[2] / "sops/kg/kg-shelter-stay/1.0.0.yaml"
TOTAL = "223,948,800,000 situations"
Told = Callable[..., dict[str, tuple[str, ...]]]


@pytest.fixture
def told(catalogue: Catalogue) -> Told:
    content = parse(FILE.read_text(encoding="utf-8"))

    def changes(change: Change, language: Language = Language.ENGLISH) -> dict[str, tuple[str, ...]]:
        draft = deepcopy(content)
        change(draft)
        found = differences(Sop.model_validate(content), Sop.model_validate(draft), catalogue, language)
        return {difference.key: difference.changes for difference in found}

    return changes


def later(content: Content) -> None:
    step(content, "decide-admission")["deadline"]["within"] = "48 hours"


def without_step(content: Content) -> None:
    content["steps"] = [one for one in content["steps"] if one["key"] != "assess-danger"]


def with_step(content: Content) -> None:
    copy = deepcopy(step(content, "report-grant")) | {"key": "count-days", "done": {"fact": "stay", "is": "left"}}
    content["steps"].append(copy)


@pytest.mark.parametrize(
    ("change", "key", "expected"),
    [
        (later, "decide-admission", ("Time limit: before: 24 h; now: 48 h",)),
        (counted_from("report-grant", "stay", "stay.asked"), "report-grant",
         ("Time limit counted from: before: Report on the grant; now: Stay in the shelter, stay.asked",)),
        (untold("report-grant"), "report-grant", ("Told when it passes: no longer: Coordinator",)),
        (setting("report-grant", responsible=["ngo_caseworker"]), "report-grant",
         ("Who: new: NGO caseworker", "Who: no longer: Shelter staff")),
        (serving("refer-to-another-shelter", "shelter", "interpretation"), "refer-to-another-shelter",
         ("Asked for: new: Interpretation",)),
        (consenting("refer-to-another-shelter", compartments=["identity", "contact", "health"]),
         "refer-to-another-shelter", ("Shared at most: new: Health", "Shared at most: no longer: Location")),
        (setting("close-stay", source="shelter-evaluation"), "close-stay",
         (("Source: before: Resolution No. 101 of 5 March 2019, standards for state-funded shelters; "
          "now: Shelters in the region, length of a stay"),)),
        (without_step, "assess-danger", ("Step no longer there for: Shelter staff",)),
        (priority("urgent", "respond_within", "24 hours"), "urgent",
         (("Referral: before: Urgent: answer within 72 h; then told: Coordinator; over after: 7 d; "
          "now: Urgent: answer within 24 h; then told: Coordinator; over after: 7 d"),)),
    ],
)  # fmt: skip
def test_a_change_of_a_rule_is_told_and_nothing_else(
    told: Told, change: Change, key: str, expected: tuple[str, ...]
) -> None:
    assert told(change) == {key: expected}


def test_a_step_that_closes_is_told_with_the_number_of_situations(told: Told) -> None:
    closes, duty = told(guarding("report-grant", "stay", is_="left"))["report-grant"][-2:]
    # three of four answers that are not the end, where one of three is due
    count = f"{223_948_800_000 * 3 // 5 // 3:,}"
    example = "such as: Stay in the shelter: asked for, Report on the grant: due"
    assert closes == f"Closes in {count} of {TOTAL} where it was open, {example}"
    assert duty == f"Is no longer a duty in {count} of {TOTAL}, {example}"


def test_a_step_that_opens_is_told_with_the_number_of_situations(told: Told) -> None:
    opens = told(setting("report-grant", when={"fact": "grant_report", "is_not": "sent"}))["report-grant"][1]
    count = f"{223_948_800_000 * 4 // 5 // 3:,}"
    assert opens.startswith(f"Opens in {count} more of {TOTAL}, such as: ")
    assert opens.endswith("Report on the grant: not due")


def test_a_new_step_is_told_with_who_has_it(told: Told) -> None:
    added, opens = told(with_step)["count-days"]
    assert added == "New step for: Shelter staff"
    assert opens.startswith("Opens in ")


def test_a_duty_that_becomes_a_possibility_is_told(told: Told) -> None:
    found = told(setting("report-grant", deadline=None, optional=True))["report-grant"]
    assert "Time limit: before: 10 working d; now: nothing" in found
    assert found[-1].startswith("Is no longer a duty in ")
    assert not any(one.startswith(("Opens", "Closes")) for one in found)


def test_two_ways_to_write_one_condition_open_and_close_nothing(told: Told) -> None:
    found = told(setting("report-grant", when={"not": {"fact": "grant_report", "in": ["not_due", "sent"]}}))
    assert [one.split(":")[0] for one in found["report-grant"]] == ["When"]


@pytest.mark.parametrize("language", list(Language))
def test_nothing_is_told_of_what_is_the_same(told: Told, language: Language) -> None:
    assert told(lambda _: None, language) == {}
    assert told(later, language)["decide-admission"][0].count("48") == 1


def test_procedures_about_different_subjects_are_not_compared(catalogue: Catalogue) -> None:
    stay = catalogue.sop("kg-shelter-stay", "1.0.0")
    hotline = catalogue.sop("kg-hotline-contact", "1.0.0")
    with pytest.raises(ValueError, match="one is about a contact, the other about a stay"):
        differences(hotline, stay, catalogue, Language.ENGLISH)
