"""Weaknesses on purpose: each is planted in a copy of the tree, and the tests that it names must fail there.

A mutant replaces one exact text of one file. It is caught if at least one test that it names fails by an assertion of
its own; a test that could not even begin catches nothing. The working tree is never touched.
"""

import ast
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.architecture import tree

LIST = Path(__file__).with_name("mutants.yaml")
REPORT = Path("docs/mutants.md")
LONGEST_RUN = 300
"""Seconds that the tests of one mutant may take."""

FAILED = re.compile(r"^FAILED (\S+?)(?:\[.*?\])?(?: - .*)?$", re.MULTILINE)
HEADER = """# Weaknesses on purpose

Written by `make mutants` from `tests/mutants/mutants.yaml`; do not edit. Each row is a weakness that was planted in a
copy of the tree. The tests that it names passed without it and failed with it. The gate compares this page with the
list, looks for the text of every mutant in the tree, and plants the three marked † each time.

"""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One weakness.

    Attributes:
        promise: What would no longer be true.
        old: The text to replace; stands in the file exactly once.
        new: What it becomes.
        tests: Who must notice: `file::test`.
        short: Whether the gate plants it each time.
    """

    name: str
    promise: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    short: bool = False

    @property
    def fault(self) -> str | None:
        """What is wrong with the mutant itself, or None: it changes nothing, or what it names is not there."""
        path = Path(self.file)
        if path not in tree.files():
            return f"{self.name}: {self.file} is not there"
        if (found := tree.text(path).count(self.old)) != 1:
            return f"{self.name}: its text stands {found} times in {self.file}"
        if self.old == self.new:
            return f"{self.name}: changes nothing"
        missing = [test for test in self.tests if not _exists(test)]
        return f"{self.name}: no {', '.join(missing)}" if missing or not self.tests else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mutant.

    Attributes:
        by: The tests that failed.
        said: The end of what the run printed.
    """

    mutant: Mutant
    by: tuple[str, ...]
    said: str

    @property
    def caught(self) -> bool:
        """Whether a test that the mutant names failed."""
        return bool(set(self.by) & set(self.mutant.tests))


def _exists(test: str) -> bool:
    file, _, name = test.partition("::")
    if Path(file) not in tree.files():
        return False
    return name in {node.name for node in ast.walk(tree.syntax(Path(file))) if hasattr(node, "name")}


def mutants() -> tuple[Mutant, ...]:
    """Return the list.

    Raises:
        ValueError: a name stands twice.
    """
    content = yaml.safe_load(LIST.read_text(encoding="utf-8"))["mutants"]
    found = tuple(Mutant(**{**one, "tests": tuple(one["tests"])}) for one in content)
    if len({one.name for one in found}) != len(found):
        raise ValueError("a name stands twice")
    return found


@contextmanager
def copied() -> Iterator[Path]:
    """Yield a copy of everything that is ours; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="nrm-mutants-") as folder:
        copy = Path(folder) / "tree"
        for path in tree.files():
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(tree.ROOT / path, copy / path)
        yield copy


def failing(copy: Path, tests: Iterable[str]) -> tuple[int, tuple[str, ...], str]:
    """Run tests in a copy; returns the exit code, the tests that failed, and the end of what was printed."""
    options = ["-q", "-rf", "--tb=short", "-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-profile=mutants"]
    command = [sys.executable, "-B", "-m", "pytest", *options, *sorted(tests)]
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=copy, capture_output=True, text=True, timeout=LONGEST_RUN, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, (), f"the tests took more than {LONGEST_RUN} seconds\n"
    failed = tuple(dict.fromkeys(FAILED.findall(done.stdout)))
    return done.returncode, failed, (done.stdout + done.stderr)[-4000:]


def planted(copy: Path, mutant: Mutant) -> Outcome:
    """Plant one weakness in the copy, run its tests, and take it out again."""
    path = copy / mutant.file
    sound = path.read_text(encoding="utf-8")
    path.write_text(sound.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        _, by, said = failing(copy, mutant.tests)
    finally:
        path.write_text(sound, encoding="utf-8")
    return Outcome(mutant, by, said)


def page(caught: Sequence[tuple[Mutant, bool]]) -> str:
    """Return the report."""
    total = sum(one for _, one in caught)
    lines = [f"**{len(caught)} weaknesses, {total} caught.**", "", "| weakness | what it breaks | where | caught by |"]
    lines += ["|---|---|---|---|"]
    for mutant, one in caught:
        by = ", ".join(f"`{test}`" for test in dict.fromkeys(test.partition("::")[0] for test in mutant.tests))
        mark = " †" if mutant.short else ""
        lines.append(f"| {mutant.name}{mark} | {mutant.promise} | `{mutant.file}` | {by if one else '**nobody**'} |")
    return HEADER + "\n".join(lines) + "\n"
