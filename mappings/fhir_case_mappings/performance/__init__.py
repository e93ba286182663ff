"""Performance status: how the disease limits the patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Event, Section, Value
from fhir_case.fhir.systems import MCODE, US_CORE
from fhir_case.mapping import Codes, Mapping, observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.codes import Term
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Performance", "performance"]

_codes = Codes.beside(__name__)


class Performance(Event):
    """
    The performance status.

    Args:
        scale: The scale: ECOG, Karnofsky, Lansky, WHO or another.
        value: The grade; one that is bounded or lies between two grades is kept so.
    """

    scale: Annotated[Concept, _codes.table("performance_scales")]
    value: Value

    @model_validator(mode="after")
    def _grade_is_of_the_scale(self) -> Self:
        scale, grade = _codes.find("performance_scales", self.scale), self.value.quantity
        if scale is None or grade is None:
            return self
        if grade.unit not in {None, "%", "points"}:
            raise PydanticCustomError(
                "value",
                "a grade of {scale} has no unit, not '{unit}'; leave it out",
                {"scale": scale.text, "unit": grade.unit},
            )
        if not 0 <= grade.value <= scale.more["highest"]:
            raise PydanticCustomError(
                "value", "{scale} goes from 0 to {highest}", {"scale": scale.text, "highest": scale.more["highest"]}
            )
        return self


def performance(case: Case) -> Iterator[Resource]:
    """
    Map the performance status; what its grade means is its interpretation, as mCODE requires.

    Reads: each `Performance`.
    Returns: one Observation each: mcode-ecog-performance-status, mcode-karnofsky-performance-status or
    mcode-lansky-play-performance-status with an integer; where the report gives no single grade, or another scale,
    us-core-observation-clinical-result or us-core-simple-observation.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-ecog-performance-status.html
    """
    for entry in case.entries_of(Performance):
        scale = _codes.term("performance_scales", entry.scale, entry)
        grade = _grade(entry)
        profile = scale.more.get("profile") if scale else None
        meaning = _meaning(entry, grade)
        instead = "us-core-observation-clinical-result" if profile else "us-core-simple-observation"
        yield observation(
            case,
            entry,
            kind="survey" if profile is None or grade is not None else "exam",  # no survey is a clinical result
            code=_codes.concept("performance_scales", entry.scale, entry),
            value={"valueInteger": grade}
            if grade is not None
            else _codes.value("performance_grades", entry.value, entry),
            words=_words(entry, meaning.text if meaning else ""),
            at=entry.at,
            profile=MCODE + profile if profile and grade is not None else US_CORE + instead,
            interpretation=[meaning.codeable_concept()] if meaning else [],
        )


def _grade(entry: Performance) -> int | None:
    """Return a single grade, which is a whole number; nothing where it is bounded, between two, or words."""
    amount = entry.value.quantity
    if amount is None or amount.comparator is not None or amount.value != amount.value.to_integral_value():
        return None
    return int(amount.value)


def _meaning(entry: Performance, grade: int | None) -> Term | None:
    """Return what a grade of a scale of the table means."""
    if entry.scale.name is None or grade is None:
        return None
    return _codes.find("performance_grades", Concept(name=f"{entry.scale.name}-{grade}"))


def _words(entry: Performance, meaning: str) -> str:
    words: Any = _codes.value_words("performance_grades", entry.value, entry)
    return f"{words} ({meaning[0].lower()}{meaning[1:].rstrip('.')})" if meaning else str(words)


MAPPING = Mapping(
    "performance",
    performance,
    "Observation (mCODE ECOG, Karnofsky and Lansky performance status)",
    sections=(
        Section(
            "performance",
            Performance,
            resource="Observation",
            time="effectiveDateTime",
            example="""\
performance:
  - {key: ecog-baseline, scale: ecog, value: 1, at: baseline, source: made up}
  - {key: karnofsky-baseline, scale: karnofsky, value: 80 %, at: baseline, source: made up}
""",
        ),
    ),
)
