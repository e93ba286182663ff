"""Measurements in the laboratory: tests, and the tumour markers among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Event, Quantity, Section, Value
from fhir_case.case.checks import refuse_negative
from fhir_case.case.entry import ConditionKey, SpecimenKey
from fhir_case.case.forms import ReferenceRange, Text
from fhir_case.fhir.datatypes import extension
from fhir_case.fhir.systems import MCODE, US_CORE
from fhir_case.mapping import Codes, Mapping, observation, reference_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.codes import Term
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPINGS", "LaboratoryResult", "Measurement", "TumourMarker", "laboratory", "tumour_markers"]

_codes = Codes.beside(__name__)


_WHOLE = 100  # per cent


class Measurement(Event):
    """
    A laboratory test or a tumour marker with its result.

    Args:
        test: What was measured or looked for.
        value: A number with its unit as printed, or a word such as ``positive``.
        interpretation: What the laboratory or the report says of the result.
        reference_range: The range in which it is expected, as printed; without a unit it has that of the result.
        specimen: What was examined, an entry of ``specimens``.
        method: How it was measured, in words.
    """

    test: Annotated[Concept, _codes.table("tests")]
    value: Annotated[Value, _codes.table("values")]
    interpretation: Annotated[Concept, _codes.table("interpretations")] | None = None
    reference_range: ReferenceRange | None = None
    specimen: SpecimenKey | None = None
    method: Text | None = None

    @model_validator(mode="after")
    def _amount_is_possible(self) -> Self:
        term = _codes.find("tests", self.test)
        if term is not None and not term.more.get("signed"):
            refuse_negative(self.value, "value", "a measured amount")
        if term is not None and term.more.get("share") and any(one.value > _WHOLE for one in self.value.bounds):
            raise PydanticCustomError("value", "a share is at most 100 %")
        _codes.check_unit("tests", self.test, self.value)
        return self


class LaboratoryResult(Measurement):
    """A laboratory test with its result."""


class TumourMarker(Measurement):
    """
    A tumour marker with its result.

    Args:
        of: The cancer that it is measured for.
    """

    of: ConditionKey | None = None


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
        related = [reference_to(case, entry.of)] if entry.of else []
        yield _measurement(
            case,
            entry,
            MCODE + "mcode-tumor-marker-test",
            extension=[extension(MCODE + "mcode-related-condition", valueReference=one) for one in related],
        )


def _measurement(case: Case, entry: Measurement, profile: str, **elements: Any) -> Resource:
    """Return the Observation of a test; a result in words without a number is interpreted as those words say."""
    term = _codes.term("tests", entry.test, entry)
    code = _codes.concept("tests", entry.test, entry)
    return observation(
        case,
        entry,
        kind="laboratory",
        code=code,
        value=_codes.value("values", entry.value, entry, term=term),
        words=_words(entry),
        at=entry.at,
        profile=profile,
        interpretation=_interpretation(entry),
        method={"text": entry.method} if entry.method else None,
        specimen=reference_to(case, entry.specimen) if entry.specimen else None,
        referenceRange=_reference_range(entry, term),
        **elements,
    )


def _interpretation(entry: Measurement) -> list[dict[str, Any]]:
    if entry.interpretation is not None:
        return [_codes.concept("interpretations", entry.interpretation, entry)]
    word = _codes.find("interpretations", entry.value.concept) if entry.value.concept is not None else None
    return [word.codeable_concept()] if word is not None else []


def _reference_range(entry: Measurement, term: Term | None) -> list[dict[str, Any]]:
    printed = entry.reference_range
    if printed is None:
        return []
    ends = {
        name: _codes.quantity(_in_the_unit_of(entry.value.quantity, end), entry, term=term)
        for name, end in (("low", printed.low), ("high", printed.high))
        if end is not None
    }
    return [ends | ({"text": printed.text} if printed.text else {})]


def _in_the_unit_of(result: Quantity | None, end: Quantity) -> Quantity:
    """Return an end of the reference range; one without a unit, or with the same one, has that of the result."""
    if result is None or end.ucum is not None or end.unit not in {None, result.unit}:
        return end
    return end.model_copy(update={"unit": result.unit, "ucum": result.ucum})


def _words(entry: Measurement) -> str:
    parts = [_codes.value_words("values", entry.value, entry)]
    if entry.interpretation is not None:
        parts.append(_codes.words("interpretations", entry.interpretation, entry))
    if entry.reference_range is not None:
        parts.append(f"reference range {entry.reference_range}")
    return ", ".join(part for part in dict.fromkeys(parts) if part)


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
                roles=("laboratory-result",),
                example="""\
laboratory:
  - key: hemoglobin-baseline
    test: hemoglobin  # a short name that the code tables know, or {text: …, code: …}
    value: 10.8 g/dL  # a number and its unit as printed, a word such as positive, or {text: …}
    interpretation: low  # or high, normal, critically-low, positive and others
    reference_range: 12.0-15.5 g/dL  # as printed, or a bound such as < 5 mg/L, or {text: …}
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
                roles=("laboratory-result",),
                example="""\
tumour_markers:
  - key: cea-baseline
    test: {text: CEA, code: {system: "http://loinc.org", code: "2039-6"}}
    value: 12.4 ng/mL  # or a bound, such as < 2.5 ng/mL
    interpretation: high
    of: colon-cancer  # the condition that it is measured for
    at: baseline
    source: made up
""",
            ),
        ),
    ),
)
