"""Every format of a release, made once from its bytes and kept with it: none says more than it does. Pure."""

import base64
import json
from typing import Any, Final

from api.statistics.dhis2 import data_value_set
from api.statistics.page import page
from api.statistics.reading import LANGUAGES
from api.statistics.sheets import as_csv, dictionary_as_csv
from api.statistics.workbook import as_workbook
from domain.audit.chain import canonical_json
from domain.statistics.candidates import File

CSV: Final = "text/csv; charset=utf-8; header=present"
JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"
TEXT: Final = "text/plain; charset=utf-8"
WORKBOOK: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TABLES: Final = "tables/"


def formats_of(raw: bytes, signature: bytes) -> dict[str, File]:
    """Return every file of a release by name, but for the release itself; the same bytes each time.

    Args:
        raw: The release.
        signature: 64 bytes.
    """
    release: dict[str, Any] = json.loads(raw)
    return {
        "release.csv": File(CSV, as_csv(release)),
        "dictionary.csv": File(CSV, dictionary_as_csv(release)),
        "dhis2.json": File(JSON, canonical_json(data_value_set(release))),
        "signature.txt": File(TEXT, base64.b64encode(signature) + b"\n"),
        **{f"{language}.html": File(HTML, page(release, raw, language)) for language in LANGUAGES},
        **{f"{language}.xlsx": File(WORKBOOK, as_workbook(release, raw, language)) for language in LANGUAGES},
        **_tables(release),
    }


def _tables(release: dict[str, Any]) -> dict[str, File]:
    """Return each table by itself, with what it needs to be read."""
    found = {}
    for name, population in release["populations"].items():
        for table, content in population["tables"].items():
            told = {
                "country": release["country"],
                "release": release["number"],
                "rules": release["rules"],
                "population": name,
                "unit": population["unit"],
                "table": table,
                **content,
                "labels": {key: population["labels"][key] for key in (table, *content["dimensions"])},
            }
            found[f"{TABLES}{name}.{table}"] = File(JSON, canonical_json(told))
    return found
