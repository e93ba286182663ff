"""Clinical scores."""

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
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Score", "scores"]

_codes = Codes.beside(__name__)


class Score(Event):
    """
    A clinical score.

    Args:
        score: Which score it is.
        value: The points, also as a bound (``>= 7``) or with a unit; a class in words.
    """

    score: Annotated[Concept, _codes.table("scores")]
    value: Annotated[Value, _codes.table("score_classes")]

    @model_validator(mode="after")
    def _points_are_of_the_score(self) -> Self:
        score, points = _codes.find("scores", self.score), self.value.quantity
        if score is None or points is None or "highest" not in score.more:
            return self
        lowest, highest = score.more["lowest"], score.more["highest"]
        if not lowest <= points.value <= highest:
            said = {"score": score.text, "lowest": lowest, "highest": highest}
            raise PydanticCustomError("value", "{score} goes from {lowest} to {highest}", said)
        return self


def scores(case: Case) -> Iterator[Resource]:
    """
    Map the clinical scores, for example Child-Pugh; a class that follows from points is not added.

    Reads: each `Score`; a whole number of points becomes an integer.
    Returns: one Observation each, profile us-core-simple-observation, category survey; the Deauville scale claims
    mcode-deauville-scale, category imaging.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-simple-observation.html
    """
    for score in case.entries_of(Score):
        term = _codes.term("scores", score.score, score)
        profile = term.more.get("profile") if term else None
        value = _value(score)
        if "valueInteger" not in value:
            profile = None  # mCODE takes points only
        grade = Concept(name=f"{score.score.name}-{value['valueInteger']}") if profile else None
        meaning = _codes.find("score_grades", grade) if grade else None
        yield observation(
            case,
            score,
            kind="imaging" if profile else "survey",
            code=_codes.concept("scores", score.score, score),
            value=value,
            words=_codes.value_words("score_classes", score.value, score),
            at=score.at,
            profile=MCODE + profile if profile else US_CORE + "us-core-simple-observation",
            interpretation=[meaning.codeable_concept()] if meaning else [],
        )


def _value(score: Score) -> dict[str, Any]:
    points = score.value.quantity
    whole = points is not None and points.unit in {None, "points"} and points.comparator is None
    if points is not None and whole and points.value == points.value.to_integral_value():
        return {"valueInteger": int(points.value)}
    return _codes.value("score_classes", score.value, score)


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
  - {key: child-pugh, score: child-pugh, value: 5, at: baseline, source: made up}  # or deauville, sofa, meld, {text: …}
""",
        ),
    ),
)
