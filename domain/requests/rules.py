"""Pure decisions about requests of the person: who may be refused on what ground, and what a restriction stops."""

from typing import TYPE_CHECKING, Any

from domain.codes import Compartment, Redaction, RefusalGround, Requester, SubjectRequestKind
from domain.errors import DomainError, InvalidInput
from domain.workflow.retention import Retention

if TYPE_CHECKING:
    from domain.cases.models import Case


class Restricted(DomainError):
    """The person wants nothing about them passed on any more, until they say otherwise."""

    code = "restricted"


def refuse_restricted(case: "Case") -> None:
    """Refuse to pass on anything new of a case. Ask it in the transaction that discloses, with the case locked.

    Raises:
        Restricted: the person asked for it.
    """
    if case.restricted_at is not None:
        raise Restricted


def refuse_groundless(
    profile: Retention, ground: RefusalGround | None, kind: SubjectRequestKind, made_by: Requester
) -> RefusalGround:
    """Return the ground of a refusal.

    Raises:
        InvalidInput: there is none, or it is not one on which this request of this requester may be refused.
    """
    if ground is None:
        raise InvalidInput(field="ground", reason="a refusal names its ground")
    if not profile.may_refuse(ground, kind, made_by):
        raise InvalidInput(field="ground", reason="not a ground on which this request may be refused")
    return ground


def redacted(
    profile: Retention, opened: dict[Compartment, dict[str, Any]], made_by: Requester
) -> tuple[dict[Compartment, dict[str, Any]], dict[str, Redaction]]:
    """Return what of their own file may be given to whoever asks, and by name what is kept back and why.

    Somebody who asks in the person's name may be the one they fled from: whole compartments are for the person alone.
    """
    given: dict[Compartment, dict[str, Any]] = {}
    kept_back: dict[str, Redaction] = {}
    for compartment, fields in opened.items():
        if made_by != Requester.PERSON and compartment in profile.to_others_withheld:
            kept_back[compartment] = Redaction.REQUESTER
            continue
        given[compartment] = {name: value for name, value in fields.items() if name not in profile.redacted}
        kept_back |= {name: profile.redacted[name] for name in fields if name in profile.redacted}
    return given, kept_back
