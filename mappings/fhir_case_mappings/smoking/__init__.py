"""Smoking: the status, and how much was smoked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Age, Concept, Event, Quantity, Section, When
from fhir_case.fhir.datatypes import quantity
from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import Codes, Mapping, dated, moment_words, observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Smoking", "smoking"]

_codes = Codes.beside(__name__)


class Smoking(Event):
    """
    Whether the patient smokes, or smoked.

    Args:
        status: What the report says of smoking.
        at: When that was so.
        pack_years: How much was smoked, a number of packs a day times years.
        years: For how many years the patient smoked.
        stopped: When the patient stopped.
    """

    status: Annotated[Concept, _codes.table("smoking_statuses")]
    pack_years: Quantity | None = None
    years: Age | None = None
    stopped: When | None = None

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        packs = self.pack_years
        if packs is not None and (packs.value < 0 or packs.unit not in {None, "pack-years", "pack years", "py"}):
            raise PydanticCustomError("pack_years", "this is a number of pack-years, such as 30")
        return self


def smoking(case: Case) -> Iterator[Resource]:
    """
    Map the smoking status, and the pack-years and the years where the report gives them.

    Reads: each `Smoking`.
    Returns: one Observation each, profile us-core-smokingstatus; one more of the pack-years and one of the years, which
    the profile of US Core 6.1.0 has no code for, as us-core-simple-observation.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-smokingstatus.html
    """
    for one in case.entries_of(Smoking):
        status = _codes.concept("smoking_statuses", one.status, one)
        stopped = f", stopped {moment_words(case, one.stopped)}" if one.stopped else ""
        yield observation(
            case,
            one,
            kind="social-history",
            code=_codes.fixed("smoking-status"),
            value={"valueCodeableConcept": status},
            words=f"{status['text']}{stopped}",
            at=one.at,
            profile=US_CORE + "us-core-smokingstatus",
            component=_stopped(case, one),
        )
        if one.pack_years is not None:
            packs = one.pack_years
            yield observation(
                case,
                one,
                kind="social-history",
                code=_codes.fixed("pack-years"),
                value={"valueQuantity": quantity(packs.value, "pack-years", "{pack-years}", packs.comparator)},
                words=f"{packs.comparator or ''}{packs.value:f}",
                at=one.at,
                profile=US_CORE + "us-core-simple-observation",
                key=f"{one.key}-pack-years",
            )
        if one.years is not None:
            yield observation(
                case,
                one,
                kind="social-history",
                code=_codes.fixed("duration"),
                value={"valueQuantity": _codes.age(one.years)},
                words=one.years.words,
                at=one.at,
                profile=US_CORE + "us-core-simple-observation",
                key=f"{one.key}-years",
            )


def _stopped(case: Case, one: Smoking) -> list[dict[str, Any]]:
    if one.stopped is None:
        return []
    return [{"code": {"text": "Date of stopping smoking"}, **dated(case, "valueDateTime", one.stopped)}]


MAPPING = Mapping(
    "smoking",
    smoking,
    "Observation (US Core smoking status), and the pack-years",
    sections=(
        Section(
            "smoking",
            Smoking,
            resource="Observation",
            time="effectiveDateTime",
            example="""\
smoking:
  - {key: smoking-status, status: former, pack_years: 30, at: baseline, source: made up}
""",
        ),
    ),
)
