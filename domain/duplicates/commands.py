"""Write down what a person looks like to the search, in the transaction that records who the person is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.dialects.postgresql import insert

from domain.codes import Compartment
from domain.duplicates.models import MatchEntry, MatchSearch
from domain.duplicates.pages import SPELLING, seal_vector
from domain.duplicates.vectors import BYTES, Features, vector, weights

if TYPE_CHECKING:
    from domain.cases.models import Case
    from domain.persons.models import Person
    from domain.sealing.vault import Place
    from domain.unit_of_work import UnitOfWork

COMPARED: Final = frozenset({Compartment.IDENTITY, Compartment.LOCATION})
"""Compartments from which a vector is made."""

Known = Mapping[Compartment, Mapping[str, Any]]


def search_for_new(work: "UnitOfWork", case: "Case", person: "Person", known: Known) -> None:
    """Write the vector of a case that is being opened, and ask for a search. Nobody is told what it finds."""
    if Compartment.IDENTITY not in known:
        return
    sealed = seal_vector(_vector(work, person, known), case.id, 1, work.keys, work.ids.random)
    work.add(
        MatchEntry(case_id=case.id, version=1, sealed=sealed, changed_at=work.now),
        MatchSearch(case_id=case.id, asked_at=work.now),
    )


async def search_again(work: "UnitOfWork", case: "Case", person: "Person", place: "Place", known: Known) -> None:
    """Write the vector of a case anew after something of it changed, and ask for a search as for a new one.

    Args:
        work: The unit of work, with the case locked.
        case: The case.
        person: Its person, as it is now.
        place: Where the person's compartments lie.
        known: Compartments that were written just now; the others are opened here if the organisation's grant names
            them, and go nowhere but into the vector.
    """
    unknown = COMPARED - known.keys()
    opened = await work.vault.take(
        holder_id=place.holder_id, record_id=place.record_id, kind=place.kind, compartments=unknown
    )
    known = {**opened, **known}
    if Compartment.IDENTITY not in known:
        return
    entry = await work.session.get(MatchEntry, case.id, with_for_update=True, populate_existing=True)
    version = 1 if entry is None else entry.version + 1
    sealed = seal_vector(_vector(work, person, known), case.id, version, work.keys, work.ids.random)
    if entry is None:
        work.add(MatchEntry(case_id=case.id, version=version, sealed=sealed, changed_at=work.now))
    else:
        entry.version, entry.sealed, entry.changed_at = version, sealed, work.now
    await work.session.execute(insert(MatchSearch).values(case_id=case.id, asked_at=work.now).on_conflict_do_nothing())


def _vector(work: "UnitOfWork", person: "Person", known: Known) -> bytes:
    """Return the vector; where no name is known, one that is like nothing: the same is written for everybody."""
    location = known.get(Compartment.LOCATION, {})
    features = Features(known[Compartment.IDENTITY], str(location.get("district") or ""), tuple(person.citizenships))
    return vector(features, work.keys.derive(SPELLING), weights()) or bytes(BYTES)
