"""Pure decisions about consent: what the newest versions say now, and whether they cover a disclosure."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from domain.codes import Compartment, ConsentDecision, Purpose

if TYPE_CHECKING:
    from uuid import UUID

    from domain.consents.models import Consent
    from domain.organisations.models import Organisation


def newest(versions: Iterable["Consent"]) -> list["Consent"]:
    """Return the speaking version of each consent."""
    speaking: dict[UUID, Consent] = {}
    for version in versions:
        known = speaking.get(version.consent_id)
        if known is None or version.version > known.version:
            speaking[version.consent_id] = version
    return list(speaking.values())


def stands(consent: "Consent", now: datetime) -> bool:
    """Whether a version says yes and has not expired."""
    return consent.decision == ConsentDecision.GIVEN and consent.expires_at > now


def consent_fact(versions: Iterable["Consent"], purpose: Purpose, now: datetime) -> str:
    """Return `given`, `refused` or `not_asked` for a purpose.

    A withdrawal counts as a refusal; what has expired counts as not asked, so that the person is asked again.
    """
    about = [consent for consent in newest(versions) if purpose in consent.purposes]
    if any(stands(consent, now) for consent in about):
        return "given"
    if any(consent.decision != ConsentDecision.GIVEN for consent in about):
        return "refused"
    return "not_asked"


def names(recipient: str, organisation: "Organisation") -> bool:
    """Whether a recipient of a consent (`any`, `type:…`, `organisation:…`) stands for this organisation."""
    return recipient in {"any", f"type:{organisation.type}", f"organisation:{organisation.code}"}


def covering(
    versions: Iterable["Consent"],
    purpose: Purpose,
    recipient: "Organisation",
    compartments: Collection[Compartment],
    now: datetime,
) -> "Consent | None":
    """Return a consent that lets these compartments go to this recipient for this purpose now, or None."""
    for consent in newest(versions):
        if (
            stands(consent, now)
            and purpose in consent.purposes
            and any(names(named, recipient) for named in consent.recipients)
            and set(compartments) <= set(consent.compartments)
        ):
            return consent
    return None


def narrows(
    earlier: "Consent", purposes: Iterable[str], recipients: Iterable[str], compartments: Iterable[str]
) -> bool:
    """Whether a new version asks for nothing that the earlier one did not allow."""
    return (
        set(purposes) <= set(earlier.purposes)
        and set(compartments) <= set(earlier.compartments)
        and ("any" in earlier.recipients or set(recipients) <= set(earlier.recipients))
    )
