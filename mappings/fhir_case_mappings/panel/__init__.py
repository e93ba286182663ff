"""Laboratory panels: results that were reported together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fhir_case.case import Concept, Event, Section
from fhir_case.case.entry import ResultKey, SpecimenKey
from fhir_case.case.forms import Text
from fhir_case.fhir.datatypes import absent, code_of
from fhir_case.fhir.systems import DIAGNOSTIC_SERVICE, US_CORE
from fhir_case.mapping import PATIENT, PERFORMER, Codes, Mapping, dated, moment_words, reference_to, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Panel", "panels"]

_codes = Codes.beside(__name__)

_LABORATORY = code_of(DIAGNOSTIC_SERVICE, "LAB", "Laboratory")


class Panel(Event):
    """
    Laboratory results that were reported together, such as a blood count.

    Args:
        panel: What was ordered.
        results: The results, entries of ``laboratory``, ``tumour_markers`` and the like.
        specimen: What was examined, an entry of ``specimens``.
        conclusion: What the report says of the whole, in words of one's own.
    """

    panel: Annotated[Concept, _codes.table("panels")]
    results: tuple[ResultKey, ...] = ()
    specimen: SpecimenKey | None = None
    conclusion: Text | None = None


def panels(case: Case) -> Iterator[Resource]:
    """
    Map each panel to a report that leads to its results.

    Reads: each `Panel`.
    Returns: one DiagnosticReport each, profile us-core-diagnosticreport-lab. When it was issued is not known, and said
    to be so, since the profile asks for it.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-diagnosticreport-lab.html
    """
    for entry in case.entries_of(Panel):
        code = _codes.concept("panels", entry.panel, entry)
        yield resource(
            "DiagnosticReport",
            entry.key,
            entry,
            f"{code['text']} ({moment_words(case, entry.at)}).",
            entry.conclusion or "",
            profile=US_CORE + "us-core-diagnosticreport-lab",
            status="final",
            category=[_LABORATORY],
            code=code,
            subject=PATIENT,
            **dated(case, "effectiveDateTime", entry.at, entry),
            _issued={"extension": absent()},
            performer=PERFORMER,
            specimen=[reference_to(case, entry.specimen)] if entry.specimen else [],
            result=[reference_to(case, key) for key in entry.results],
            # The note is one about the report, and a report of R4 has no other element for it.
            conclusion=" ".join(one for one in (entry.conclusion, entry.note) if one),
        )


MAPPING = Mapping(
    "panel",
    panels,
    "DiagnosticReport (US Core laboratory report)",
    sections=(
        Section(
            "panels",
            Panel,
            resource="DiagnosticReport",
            time="effectiveDateTime",
            example="""\
panels:
  - key: blood-count-baseline
    panel: complete-blood-count
    results: [hemoglobin-baseline]  # entries of laboratory and tumour_markers
    conclusion: Anaemia.            # in your own words
    at: baseline
    source: made up
""",
        ),
    ),
)
