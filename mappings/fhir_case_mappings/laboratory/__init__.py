"""Measurements in the laboratory: tests, and the tumour markers among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import model_validator

from fhir_case.case import Concept, Event, Section, Value
from fhir_case.case.checks import refuse_negative
from fhir_case.fhir.datatypes import code_of
from fhir_case.fhir.systems import MCODE, OBSERVATION_INTERPRETATION, US_CORE
from fhir_case.mapping import Codes, Mapping, observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPINGS", "LaboratoryResult", "Measurement", "TumourMarker", "laboratory", "tumour_markers"]

_codes = Codes.beside(__name__)

_INTERPRETATION = {"normal": "N", "high": "H", "low": "L"}


class Measurement(Event):
    """A laboratory test or a tumour marker with its result."""

    test: Annotated[Concept, _codes.table("tests")]
    value: Annotated[Value, _codes.table("values")]
    interpretation: Literal["normal", "high", "low"] | None = None

    @model_validator(mode="after")
    def _amount_is_possible(self) -> Self:
        refuse_negative(self.value.quantity, "value", "a measured amount")
        _codes.check_unit("tests", self.test, self.value.quantity)
        return self


class LaboratoryResult(Measurement):
    """A laboratory test with its result."""


class TumourMarker(Measurement):
    """A tumour marker with its result."""


def laboratory(case: Case) -> Iterator[Resource]:
    """
    Map the laboratory results that are not tumour markers.

    Reads: each `LaboratoryResult`; a unit must fit its test.
    Returns: one Observation each, profile us-core-observation-lab.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-observation-lab.html
    """
    for entry in case.entries_of(LaboratoryResult):
        yield _measurement(case, entry, US_CORE + "us-core-observation-lab")


def tumour_markers(case: Case) -> Iterator[Resource]:
    """
    Map the tumour markers; a result without a number stays words.

    Reads: each `TumourMarker`; a unit must fit its test.
    Returns: one Observation each, profile mcode-tumor-marker-test.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-tumor-marker-test.html
    """
    for entry in case.entries_of(TumourMarker):
        yield _measurement(case, entry, MCODE + "mcode-tumor-marker-test")


def _measurement(case: Case, entry: Measurement, profile: str) -> Resource:
    """Return the Observation of a test; a result in words without a number is interpreted as those words say."""
    term = _codes.term("tests", entry.test, entry)
    word = entry.value.concept.name if entry.value.concept else None
    interpreted = entry.interpretation or (word if word in _INTERPRETATION else None)
    return observation(
        case,
        entry,
        kind="laboratory",
        code=_codes.concept("tests", entry.test, entry),
        value=_codes.value("values", entry.value, entry, term=term),
        words=_codes.value_words("values", entry.value, entry),
        at=entry.at,
        profile=profile,
        interpretation=[code_of(OBSERVATION_INTERPRETATION, _INTERPRETATION[interpreted])] if interpreted else [],
    )


MAPPINGS = (
    Mapping(
        "laboratory",
        laboratory,
        "Observation (US Core laboratory result)",
        sections=(
            Section(
                "laboratory",
                LaboratoryResult,
                resource="Observation",
                time="effectiveDateTime",
                example="""\
laboratory:
  - key: hemoglobin-baseline
    test: hemoglobin  # a short name that the code tables know, or {text: …, code: …}
    value: 10.8 g/dL  # a number and its unit as printed, or {text: …}
    interpretation: low
    at: baseline
    source: made up
""",
            ),
        ),
    ),
    Mapping(
        "tumour-marker",
        tumour_markers,
        "Observation (mCODE tumour marker test)",
        sections=(
            Section(
                "tumour_markers",
                TumourMarker,
                resource="Observation",
                time="effectiveDateTime",
                example="""\
tumour_markers:
  - key: cea-baseline
    test: {text: CEA, code: {system: "http://loinc.org", code: "2039-6"}}
    value: 12.4 ng/mL  # or a bound, such as < 2.5 ng/mL
    interpretation: high
    at: baseline
    source: made up
""",
            ),
        ),
    ),
)
