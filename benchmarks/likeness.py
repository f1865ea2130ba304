"""How well the search for duplicates finds: `python -m benchmarks.likeness` prints the table of docs/duplicates.md.

Three ways to find the same second records among the same persons: our search over sealed pages, opened; the same scores
reckoned one by one on vectors that were never sealed; and equality of names and year of birth.
"""

import argparse
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from uuid import UUID

from benchmarks.invented import Invented, persons, written_again
from domain.duplicates.index import Index
from domain.duplicates.pages import SEALING, SLOTS, open_page, seal_page
from domain.duplicates.vectors import Features, dice, vector, weights
from domain.sealing.providers import FileProvider

KNOWN, AGAIN, NEW, SEED = 20_000, 2_000, 2_000, 2026
SPELLED_WITH = b"of trials alone, so that they repeat"[:32]
"""The key under which bits are chosen; the service derives its own. Pages are sealed under keys made anew."""

Found = list[set[int]]
"""For each search, which persons it found."""


@dataclass(frozen=True, slots=True)
class Quality:
    """What a way of searching found.

    Attributes:
        found: Second records whose person was found.
        again: Second records that were searched.
        false: Pairs of different persons that were reported.
        reported: All pairs that were reported.
    """

    found: int
    again: int
    false: int
    reported: int

    @property
    def recall(self) -> float:
        """Share of second records whose person was found."""
        return self.found / self.again

    @property
    def precision(self) -> float:
        """Share of reported pairs that are one person."""
        return 1 - self.false / self.reported if self.reported else 1.0


@dataclass(frozen=True)
class Trial:
    """Persons who are known, and searches: the first are second records of the first persons, the rest are new."""

    known: list[Invented]
    searched: list[Invented]
    again: int

    @classmethod
    def made(cls, known: int, again: int, new: int, seed: int = SEED) -> "Trial":
        """Return a trial from a seed."""
        random = Random(seed)  # noqa: S311 - repeatable on purpose
        everybody = persons(known + new, random)
        second = [written_again(person, random) for person in everybody[:again]]
        return cls(everybody[:known], second + everybody[known:], again)

    def judged(self, found: Found) -> Quality:
        """Judge what a way of searching found."""
        hits = sum(number in one for number, one in enumerate(found[: self.again]))
        reported = sum(map(len, found))
        return Quality(hits, self.again, reported - hits, reported)


def vectors(people: Sequence[Invented], key: bytes) -> list[bytes]:
    """Return the vector of every person."""
    weighing = weights()
    features = (Features(one.identity, one.district, (one.citizenship,)) for one in people)
    return [vector(one, key, weighing) or b"" for one in features]


def by_sealed_pages(known: list[bytes], searched: list[bytes], keys: FileProvider, threshold: float) -> Found:
    """Search as the service does: seal pages, open them into the index, scan."""
    index = Index()
    ids = [UUID(int=number + 1) for number in range(len(known))]
    for start in range(0, len(known), SLOTS):
        members = list(zip(ids, known, strict=True))[start : start + SLOTS]
        page_id = UUID(int=start + 1)
        sealed, pads = seal_page(members, page_id, 1, keys, secrets.token_bytes)
        index.put(page_id, (1, 0), *open_page(sealed, pads, page_id, 1, keys.derive(SEALING)))
    nobody = UUID(int=0)
    return [{case.int - 1 for case, _ in index.like(nobody, one, threshold)} for one in searched]


def by_plain_vectors(known: list[bytes], searched: list[bytes], threshold: float, most: int) -> Found:
    """Reckon every score by itself on vectors that nobody sealed."""
    found = []
    for one in searched:
        scores = ((dice(one, other), number) for number, other in enumerate(known))
        like = sorted((pair for pair in scores if pair[0] >= threshold), key=lambda pair: (-pair[0], pair[1]))
        found.append({number for _, number in like[:most]})
    return found


def by_equality(known: list[Invented], searched: list[Invented]) -> Found:
    """Find who has the same given name, family name and year of birth, letter for letter."""

    def key(one: Invented) -> tuple[str, ...]:
        names = (one.identity["given_name"], one.identity["family_name"])
        return (*(name.casefold() for name in names), one.identity.get("birth_date", "")[:4])

    by_key: dict[tuple[str, ...], set[int]] = {}
    for number, one in enumerate(known):
        by_key.setdefault(key(one), set()).add(number)
    return [by_key.get(key(one), set()) for one in searched]


def provider(folder: Path) -> FileProvider:
    """Return a provider with keys of its own."""
    return FileProvider.create(folder / "keys.json", secrets.token_bytes)


def measured(trial: Trial, threshold: float | None = None, *, one_by_one: int = 0) -> dict[str, Quality]:
    """Return the quality of each way; `one_by_one` is how many searches are reckoned on plain vectors too."""
    wanted = weights().threshold if threshold is None else threshold
    with TemporaryDirectory() as folder:
        keys = provider(Path(folder))
        known, searched = (vectors(people, SPELLED_WITH) for people in (trial.known, trial.searched))
        sealed = by_sealed_pages(known, searched, keys, wanted)
    if one_by_one:
        plain = by_plain_vectors(known, searched[:one_by_one], wanted, 13)
        if plain != sealed[:one_by_one]:
            raise RuntimeError("sealing changed what is found")
    return {
        "sealed pages": trial.judged(sealed),
        "equality": trial.judged(by_equality(trial.known, trial.searched)),
    }


def table(trial: Trial, thresholds: Sequence[float]) -> str:
    """Return the table as Markdown."""
    lines = ["| search | threshold | recall | precision | false pairs a thousand searches |", "|---|---|---|---|---|"]

    def line(name: str, threshold: str, one: Quality) -> str:
        rate = 1000 * one.false / len(trial.searched)
        return f"| {name} | {threshold} | {one.recall:.3f} | {one.precision:.3f} | {rate:.1f} |"

    lines += [line("sealed vectors", f"{one:.2f}", measured(trial, one)["sealed pages"]) for one in thresholds]
    lines.append(line("equal names and year", "", trial.judged(by_equality(trial.known, trial.searched))))
    return "\n".join(lines)


def main(say: Callable[[str], None] = print) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.likeness", description=main.__doc__)
    parser.add_argument("--known", type=int, default=KNOWN)
    parser.add_argument("--again", type=int, default=AGAIN)
    parser.add_argument("--new", type=int, default=NEW)
    parser.add_argument("--thresholds", type=float, nargs="+", default=[0.60, 0.65, 0.70, 0.73, 0.76, 0.80])
    given = parser.parse_args()
    say(table(Trial.made(given.known, given.again, given.new), given.thresholds))


if __name__ == "__main__":
    main()
