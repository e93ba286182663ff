"""Measurements of any kind, of one value or of several, where the source does not say what kind they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Event, Quantity, Section, Value
from fhir_case.case.entry import SpecimenKey, TreatmentKey
from fhir_case.case.forms import Form, ReferenceRange
from fhir_case.fhir.datatypes import code_of
from fhir_case.fhir.systems import DATA_ABSENT, US_CORE
from fhir_case.mapping import Codes, Mapping, observation, reference_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.case.entry import KeyedEntry
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Measured", "Part", "measurements"]

_codes = Codes.beside(__name__)


class Part(Form):
    """
    One of several values of a measurement, such as the systolic blood pressure.

    Args:
        type: What it is.
        value: What was measured.
        reference_range: The range in which it is expected.
    """

    type: Annotated[Concept, _codes.table("tests")]
    value: Annotated[Value, _codes.table("values")]
    reference_range: ReferenceRange | None = None


class Measured(Event):
    """
    A measurement of any kind; what is a test of the laboratory or a vital sign has a section of its own.

    Args:
        test: What was measured.
        value: What was found; absent where it has parts, or where the source does not say it.
        parts: The values of a measurement that has several.
        reference_range: The range in which the value is expected.
        specimen: What was examined, an entry of ``specimens``.
        part_of: The procedure by which it was measured.
    """

    test: Annotated[Concept, _codes.table("tests")]
    value: Annotated[Value, _codes.table("values")] | None = None
    parts: tuple[Part, ...] = ()
    reference_range: ReferenceRange | None = None
    specimen: SpecimenKey | None = None
    part_of: TreatmentKey | None = None

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        if self.value is not None and self.parts:
            raise PydanticCustomError("value", "a measurement has either a value or parts")
        if self.reference_range is not None and self.value is None:
            raise PydanticCustomError("reference_range", "the range of a part stands beside its value")
        return self


def measurements(case: Case) -> Iterator[Resource]:
    """
    Map each measurement; the category is in words, since nothing says what kind of examination it was.

    Reads: each `Measured`.
    Returns: one Observation each, profile us-core-simple-observation; parts are its components.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-simple-observation.html
    """
    for entry in case.entries_of(Measured):
        made = observation(
            case,
            entry,
            kind="exam",
            code=_codes.concept("tests", entry.test, entry),
            value=_value(entry),
            words=_words(entry),
            at=entry.at,
            profile=US_CORE + "us-core-simple-observation",
            referenceRange=_range(entry.reference_range, entry),
            component=[_component(part, entry) for part in entry.parts],
            specimen=reference_to(case, entry.specimen) if entry.specimen else None,
            partOf=[reference_to(case, entry.part_of)] if entry.part_of else [],
        )
        yield made | {"category": [{"text": "measurement"}]}


def _value(entry: Measured) -> dict[str, Any]:
    if entry.value is not None:
        return _codes.value("values", entry.value, entry)
    return {} if entry.parts else {"dataAbsentReason": code_of(DATA_ABSENT, "unknown", "Unknown")}


def _component(part: Part, entry: KeyedEntry) -> dict[str, Any]:
    ranges = _range(part.reference_range, entry)
    return {
        "code": _codes.concept("tests", part.type, entry),
        **_codes.value("values", part.value, entry),
        **({"referenceRange": ranges} if ranges else {}),
    }


def _range(given: ReferenceRange | None, entry: KeyedEntry) -> list[dict[str, Any]]:
    if given is None:
        return []
    ends: dict[str, Quantity | None] = {"low": given.low, "high": given.high}
    found = {name: _codes.quantity(end, entry) for name, end in ends.items() if end is not None}
    return [found | ({"text": given.text} if given.text else {})]


def _words(entry: Measured) -> str:
    said = [_said(entry.value, entry.reference_range, entry)] if entry.value else []
    said += [
        f"{_codes.words('tests', part.type, entry)} {_said(part.value, part.reference_range, entry)}"
        for part in entry.parts
    ]
    return "; ".join(said) or "value not told"


def _said(value: Value, expected: ReferenceRange | None, entry: KeyedEntry) -> str:
    return _codes.value_words("values", value, entry) + (f" (reference range {expected})" if expected else "")


MAPPING = Mapping(
    "measurement",
    measurements,
    "Observation (US Core simple observation) of a measurement of any kind, with components",
    sections=(
        Section(
            "measurements",
            Measured,
            resource="Observation",
            time="effectiveDateTime",
            example="""\
measurements:
  - key: interpupillary-distance
    test: {text: Interpupillary distance}
    value: 58 mm
    reference_range: 54-66 mm
    at: age 12 a
    source: made up
""",
        ),
    ),
)
