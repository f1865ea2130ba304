"""The invented persons of the demonstration, from `api/fictional/persons.yaml`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict

from domain.codes import Compartment

FILE = Path(__file__).parent.parent / "fictional" / "persons.yaml"


class InventedPerson(BaseModel):
    """Somebody who does not exist.

    Attributes:
        shown_as: How the demonstration introduces them.
        attributes: Coded attributes, as the API takes them.
        sealed: What each compartment holds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shown_as: str
    attributes: dict[str, Any]
    sealed: dict[Compartment, dict[str, Any]]

    def opened_through(self, entry_channel: str) -> dict[str, Any]:
        """Return the body that opens their case."""
        return {
            "entry_channel": entry_channel,
            "person": self.attributes,
            "compartments": {name: dict(fields) for name, fields in self.sealed.items() if name != Compartment.HEALTH},
        }


class Invented(BaseModel):
    """Everybody, and what is said about them in free text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    note: str
    persons: dict[str, InventedPerson]
    notes: dict[str, str]

    @classmethod
    def load(cls) -> Self:
        """Read the file."""
        return cls.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))

    def secrets(self) -> Iterator[str]:
        """Yield every text that may only ever be stored sealed."""
        for person in self.persons.values():
            for fields in person.sealed.values():
                for value in fields.values():
                    yield from value if isinstance(value, list) else [str(value)]
        yield from self.notes.values()
