"""Clinical scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import Codes, Mapping, observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.case.model import Score
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "scores"]

_codes = Codes.beside(__name__)


def scores(case: Case) -> Iterator[Resource]:
    """
    Map the clinical scores, for example Child-Pugh; a class that follows from points is not added.

    Reads: ``case.scores``; a whole number of points becomes an integer.
    Gives: one Observation each, profile us-core-simple-observation, category survey.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-simple-observation.html
    """
    for score in case.scores:
        yield observation(
            case,
            score,
            kind="survey",
            code=_codes.concept("staging", score.score, score),
            value=_value(score),
            words=_codes.value_words("staging", score.value, score),
            at=score.at,
            profile=US_CORE + "us-core-simple-observation",
        )


def _value(score: Score) -> dict[str, Any]:
    points = score.value.quantity
    whole = points is not None and points.unit is None and points.comparator is None
    if points is not None and whole and points.value == points.value.to_integral_value():
        return {"valueInteger": int(points.value)}
    return _codes.value("staging", score.value, score)


MAPPING = Mapping("score", scores, "Observation (US Core simple observation) of a clinical score")
