"""The published package, read once."""

from pathlib import Path

import pytest

from domain.workflow.calendar import Calendar
from domain.workflow.catalogue import Catalogue
from domain.workflow.sop import Sop

ROOT = Path(__file__).parents[2] / "sops"


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return Catalogue.load(ROOT)


@pytest.fixture(scope="session")
def sop(catalogue: Catalogue) -> Sop:
    key = "kg-identification-and-referral"
    return catalogue.sop(key, catalogue.current("KG")[key])


@pytest.fixture(scope="session")
def calendar(catalogue: Catalogue) -> Calendar:
    return catalogue.calendar("KG")
