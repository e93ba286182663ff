"""Laboratory results that are no tumour markers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import Codes, Mapping, measurement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "laboratory"]

_codes = Codes.beside(__name__)


def laboratory(case: Case) -> Iterator[Resource]:
    """
    Map the laboratory results.

    Reads: ``case.laboratory``; a unit must fit its test.
    Gives: one Observation each, profile us-core-observation-lab.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-observation-lab.html
    """
    for entry in case.laboratory:
        yield measurement(case, _codes, entry, profile=US_CORE + "us-core-observation-lab")


MAPPING = Mapping("laboratory", laboratory, "Observation (US Core laboratory result)")
