"""The report that the case was taken from, and the structured record of it, where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.datatypes import narrative, reference
from fhir_case.mapping import PATIENT, Mapping, named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.case.record import Record, Vocabulary
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "document"]


def document(case: Case) -> Iterator[Resource]:
    """
    Map the report; its text is not carried, only where it is to be found.

    Reads: ``case.report`` and ``case.timeline``.
    Returns: one DocumentReference; its description says whether the dates are synthetic. One more for the structured
    record that the case was read from, and for each file that this names.
    Source: https://hl7.org/fhir/R4/documentreference.html
    """
    report = case.report
    timeline = case.timeline
    dates = (
        f"The dates of this record are synthetic: they count from {timeline.index_date.isoformat()}, "
        f"a day declared for this event: {named(timeline.anchor)}."
        if timeline and not timeline.recorded
        else "The dates of this record are those of its source."
    )
    attachment = {"title": report.title or report.citation}
    licensed = f"Licence: {report.license}. " if report.license else ""
    yield {
        "resourceType": "DocumentReference",
        "id": "report",
        "text": narrative(report.citation, f"{licensed}{dates}"),
        "status": "current",
        "type": {"text": report.type or "published case report"},
        "subject": PATIENT,
        "description": f"{report.citation}. {licensed}{dates}",
        "content": [
            {"attachment": attachment | ({"url": report.url, "contentType": "text/html"} if report.url else {})}
        ],
    }
    if report.record is not None:
        yield from _record(report.record)


def _record(record: Record) -> Iterator[Resource]:
    title = f"{record.format} {record.identifier}"
    said = [
        f"Submitted by {record.submitted_by}." if record.submitted_by else "",
        *(_update(at, by, comment) for at, by, comment in ((one.at, one.by, one.comment) for one in record.updates)),
        *(f"Vocabulary: {_told_part_by_part(one)}." for one in record.vocabularies),
    ]
    related = [
        {
            "identifier": {"value": one.id or one.url or one.title},
            **({"display": _listed(one.title, one.url if one.id else None)} if one.title or one.url else {}),
        }
        for one in record.references
    ]
    yield {
        "resourceType": "DocumentReference",
        "id": "record",
        "text": narrative(title, *(f"{_listed(one.id, one.title, one.url)}" for one in record.references), *said),
        "identifier": [{"value": record.identifier}],
        "status": "current",
        "type": {"text": record.format},
        "subject": PATIENT,
        **({"author": [{"display": record.created_by}]} if record.created_by else {}),
        "relatesTo": [{"code": "transforms", "target": reference("DocumentReference", "report")}],
        **({"description": " ".join(filter(None, said))} if any(said) else {}),
        "content": [{"attachment": {"title": title} | ({"creation": record.created} if record.created else {})}],
        **({"context": {"related": related}} if related else {}),
    }
    for number, file in enumerate(record.files, 1):
        attachment: dict[str, Any] = {"url": file.url}
        yield {
            "resourceType": "DocumentReference",
            "id": f"file-{number}",
            "text": narrative(f"File: {file.url}", file.description or ""),
            "status": "current",
            "type": {"text": "file of the record"},
            "subject": PATIENT,
            **({"description": file.description} if file.description else {}),
            "content": [{"attachment": attachment}],
        }


def _update(at: str | None, by: str | None, comment: str | None) -> str:
    return f"Updated{f' on {at}' if at else ''}{f' by {by}' if by else ''}{f': {comment}' if comment else ''}."


def _told_part_by_part(one: Vocabulary) -> str:
    """Return the parts of a vocabulary, a dash for each that the record does not tell."""
    return " | ".join(part or "-" for part in (one.id, one.name, one.version, one.url, one.prefix, one.iri_prefix))


def _listed(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part)


MAPPING = Mapping("document", document, "DocumentReference to the report, and to the record that it was read from")
