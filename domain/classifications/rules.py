"""Which code belongs to which kind of classification, and who can have said it. Pure."""

from domain.codes import (
    ClassificationKind,
    ClassifyingBody,
    Identification,
    Offence,
    SelfDescription,
    VictimType,
)
from domain.errors import InvalidInput

CODES: dict[ClassificationKind, frozenset[str]] = {
    ClassificationKind.SELF_DESCRIBED: frozenset(SelfDescription),
    ClassificationKind.AGENCY_ALLEGED: frozenset(Offence),
    ClassificationKind.LEGAL_OFFENCE: frozenset(Offence),
    ClassificationKind.HELPED_AS: frozenset(VictimType),
}
AGENCIES = frozenset(ClassifyingBody) - {ClassifyingBody.PERSON}
BODIES: dict[ClassificationKind, frozenset[ClassifyingBody]] = {
    ClassificationKind.SELF_DESCRIBED: frozenset({ClassifyingBody.PERSON}),
    ClassificationKind.AGENCY_ALLEGED: AGENCIES - {ClassifyingBody.COURT},
    ClassificationKind.LEGAL_OFFENCE: frozenset(
        {ClassifyingBody.POLICE, ClassifyingBody.PROSECUTION, ClassifyingBody.COURT}
    ),
    ClassificationKind.HELPED_AS: AGENCIES,
}
"""Who can say it: the person alone describes themselves; who investigates, charges or judges names the offence."""

VICTIMS = frozenset({Identification.PRESUMED, Identification.IDENTIFIED})
"""Where an NGO or the state has found a victim: such a person is no vulnerable migrant until that is decided anew."""


def check(kind: ClassificationKind, code: str, body: ClassifyingBody) -> None:
    """Make sure that a classification is one of its kind.

    Raises:
        InvalidInput: the code is of another list, or this body cannot say so.
    """
    if code not in CODES[kind]:
        raise InvalidInput(field="code", reason="not of the list of this kind")
    if body not in BODIES[kind]:
        raise InvalidInput(field="body", reason="cannot say this")
