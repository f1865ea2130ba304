"""A release as DHIS2 data values, to be sent to `POST /api/dataValueSets`. Pure.

Codes, not identifiers: a country's DHIS2 gives its data elements and category options these codes, and imports with
`dataElementIdScheme=CODE&categoryOptionComboIdScheme=CODE&orgUnitIdScheme=CODE`.

Source: DHIS2 developer guide, "Data values", version 2.41.
"""

import re
from typing import Any

_YEAR, _HALF, _QUARTER = re.compile(r"(\d{4})"), re.compile(r"(\d{4})-H([12])"), re.compile(r"(\d{4})-Q([1-4])")


def period(name: str) -> str:
    """Return a period as DHIS2 spells it: `2026`, `2026S1`, `2026Q3`.

    Raises:
        ValueError: it is no period of ours.
    """
    if found := _HALF.fullmatch(name):
        return f"{found[1]}S{found[2]}"
    if found := _QUARTER.fullmatch(name):
        return f"{found[1]}Q{found[2]}"
    if _YEAR.fullmatch(name):
        return name
    raise ValueError("not a period")


def data_value_set(release: dict[str, Any]) -> dict[str, Any]:
    """Return the windows of one period each; what pools several has no period in DHIS2 and is named in the comment."""
    values = []
    left_out = set()
    for name, population in release["populations"].items():
        for table, content in population["tables"].items():
            for window in content["windows"]:
                if window["first"] != window["last"]:
                    left_out.add(f"{name}.{table}")
                    continue
                values += [
                    {
                        "dataElement": f"NRM_{name}_{table}".upper(),
                        "categoryOptionCombo": "_".join(cell["groups"]).upper(),
                        "period": period(window["first"]),
                        "orgUnit": release["country"],
                        "value": str(cell["count"]),
                    }
                    for cell in window["cells"]
                ]
    return {
        "dataSet": "NRM_RELEASE",
        "orgUnit": release["country"],
        "dataValues": values,
        "comment": "several periods pooled, so not here: " + ", ".join(sorted(left_out)) if left_out else "",
    }
