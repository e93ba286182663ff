"""The report that the case was taken from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir.datatypes import narrative
from fhir_case.mapping import PATIENT, Mapping, named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "document"]


def document(case: Case) -> Iterator[Resource]:
    """
    Map the report; its text is not carried, only where it is to be found.

    Reads: ``case.report`` and ``case.timeline``.
    Returns: one DocumentReference; its description says that all dates are synthetic.
    Source: https://hl7.org/fhir/R4/documentreference.html
    """
    report = case.report
    dates = (
        f"The dates of this record are synthetic: they count from {case.timeline.index_date.isoformat()}, "
        f"a day declared for this event: {named(case.timeline.anchor)}."
    )
    attachment = {"title": report.title or report.citation}
    licensed = f"Licence: {report.license}. " if report.license else ""
    yield {
        "resourceType": "DocumentReference",
        "id": "report",
        "text": narrative(report.citation, f"{licensed}{dates}"),
        "status": "current",
        "type": {"text": "published case report"},
        "subject": PATIENT,
        "description": f"{report.citation}. {licensed}{dates}",
        "content": [
            {"attachment": attachment | ({"url": report.url, "contentType": "text/html"} if report.url else {})}
        ],
    }


MAPPING = Mapping("document", document, "DocumentReference to the report")
