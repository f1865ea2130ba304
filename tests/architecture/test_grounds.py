"""Nothing leaves its owner but on a ground: whoever opens, sends, grants or asks outside has found one first."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture import tree

CODE = tree.python(*tree.PACKAGES)
GROUNDS = Path("domain/disclosures/grounds.py")

DISCLOSING = {"reveal", "reveal_each", "hand_on", "CaseAccess", "CapacityQuestion", "CommissionRecord"}
"""What lets somebody have or open something: by the last part of its name."""

NO_DISCLOSURE = {
    ("domain/cases/commands.py", "_ownership"): "the first grant of whoever opened the case and collected its data",
    ("domain/rehabilitation/commission.py", "decide"): "the commission's own answer",
    ("domain/unit_of_work.py", "reveal"): "hands its ground on",
    ("domain/deadlines/firing.py", "_question_unanswered"): "reads its own question",
}
"""Where one of these names discloses nothing, and why."""


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree.syntax(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def makers() -> set[str]:
    """Return the names of the functions that find grounds, or hold a case."""
    return {node.name for node in functions(GROUNDS) if node.name.startswith(("to_", "hold"))}


def called(node: ast.AST) -> set[str]:
    return {ast.unparse(one.func).split(".")[-1] for one in ast.walk(node) if isinstance(one, ast.Call)}


def takes_ground(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    given = [*node.args.args, *node.args.kwonlyargs]
    return any(one.annotation is not None and "Ground" in ast.unparse(one.annotation) for one in given)


def test_every_disclosing_function_takes_a_ground_or_finds_one() -> None:
    without, seen = [], 0
    for path in CODE:
        for node in functions(path):
            if not called(node) & DISCLOSING or path == GROUNDS:
                continue
            seen += 1
            if not takes_ground(node) and not called(node) & makers():
                without.append((path.as_posix(), node.name))
    assert seen > 10
    assert set(without) <= set(NO_DISCLOSURE), set(without) - set(NO_DISCLOSURE)


def test_only_one_module_makes_grounds() -> None:
    found = {path for path in CODE if any(name.split(".")[-1] == "Ground" for name in tree.calls(path))}
    assert found == {GROUNDS}


def test_only_the_unit_of_work_takes_out_of_the_vault() -> None:
    taking = {"vault.take", "vault.take_each", "vault.copy"}
    takers = {path for path in CODE if any(name.endswith(tuple(taking)) for name in tree.calls(path))}
    # What the search for duplicates takes out goes into a vector and nowhere else; what is told of an attachment is
    # sealed again, with the attachment or with its copy.
    elsewhere = {Path("domain/duplicates/commands.py"), Path("domain/attachments/commands.py")}
    assert takers == {Path("domain/unit_of_work.py"), *elsewhere}
