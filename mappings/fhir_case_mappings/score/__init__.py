"""Clinical scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fhir_case.case import Concept, Event, Section, Value
from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import Codes, Mapping, observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Score", "scores"]

_codes = Codes.beside(__name__)


class Score(Event):
    """A clinical score."""

    score: Annotated[Concept, _codes.table("scores")]
    value: Annotated[Value, _codes.table("scores")]


def scores(case: Case) -> Iterator[Resource]:
    """
    Map the clinical scores, for example Child-Pugh; a class that follows from points is not added.

    Reads: each `Score`; a whole number of points becomes an integer.
    Returns: one Observation each, profile us-core-simple-observation, category survey.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-simple-observation.html
    """
    for score in case.entries_of(Score):
        yield observation(
            case,
            score,
            kind="survey",
            code=_codes.concept("scores", score.score, score),
            value=_value(score),
            words=_codes.value_words("scores", score.value, score),
            at=score.at,
            profile=US_CORE + "us-core-simple-observation",
        )


def _value(score: Score) -> dict[str, Any]:
    points = score.value.quantity
    whole = points is not None and points.unit is None and points.comparator is None
    if points is not None and whole and points.value == points.value.to_integral_value():
        return {"valueInteger": int(points.value)}
    return _codes.value("scores", score.value, score)


MAPPING = Mapping(
    "score",
    scores,
    "Observation (US Core simple observation) of a clinical score",
    sections=(
        Section(
            "scores",
            Score,
            resource="Observation",
            time="effectiveDateTime",
            example="""\
scores:
  - {key: child-pugh, score: child-pugh, value: 5, at: baseline, source: made up}
""",
        ),
    ),
)
