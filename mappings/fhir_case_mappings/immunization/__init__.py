"""Immunizations, given and not given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Event, Section, Site
from fhir_case.case.entry import ConditionKey
from fhir_case.case.forms import Text
from fhir_case.fhir.datatypes import annotation, reference
from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import PATIENT, Codes, Mapping, dated, moment_words, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Immunization", "immunizations"]

_codes = Codes.beside(__name__)

_Count = Annotated[int, Field(strict=True, ge=1, le=99)]


class Immunization(Event):
    """
    A vaccine that was given, or was not.

    Args:
        vaccine: The vaccine.
        status: ``completed``, or ``not-done`` where it was not given.
        reason: Why it was not given.
        dose: Which dose of the series it was.
        doses: How many doses the series has.
        site: The place of the body at which it was given.
        route: The way into the body.
        lot: The lot as printed.
        reasons: The diseases of the patient that it was given for.
    """

    vaccine: Annotated[Concept, _codes.table("vaccines")]
    status: Literal["completed", "not-done"] = "completed"
    reason: Annotated[Concept, _codes.table("immunization_reasons")] | None = None
    dose: _Count | None = None
    doses: _Count | None = None
    site: Annotated[Site, _codes.table("sites")] | None = None
    route: Annotated[Concept, _codes.table("routes")] | None = None
    lot: Text | None = None
    reasons: tuple[ConditionKey, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.reason is not None and self.status != "not-done":
            raise PydanticCustomError("reason", "this is why a vaccine was not given; write 'status: not-done'")
        if self.doses is not None and (self.dose is None or self.dose > self.doses):
            raise PydanticCustomError("doses", "of this many doses it is one: write 'dose', which is not more")
        return self


def immunizations(case: Case) -> Iterator[Resource]:
    """
    Map every immunization.

    Reads: each `Immunization`.
    Returns: one Immunization each, profile us-core-immunization; it is from the report, not from those who gave the
    vaccine, so that `primarySource` is false.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-immunization.html
    """
    for one in case.entries_of(Immunization):
        code = _codes.concept("vaccines", one.vaccine, one)
        reason = _codes.concept("immunization_reasons", one.reason, one) if one.reason else None
        given = "Vaccine given" if one.status == "completed" else "Vaccine not given"
        dose = f", dose {one.dose}" + (f" of {one.doses}" if one.doses else "") if one.dose else ""
        why = f": {reason['text']}" if reason else ""
        yield resource(
            "Immunization",
            one.key,
            one,
            f"{given}: {code['text']}{dose} ({moment_words(case, one.at)}){why}.",
            profile=US_CORE + "us-core-immunization",
            status=one.status,
            statusReason=reason,
            vaccineCode=code,
            patient=PATIENT,
            **dated(case, "occurrenceDateTime", one.at, one),
            primarySource=False,
            lotNumber=one.lot,
            site=_codes.site(one.site, one) if one.site else None,
            route=_codes.concept("routes", one.route, one) if one.route else None,
            **annotation(one.note),
            reasonReference=[reference("Condition", key) for key in one.reasons],
            protocolApplied=_protocol(one),
        )


def _protocol(one: Immunization) -> list[dict[str, Any]]:
    if one.dose is None:
        return []
    return [{"doseNumberPositiveInt": one.dose, **({"seriesDosesPositiveInt": one.doses} if one.doses else {})}]


MAPPING = Mapping(
    "immunization",
    immunizations,
    "Immunization (US Core), given or not given",
    sections=(
        Section(
            "immunizations",
            Immunization,
            resource="Immunization",
            time="occurrenceDateTime",
            roles=("immunization",),
            example="""\
immunizations:
  - {key: influenza-vaccine, vaccine: influenza, at: 6 mo before operation, source: made up}
""",
        ),
    ),
)
