"""Tumour markers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir.systems import MCODE
from fhir_case.mapping import Codes, Mapping, measurement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "tumour_markers"]

_codes = Codes.beside(__name__)


def tumour_markers(case: Case) -> Iterator[Resource]:
    """
    Map the tumour markers; a result without a number stays words.

    Reads: ``case.tumour_markers``; a unit must fit its test.
    Gives: one Observation each, profile mcode-tumor-marker-test.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-tumor-marker-test.html
    """
    for entry in case.tumour_markers:
        yield measurement(case, _codes, entry, profile=MCODE + "mcode-tumor-marker-test")


MAPPING = Mapping("tumour-marker", tumour_markers, "Observation (mCODE tumour marker test)")
