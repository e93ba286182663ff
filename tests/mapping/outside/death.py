"""A concept from outside that adds to the resource of another: the death, which FHIR keeps in the Patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.case import Entry, Section
from fhir_case.case.forms import When
from fhir_case.mapping import Addition, Mapping, dated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case


class Death(Entry):
    """The death of the patient."""

    at: When


def death(case: Case) -> Iterator[Addition]:
    """
    Add the death to the Patient.

    Reads: `Death`, at most one.
    Source: https://hl7.org/fhir/R4/patient.html
    """
    for one in case.entries_of(Death):
        elements = dated(case, "deceasedDateTime", one.at)
        yield Addition("Patient", "patient", elements, text=f"Died: {elements['deceasedDateTime']}.")


MAPPING = Mapping(
    "death",
    death,
    "Patient.deceased",
    sections=(
        Section(
            "death", Death, resource="Patient", keys=("patient",), example="death: {at: +20 mo, source: made up}\n"
        ),
    ),
)
