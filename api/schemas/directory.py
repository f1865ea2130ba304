"""Directory, code lists and procedures: what comes out."""

from collections.abc import Sequence

from pydantic import Field

from api.schemas.base import MOST_ITEMS, Labelled, Labels, Out, Word
from api.schemas.cases import SourceOut
from domain.codes import FreePlaces, PlaceFamily, PlaceSex, Service
from domain.organisations.models import Organisation
from domain.places.queries import TypeTold


class PlaceTypeOut(Out):
    """A type of shelter place, and whether any of it is free. How many there are is not told."""

    sex: PlaceSex
    family: PlaceFamily
    free: FreePlaces


class OrganisationOut(Out):
    """An organisation of the directory. The address of a shelter is not in it."""

    code: str = Field(max_length=60)
    name: Labels
    type: str = Field(max_length=40)
    nrm_roles: list[Word] = Field(max_length=20)
    country: str = Field(max_length=2)
    region: str | None = Field(max_length=40)
    services: list[Word] = Field(max_length=MOST_ITEMS)
    languages: list[Word] = Field(max_length=MOST_ITEMS)
    status: str = Field(max_length=20)
    free_places: FreePlaces | None = Field(
        description="Whether a shelter has any free place; `unknown` if it keeps none here, null if it is no shelter."
    )
    place_types: list[PlaceTypeOut] = Field(max_length=len(PlaceSex) * len(PlaceFamily))

    @classmethod
    def of(cls, organisation: Organisation, types: Sequence[TypeTold] = ()) -> "OrganisationOut":
        """Return the organisation as shown, with what the directory tells of its places."""
        shelter = Service.SHELTER in organisation.services
        free = FreePlaces.YES if any(one.free == FreePlaces.YES for one in types) else FreePlaces.NO
        return cls.taken(
            organisation,
            free_places=(free if types else FreePlaces.UNKNOWN) if shelter else None,
            place_types=[PlaceTypeOut.taken(one) for one in types],
        )


class OrganisationList(Out):
    """Organisations of the caller's country."""

    items: list[OrganisationOut] = Field(max_length=1000)


class CodeListOut(Out):
    """A closed code list with labels in the reader's language."""

    name: str = Field(max_length=60)
    codes: list[Labelled] = Field(max_length=200)


class CodeLists(Out):
    """All closed code lists."""

    items: list[CodeListOut] = Field(max_length=100)


class SopStepOut(Out):
    """A step of a published procedure."""

    step: str = Field(max_length=60)
    title: str = Field(max_length=400)
    track: str = Field(max_length=20)
    responsible: list[Labelled] = Field(max_length=MOST_ITEMS)
    within: str | None = Field(max_length=40)
    source: SourceOut


class SopOut(Out):
    """A published procedure in one version."""

    sop: str = Field(max_length=60)
    version: str = Field(max_length=20)
    title: str = Field(max_length=400)
    translation: str = Field(max_length=20, description="Whether somebody has reviewed this language.")
    assumed_rules: int = Field(ge=0, le=1000)
    rules: int = Field(ge=0, le=1000)
    steps: list[SopStepOut] = Field(max_length=200)


class SopList(Out):
    """The published procedures, every version."""

    items: list[SopOut] = Field(max_length=200)
