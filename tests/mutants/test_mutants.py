"""Every weakness of the list can still be planted, the report speaks of each, and three are really planted."""

from collections import Counter

from tests.architecture import tree
from tests.mutants.mutating import LIST, REPORT, copied, failing, mutants, page, planted

LEAST = 30


def test_every_mutant_can_be_planted_and_names_tests_that_exist() -> None:
    every = mutants()
    assert len(every) >= LEAST
    assert [one.fault for one in every if one.fault] == []
    assert Counter((one.file, one.old, one.new) for one in every).most_common(1)[0][1] == 1
    assert LIST.is_file()


def test_the_report_says_that_every_mutant_of_the_list_was_caught() -> None:
    """The page is made of the list alone, so that one that was changed or added without a run shows."""
    assert tree.text(REPORT) == page([(one, True) for one in mutants()])


def test_mutants_that_take_no_database_are_caught_each_time() -> None:
    chosen = [one for one in mutants() if one.short]
    assert len(chosen) >= 3
    with copied() as copy:
        code, failed, said = failing(copy, {test for one in chosen for test in one.tests})
        assert (code, failed) == (0, ()), said
        outcomes = [planted(copy, one) for one in chosen]
    assert [one.mutant.name for one in outcomes if not one.caught] == []
