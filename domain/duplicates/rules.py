"""Pure decisions about two cases that are alike: what was said of them last, and what may follow."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.codes import DuplicateAnswer


class Said(StrEnum):
    """What a statement says beside an answer."""

    MERGE_WANTED = "merge_wanted"


@dataclass(frozen=True, slots=True)
class Statement:
    """What an organisation said of a case of its own and another one, at an instant."""

    mine: UUID
    other: UUID
    says: DuplicateAnswer | Said
    at: datetime

    def to_bytes(self) -> bytes:
        """Return what is sealed; the instant stands beside it."""
        return json.dumps([str(self.mine), str(self.other), self.says]).encode()

    @classmethod
    def of(cls, plain: bytes, at: datetime) -> "Statement":
        """Return what was sealed."""
        mine, other, says = json.loads(plain)
        known = Said(says) if says in set(Said) else DuplicateAnswer(says)
        return cls(UUID(mine), UUID(other), known, at)


def answer(statements: Iterable[Statement], mine: UUID, other: UUID) -> DuplicateAnswer | None:
    """Return what was answered last about the pair from the side of `mine`, or None."""
    said = [one for one in statements if (one.mine, one.other) == (mine, other)]
    answers = [one for one in said if isinstance(one.says, DuplicateAnswer)]
    return DuplicateAnswer(max(answers, key=lambda one: one.at).says) if answers else None


def wants_merge(statements: Iterable[Statement], mine: UUID, other: UUID) -> bool:
    """Whether the side of `mine` wants the cases merged and still says that they are about one person."""
    known = list(statements)
    wanted = any((one.mine, one.other, one.says) == (mine, other, Said.MERGE_WANTED) for one in known)
    return wanted and answer(known, mine, other) == DuplicateAnswer.SAME_PERSON
