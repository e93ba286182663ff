"""placeholder"""
from __future__ import annotations
from collections.abc import Iterator
from typing import Any, NamedTuple

class ModelFinding(NamedTuple):
    element: str
    message: str

def model_findings(resource: dict[str, Any]) -> Iterator[ModelFinding]:
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    except ValidationError as error:
        for e in error.errors():
            if e["type"] == "extra_forbidden" and str(e["loc"][-1]).startswith("_value"): continue
            yield ModelFinding(".".join(map(str, e["loc"])), e["msg"])
