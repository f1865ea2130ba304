"""What may be done in one place only is done there and nowhere else."""

import ast
from collections.abc import Iterable
from pathlib import Path

from tests.architecture import tree

CODE = tree.python(*tree.PACKAGES)


def places(found: Iterable[Path]) -> set[str]:
    return {path.as_posix() for path in found}


def test_the_tree_is_really_read() -> None:
    assert len(CODE) > 20
    assert Path("api/settings.py") in CODE


def test_only_authorisation_makes_permits() -> None:
    makers = [
        path
        for path in CODE
        if any(name.split(".")[-1] == "Permit" or ".Permit." in f".{name}" for name in tree.calls(path))
    ]
    copiers = [
        path
        for path in CODE
        if "domain.permits.Permit" in tree.imports(path) and {"replace", "dataclasses.replace"} & set(tree.calls(path))
    ]
    assert places(makers + copiers) == {"auth/authorisation.py"}


def test_only_the_unit_of_work_commits() -> None:
    committers = [path for path in CODE if any(name.endswith(".commit") for name in tree.calls(path))]
    owners = {path for path in committers if not _only_asks_the_unit_of_work(path)}
    assert places(owners) == {"domain/unit_of_work.py"}


def _only_asks_the_unit_of_work(path: Path) -> bool:
    """Tell whether every commit in the file is the unit of work's own method, called on a name that says so."""
    asked = {name for name in tree.calls(path) if name.endswith(".commit")}
    return asked <= {"work.commit", "unit_of_work.commit"}


def test_one_module_imports_the_token_library() -> None:
    importers = [path for path in CODE if any(name.split(".")[0] == "jose" for name in tree.imports(path))]
    assert places(importers) == {"auth/tokens.py"}


def test_one_module_reads_the_environment() -> None:
    readers = []
    for path in tree.python():
        names = {ast.unparse(node) for node in ast.walk(tree.syntax(path)) if isinstance(node, ast.Attribute)}
        if names & {"os.environ", "os.environb", "os.getenv"} or {"os.environ", "os.getenv"} & set(tree.imports(path)):
            readers.append(path)
    assert places(readers) == {"api/settings.py", "tests/conftest.py"}


def test_the_domain_and_auth_log_and_print_nothing() -> None:
    """What they know is too dangerous for a log; the edges log ids and codes."""
    talkers = [
        path
        for path in tree.python("auth", "domain")
        if any(name.split(".")[0] in {"logging", "structlog"} for name in tree.imports(path))
        or "print" in tree.calls(path)
    ]
    assert places(talkers) == set()


def test_tests_fake_nothing_of_ours() -> None:
    fakers = [
        path
        for path in tree.python("tests")
        if any(name.startswith(("unittest.mock", "mock", "pytest_mock")) for name in tree.imports(path))
    ]
    assert places(fakers) == set()


def test_tests_are_left_out_only_where_the_shared_folder_is_absent() -> None:
    leavers = {"skip", "skipif", "xfail", "importorskip", "skipTest"}
    unexplained = []
    for path in tree.python("tests"):
        for node in ast.walk(tree.syntax(path)):
            left_out = isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in leavers
            if left_out and "shared" not in ast.unparse(node):
                unexplained.append(f"{path}:{node.lineno}")
    assert unexplained == []
