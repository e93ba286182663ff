"""Pregnancies: whether the patient is pregnant, how far, and the pregnancies before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Event, Quantity, Section, When
from fhir_case.fhir.datatypes import quantity
from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import Codes, Mapping, dated, moment_words, observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Pregnancy", "pregnancies"]

_codes = Codes.beside(__name__)

_Count = Annotated[int, Field(strict=True, ge=0, le=30)]
_WEEKS = {"wk": "wk", "week": "wk", "weeks": "wk", "d": "d", "day": "d", "days": "d"}


class Pregnancy(Event):
    """
    What the report says of pregnancies at a time.

    Args:
        status: Whether the patient was pregnant.
        gestational_age: How far the pregnancy is, in weeks or days.
        delivery: The estimated date of delivery.
        gravidity: The number of pregnancies.
        parity: The number of births after the limit of viability.
        live_births: The number of children born alive.
        abortions: The number of abortions.
    """

    status: Annotated[Concept, _codes.table("pregnancy_statuses")]
    gestational_age: Quantity | None = None
    delivery: When | None = None
    gravidity: _Count | None = None
    parity: _Count | None = None
    live_births: _Count | None = None
    abortions: _Count | None = None

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        age = self.gestational_age
        if age is not None and (age.unit not in _WEEKS or not 0 < age.value <= 320):
            raise PydanticCustomError("gestational_age", "this is a number of wk or d, such as 28 wk")
        if self.gravidity is not None and (self.parity or 0) > self.gravidity:
            raise PydanticCustomError("parity", "there are more births than pregnancies")
        return self


def pregnancies(case: Case) -> Iterator[Resource]:
    """
    Map whether the patient is pregnant, and what else is known of pregnancies.

    Reads: each `Pregnancy`.
    Returns: one Observation each, profile us-core-observation-pregnancystatus; one more of each other fact, profile
    us-core-simple-observation.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-observation-pregnancystatus.html
    """
    for one in case.entries_of(Pregnancy):
        status = _codes.concept("pregnancy_statuses", one.status, one)
        yield observation(
            case,
            one,
            kind="social-history",
            code=_codes.fixed("pregnancy-status"),
            value={"valueCodeableConcept": status},
            words=status["text"],
            at=one.at,
            profile=US_CORE + "us-core-observation-pregnancystatus",
        )
        for name, value, words in _facts(case, one):
            yield observation(
                case,
                one,
                kind="exam" if name == "gestational-age" else "social-history",
                code=_codes.fixed(name),
                value=value,
                words=words,
                at=one.at,
                profile=US_CORE + "us-core-simple-observation",
                key=f"{one.key}-{name}",
            )


def _facts(case: Case, one: Pregnancy) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Return the further facts: the name of the code, the value, and the value in words."""
    age = one.gestational_age
    if age is not None:
        value = quantity(age.value, age.unit, _WEEKS[age.unit or "wk"], age.comparator)
        yield "gestational-age", {"valueQuantity": value}, str(age)
    if one.delivery is not None:
        yield "delivery-date", dated(case, "valueDateTime", one.delivery), moment_words(case, one.delivery)
    for field in ("gravidity", "parity", "live_births", "abortions"):
        count: int | None = getattr(one, field)
        if count is not None:
            yield field.replace("_", "-"), {"valueInteger": count}, str(count)


MAPPING = Mapping(
    "pregnancy",
    pregnancies,
    "Observation (US Core pregnancy status), and other facts of pregnancies",
    sections=(
        Section(
            "pregnancies",
            Pregnancy,
            resource="Observation",
            time="effectiveDateTime",
            example="""\
pregnancies:
  - {key: pregnancy, status: not-pregnant, gravidity: 2, parity: 2, at: baseline, source: made up}
""",
        ),
    ),
)
