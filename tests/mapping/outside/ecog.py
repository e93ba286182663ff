"""A concept from outside: the ECOG performance status, with a section, a table of its own, and references both ways."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from fhir_case.case import Event, Section
from fhir_case.case.entry import TreatmentKey, key_of
from fhir_case.case.forms import Concept, Key
from fhir_case.fhir.datatypes import code_of
from fhir_case.fhir.systems import LOINC, MCODE
from fhir_case.mapping import Codes, Mapping, observation, reference_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

_codes = Codes(str(Path(__file__).parent.resolve()))


class Ecog(Event):
    """
    The performance status by ECOG.

    Args:
        grade: The grade, 0 to 5.
    """

    grade: Annotated[int, Field(strict=True, ge=0, le=5)]
    assessor: Annotated[Concept, _codes.table("assessors")] | None = None
    after: TreatmentKey | None = None
    compared_with: Annotated[Key, key_of("ecog")] | None = None


def ecog(case: Case) -> Iterator[Resource]:
    """
    Map the performance status.

    Reads: each `Ecog`.
    Returns: one Observation each, profile mcode-ecog-performance-status.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-ecog-performance-status.html
    """
    for entry in case.entries_of(Ecog):
        yield observation(
            case,
            entry,
            kind="survey",
            code=code_of(LOINC, "89247-1", "ECOG Performance Status score", text="ECOG performance status"),
            value={"valueInteger": entry.grade},
            words=f"grade {entry.grade}",
            at=entry.at,
            profile=MCODE + "mcode-ecog-performance-status",
            partOf=[reference_to(case, entry.after)] if entry.after else [],
            derivedFrom=[reference_to(case, entry.compared_with)] if entry.compared_with else [],
        )


MAPPING = Mapping(
    "ecog",
    ecog,
    "Observation (mCODE ECOG performance status)",
    sections=(
        Section(
            "ecog",
            Ecog,
            resource="Observation",
            time="effectiveDateTime",
            roles=("ecog",),
            example="""\
ecog:
  - {key: ecog-baseline, grade: 1, at: baseline, source: made up}
""",
        ),
    ),
)
