"""The JSON Schema of a SOP file, for editors and for whoever writes one without us."""

import json

from domain.workflow.sop import Sop


def sop_schema() -> str:
    """The schema as the text of `sops/sop.schema.json`; a test compares the two."""
    schema = Sop.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
