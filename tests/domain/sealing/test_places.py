"""A field that no compartment of the country's profile has a place for is never sealed, whoever writes it."""

import pytest

from domain.codes import Compartment
from domain.errors import InvalidInput
from tests.world import World


@pytest.mark.parametrize(
    ("kind", "compartment", "field"),
    [
        ("compartment", Compartment.IDENTITY, "shoe_size"),
        ("compartment", Compartment.CONTACT, "given_name"),
        ("question", Compartment.NARRATIVE, "translation"),
        ("diary", Compartment.NARRATIVE, "account"),
    ],
)
async def test_what_has_no_place_is_not_stored(
    shared_world: World, kind: str, compartment: Compartment, field: str
) -> None:
    runtime = shared_world.runtime
    async with runtime.database.sessions()() as session:
        work = runtime.work(session, runtime.clock.present())
        holder = work.ids.uuid()
        with pytest.raises(InvalidInput) as refusal:
            await work.vault.put(
                {field: "words"}, holder_id=holder, record_id=holder, kind=kind, compartment=compartment, now=work.now
            )
        assert "words" not in str(refusal.value.details)
        assert field not in str(refusal.value.details)
