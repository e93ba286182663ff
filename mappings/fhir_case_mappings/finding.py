"""Findings: what was looked for or asked, and what was found, absent findings included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import Codes, Mapping, observation, reference_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.case.model import Finding
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "findings"]

_codes = Codes.beside(__name__)


def findings(case: Case) -> Iterator[Resource]:
    """
    Map every finding; where no code says it truly, the code is words.

    Reads: ``case.findings``.
    Gives: one Observation each, profile us-core-simple-observation; focus is the condition or the tumour told about.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-simple-observation.html
    """
    for finding in case.findings:
        yield observation(
            case,
            finding,
            kind=finding.category,
            code=_codes.concept("findings", finding.finding, finding),
            value=_codes.value("values", finding.value, finding),
            words=_codes.value_words("values", finding.value, finding),
            at=finding.at,
            profile=US_CORE + "us-core-simple-observation",
            **_told_about(case, finding),
        )


def _told_about(case: Case, finding: Finding) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if finding.of is not None:
        parts["focus"] = [reference_to(case, finding.of)]
    if finding.site is not None:
        parts["bodySite"] = _codes.site(finding.site, finding)
    if finding.imaging is not None:
        parts["derivedFrom"] = [reference_to(case, finding.imaging)]
    if finding.follows is not None:
        parts["partOf"] = [reference_to(case, finding.follows)]
    return parts


MAPPING = Mapping("finding", findings, "Observation (US Core simple observation) of a finding or its absence")
