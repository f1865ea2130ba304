"""Pure decisions about the rule of two: what an act is, to the letter, and how an approval of it stands."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.approvals.models import Approval
from domain.audit.chain import canonical_json
from domain.codes import ApprovalDecision, ApprovalStatus, ApprovalVerb
from domain.errors import DomainError


@dataclass(frozen=True, slots=True)
class Action:
    """An act that two must agree on. An approval is of this very act: another parameter is another act.

    Attributes:
        parameters: Codes, ids and digests, by name; never a word about a person.
    """

    verb: ApprovalVerb
    parameters: Mapping[str, str]

    @property
    def text(self) -> str:
        """The act as canonical JSON."""
        return canonical_json({"verb": self.verb.value, "parameters": dict(self.parameters)}).decode("ascii")

    @property
    def digest(self) -> str:
        """SHA-256 of the act, hexadecimal."""
        return hashlib.sha256(self.text.encode("ascii")).hexdigest()

    @classmethod
    def read(cls, text: str) -> "Action":
        """Return the act that canonical JSON tells of."""
        told = json.loads(text)
        return cls(ApprovalVerb(told["verb"]), told["parameters"])


class ApprovalMissing(DomainError):
    """Two persons of two organisations must agree on this first; `action` says on what, to the letter."""

    code = "approval-missing"

    def __init__(self, action: Action) -> None:
        super().__init__(verb=action.verb.value, parameters=dict(action.parameters), digest=action.digest)


def status(approval: Approval, now: datetime) -> ApprovalStatus:
    """Return how an approval stands: what was neither refused nor done in time has expired."""
    if approval.executed_at is not None:
        return ApprovalStatus.EXECUTED
    if approval.decision == ApprovalDecision.REFUSED:
        return ApprovalStatus.REFUSED
    if approval.expires_at <= now:
        return ApprovalStatus.EXPIRED
    return ApprovalStatus.APPROVED if approval.decision is not None else ApprovalStatus.REQUESTED


def is_another(approval: Approval, staff_id: object, organisation_id: object) -> bool:
    """Whether somebody may answer: neither who asked nor anybody of the same organisation."""
    return approval.requester_id != staff_id and approval.requester_organisation_id != organisation_id
