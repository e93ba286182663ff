"""Comorbidities as a whole: which there are and are not, and indices of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Event, Section, Value
from fhir_case.case.entry import ConditionKey
from fhir_case.fhir.datatypes import code_of, extension, reference
from fhir_case.fhir.systems import DATA_ABSENT, MCODE, US_CORE
from fhir_case.mapping import Codes, Mapping, observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "ComorbidityScore", "comorbidity_scores"]

_codes = Codes.beside(__name__)


class ComorbidityScore(Event):
    """
    The comorbidities that were looked for, or an index of them.

    Args:
        score: The index, for example Charlson; ``comorbidities`` is a plain list.
        value: The value of the index, where the report gives it.
        of: The cancer beside which they are.
        present: The comorbidities that there are.
        absent: Diseases that were looked for and are not there.
    """

    score: Annotated[Concept, _codes.table("comorbidity_indices")]
    value: Value | None = None
    of: ConditionKey | None = None
    present: tuple[ConditionKey, ...] = ()
    absent: tuple[Annotated[Concept, _codes.table("diagnoses")], ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.is_list and not (self.present or self.absent):
            raise PydanticCustomError("score", "a list of comorbidities says what is present or absent")
        if self.is_list and self.value is not None:
            raise PydanticCustomError("value", "a value needs its index, such as charlson or {text: …}")
        return self

    @property
    def is_list(self) -> bool:
        """Whether it is a list of comorbidities, not an index."""
        return self.score.name == "comorbidities"


def comorbidity_scores(case: Case) -> Iterator[Resource]:
    """
    Map comorbidities.

    Reads: each `ComorbidityScore`.
    Returns: one Observation each: us-core-simple-observation of an index, mcode-comorbidities of a list.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-comorbidities.html
    """
    for entry in case.entries_of(ComorbidityScore):
        absent = [_codes.concept("diagnoses", one, entry) for one in entry.absent]
        yield observation(
            case,
            entry,
            kind="survey",
            code=_codes.concept("comorbidity_indices", entry.score, entry),
            value=_value(entry),
            words=_words(case, entry, absent),
            at=entry.at,
            profile=MCODE + "mcode-comorbidities" if entry.is_list else US_CORE + "us-core-simple-observation",
            focus=[reference("Condition", entry.of)] if entry.of else [],
            extension=[
                *(_related("related-condition", valueReference=reference("Condition", key)) for key in entry.present),
                *(_related("related-condition-absent", valueCodeableConcept=one) for one in absent),
            ],
        )


def _related(name: str, **value: object) -> dict[str, Any]:
    return extension(f"{MCODE}mcode-{name}", **value)


def _value(entry: ComorbidityScore) -> dict[str, Any]:
    """Return the value: points as an integer, all else, such as a bound or a class, as it is written."""
    if entry.value is None:
        return {} if entry.is_list else {"dataAbsentReason": code_of(DATA_ABSENT, "unknown", "Unknown")}
    points = entry.value.quantity
    whole = points is not None and points.comparator is None and points.unit in {None, "points"}
    if points is not None and whole and points.value == points.value.to_integral_value():
        return {"valueInteger": int(points.value)}
    return _codes.value("comorbidity_indices", entry.value, entry)


def _words(case: Case, entry: ComorbidityScore, absent: list[dict[str, Any]]) -> str:
    from fhir_case.case import KeyedEntry

    without = [] if entry.is_list else ["value not told"]
    parts = [_codes.value_words("comorbidity_indices", entry.value, entry)] if entry.value else without
    diagnoses = {one.key: one for one in case.entries_of(KeyedEntry) if one.key in entry.present}
    present = [
        _codes.words("diagnoses", diagnosis, one)
        if isinstance(diagnosis := getattr(one, "diagnosis", None), Concept)
        else one.key
        for one in diagnoses.values()
    ]
    parts += [f"present: {', '.join(present)}"] if present else []
    parts += [f"absent: {', '.join(one['text'] for one in absent)}"] if absent else []
    return "; ".join(parts)


MAPPING = Mapping(
    "comorbidity",
    comorbidity_scores,
    "Observation (mCODE comorbidities, or an index such as Charlson)",
    sections=(
        Section(
            "comorbidity_scores",
            ComorbidityScore,
            resource="Observation",
            time="effectiveDateTime",
            example="""\
comorbidity_scores:
  - {key: charlson-baseline, score: charlson, value: 4, at: baseline, source: made up}
  - key: comorbidities
    score: comorbidities
    of: colon-cancer
    # present: [KEY], keys of conditions
    absent: [{text: diabetes mellitus}]
    at: baseline
    source: made up
""",
        ),
    ),
)
