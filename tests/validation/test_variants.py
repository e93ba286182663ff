"""Each kind of the reported inputs elsewhere: in other types, deeper, in other Bundles, in both releases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.documents import read_document
from fhir_case.validation.document import check_document

if TYPE_CHECKING:
    from fhir_case.fhir.models import FhirVersion

_VARIANTS = json.loads((Path(__file__).parent / "variants.json").read_text("utf-8"))
"""Documents, some as text for how numbers are written, with the severity that the specification gives them."""


@pytest.mark.parametrize("variant", [pytest.param(each, id=each["name"]) for each in _VARIANTS])
@pytest.mark.parametrize("release", ["R4", "R5"])
def test_a_variant_of_a_reported_input_is_judged_as_the_specification_says(
    variant: dict[str, Any], release: FhirVersion
) -> None:
    text = variant.get("text") or json.dumps(variant["document"])
    issues = check_document(read_document(text.encode(), "variant.json"), fhir=release).issues
    found = {issue.severity for issue in issues if issue.check not in ("dom-6", "coverage")}
    if release in variant:
        assert variant[release] == next((one for one in ("error", "warning") if one in found), "none"), issues
