"""Procedures that are not radiotherapy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fhir_case.case import Concept, Event, Section, Site
from fhir_case.case.entry import ConditionKey
from fhir_case.fhir.datatypes import annotation, reference
from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import PATIENT, Codes, Mapping, dated, moment_words, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Procedure", "procedures"]

_codes = Codes.beside(__name__)


class Procedure(Event):
    """A procedure that is not radiotherapy."""

    procedure: Annotated[Concept, _codes.table("procedures")]
    sites: tuple[Annotated[Site, _codes.table("sites")], ...] = ()
    reasons: tuple[ConditionKey, ...] = ()


def procedures(case: Case) -> Iterator[Resource]:
    """
    Map procedures, for example chemoembolisation; a drug that the report does not name is not named.

    Reads: each `Procedure`.
    Returns: one Procedure each, profile us-core-procedure: mCODE's surgical profile would claim surgery.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-procedure.html
    """
    for procedure in case.entries_of(Procedure):
        code = _codes.concept("procedures", procedure.procedure, procedure)
        yield resource(
            "Procedure",
            procedure.key,
            procedure,
            f"{code['text']} ({moment_words(case, procedure.at)}).",
            profile=US_CORE + "us-core-procedure",
            status="completed",
            code=code,
            subject=PATIENT,
            **dated(case, "performedDateTime", procedure.at, procedure),
            reasonReference=[reference("Condition", key) for key in procedure.reasons],
            bodySite=[_codes.site(site, procedure) for site in procedure.sites],
            **annotation(procedure.note),
        )


MAPPING = Mapping(
    "procedure",
    procedures,
    "Procedure (US Core) that is not radiotherapy",
    sections=(
        Section(
            "procedures",
            Procedure,
            resource="Procedure",
            time="performedDateTime",
            roles=("treatment",),
            example="""\
procedures:
  - key: operation
    procedure: {text: Laparoscopic sigmoidectomy}
    at: anchor
    sites: [{text: sigmoid colon}]
    reasons: [colon-cancer]
    source: made up
""",
        ),
    ),
)
