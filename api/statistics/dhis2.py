"""A release as DHIS2 data values, to be sent to `POST /api/dataValueSets`. Pure.

Codes, not identifiers: a country's DHIS2 gives its data elements, category option combinations and organisation unit
these codes. A data element belongs to one level of grouping, since a group of one name holds more at a coarser one.

Source: DHIS2 developer guide, "Data values", version 2.41.
"""

from typing import Any, Final

from api.statistics.reading import PERIOD, in_order

CODE_LENGTH: Final = 50
"""The most characters of a code in DHIS2."""


def period(name: str) -> str:
    """Return a period as DHIS2 spells it: `2026`, `2026S1`, `2026Q3`.

    Raises:
        ValueError: it is no period of ours.
    """
    found = PERIOD.fullmatch(name)
    if found is None:
        raise ValueError("not a period")
    return found["year"] + (found["part"] or "").replace("H", "S")


def data_value_set(release: dict[str, Any]) -> dict[str, Any]:
    """Return the windows of one period each: what pools several has no period in DHIS2, and is left out."""
    return {
        "idScheme": "CODE",
        "dataValues": [
            {"period": period(window["first"]), "orgUnit": release["country"], **value}
            for population, content in release["populations"].items()
            for table, shown in in_order(content)
            for window in shown["windows"]
            if window["first"] == window["last"]
            for value in _values(f"{population}_{table}", window)
        ],
    }


def _values(name: str, window: dict[str, Any]) -> list[dict[str, str]]:
    element = _code("NRM", name, *(f"L{level}" for level in window["levels"]))
    total = {"dataElement": _code("NRM", name, "TOTAL"), "value": str(window["total"])}
    return [
        total,
        *(
            {"dataElement": element, "categoryOptionCombo": _code(*cell["groups"]), "value": str(cell["count"])}
            for cell in window["cells"]
        ),
    ]


def _code(*parts: str) -> str:
    return "_".join(parts).upper()
