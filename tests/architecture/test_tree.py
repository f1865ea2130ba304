"""Names, sizes and words of the whole tree."""

import ast
import re
from pathlib import Path

from tests.architecture import tree

LONGEST_FILE = 400
LONGEST_FUNCTION = 50

DATA_IN_CODE = {"domain/codes.py": "closed lists: data, not logic"}
"""Files that may be longer, with the reason."""

EMPTY_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "core",
    "manager",
    "managers",
    "service",
    "misc",
    "shared",
}

UNFINISHED = [a + b for a, b in (("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("HA", "CK"), ("NotImplemented", "Error"))]

REGISTRIES = [
    a + b
    for a, b in (
        ("py", "pi.org"),
        ("python", "hosted.org"),
        ("registry.npm", "js"),
        ("npm", "js.com"),
        ("deb.", "debian.org"),
        ("docker", ".io"),
        ("ghcr", ".io"),
        ("quay", ".io"),
        ("crates", ".io"),
    )
]

PATHS_OUTSIDE = [a + b for a, b in (("/work", "/shared"), ("/work", "/main"), ("/root", "/"))]


def test_no_module_has_a_name_that_says_nothing() -> None:
    named = [path for path in tree.python() if {part.removesuffix(".py") for part in path.parts} & EMPTY_NAMES]
    assert named == []


def test_no_module_is_called_services_but_the_concept() -> None:
    found = {path.as_posix() for path in tree.python(*tree.PACKAGES) if path.stem == "services"}
    assert found <= {"api/routes/services.py", "api/schemas/services.py"}


def test_files_are_short() -> None:
    long = {
        path.as_posix(): lines
        for path in tree.python()
        if path.parts[0] != "migrations" and (lines := len(tree.text(path).splitlines())) > LONGEST_FILE
    }
    assert {path: lines for path, lines in long.items() if path not in DATA_IN_CODE} == {}


def test_functions_are_short() -> None:
    long = []
    for path in tree.python():
        if path.parts[0] == "migrations":
            continue
        for node in ast.walk(tree.syntax(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    long.append(f"{path}:{node.lineno} {node.name} has {lines} lines")
    assert long == []


def test_nothing_is_left_unfinished() -> None:
    marks = re.compile(rf"\b({'|'.join(UNFINISHED)})\b")
    found = [
        f"{path}:{number}"
        for path in tree.files()
        if "\0" not in tree.text(path)  # the bytes of a picture may spell anything
        for number, line in enumerate(tree.text(path).splitlines(), 1)
        if marks.search(line)
    ]
    assert found == []


def test_no_file_names_a_package_registry_or_a_place_of_somebodys_machine() -> None:
    found = [
        f"{path}: {word}" for path in tree.files() for word in [*REGISTRIES, *PATHS_OUTSIDE] if word in tree.text(path)
    ]
    assert found == []


def test_every_python_file_ends_with_a_line_end_and_has_no_tab() -> None:
    assert [path for path in tree.python() if tree.text(path) and not tree.text(path).endswith("\n")] == []
    assert [path for path in tree.python() if "\t" in tree.text(path)] == []


def test_the_layout_is_the_documented_one() -> None:
    folders = {path.parts[0] for path in tree.files() if len(path.parts) > 1}
    known = {
        ".ci",
        "api",
        "auth",
        "benchmarks",
        "deployment",
        "docs",
        "domain",
        "migrations",
        "openapi",
        "sops",
        "tests",
    }
    assert folders <= known
    assert Path("Makefile") in tree.files()
