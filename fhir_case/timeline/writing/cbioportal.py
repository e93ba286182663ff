"""
Write a timeline as the timeline files of cBioPortal: for each type of event a table, and what it is.

Days count from the diagnosis, which is the first cancer of the record; without one from its anchor, or its first event.

Source: https://docs.cbioportal.org/file-formats/#timeline-data
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fhir_case.timeline.event import Event, Lane, Timeline

__all__ = ["PortalFiles", "portal_files"]

_TYPES: Mapping[Lane, str] = {
    "procedures": "PROCEDURE",
    "medications": "TREATMENT",
    "responses": "STATUS",
    "adverse-events": "ADVERSE_EVENT",
    "tumour-markers": "LAB_TEST",
    "conditions": "DIAGNOSIS",
    "encounters": "ENCOUNTER",
    "imaging": "IMAGING",
    "laboratory": "LAB_TEST",
    "vital-signs": "LAB_TEST",
    "findings": "FINDING",
    "other": "OTHER",
}
_BY_KIND = {"surgery": "SURGERY", "radiotherapy": "TREATMENT"}
_REQUIRED = ("PATIENT_ID", "START_DATE", "STOP_DATE", "EVENT_TYPE")
# TIME tells what a number of days cannot: that it is only a bound, or what the source counts from.
_ALWAYS = ("TIME", "DETAILS", "RESOURCE")


@dataclass(frozen=True, slots=True)
class PortalFiles:
    """
    The files, and what they are about.

    Args:
        files: The text of each by its name.
        zero: What the days count from, in words.
        left_out: The events without a time, which these files cannot have.
    """

    files: Mapping[str, str]
    zero: str
    left_out: tuple[Event, ...]


def portal_files(timeline: Timeline, study: str) -> PortalFiles:
    """
    Return the timeline files of one patient.

    Args:
        timeline: The events.
        study: The ``cancer_study_identifier`` of the study that they belong to.
    """
    zero, words = _zero(timeline)
    tables: dict[str, list[dict[str, str]]] = {}
    patient = timeline.subject.removeprefix("Patient/") or "patient"
    for event in timeline.events:
        kind = _type_of(event)
        days = {
            name: _days(moment.at - zero)
            for name, moment in (("START_DATE", event.start or event.end), ("STOP_DATE", event.end))
            if moment
        }
        if not event.lasts:
            days.pop("STOP_DATE", None)
        always = {"TIME": event.time_words, "DETAILS": "; ".join(event.details), "RESOURCE": ", ".join(event.resources)}
        tables.setdefault(kind, []).append(
            {"PATIENT_ID": patient, **days, "EVENT_TYPE": kind, **_columns(event, kind), **always}
        )
    files: dict[str, str] = {}
    for kind, rows in sorted(tables.items()):
        name = kind.lower()
        files[f"meta_timeline_{name}.txt"] = _meta(study, f"data_timeline_{name}.txt")
        files[f"data_timeline_{name}.txt"] = _table(rows)
    return PortalFiles(files, words, timeline.untimed)


def _type_of(event: Event) -> str:
    return _BY_KIND.get(event.kind, _TYPES[event.lane]) if event.lane == "procedures" else _TYPES[event.lane]


def _zero(timeline: Timeline) -> tuple[float, str]:
    for event in timeline.of("conditions"):
        if event.kind == "cancer" and event.start is not None:
            return event.start.at, f"the diagnosis: {event.name}, {event.start.words}"
    if timeline.anchor is not None:
        return timeline.anchor.at, f"{timeline.anchor_name}, {timeline.anchor.words}"
    first = next(iter(timeline.events), None)
    moment = (first.start or first.end) if first else None
    return (moment.at, f"the first event: {moment.words}") if moment else (0.0, "nothing: there is no event")


def _days(days: float) -> str:
    return str(round(days))


def _columns(event: Event, kind: str) -> dict[str, str]:
    if kind == "TREATMENT":
        radiation = event.kind == "radiotherapy"
        treatment = "Radiation Therapy" if radiation else "Medical Therapy"
        return {"TREATMENT_TYPE": treatment, "AGENT": event.name, "DOSE": event.label}
    if kind == "LAB_TEST":
        return {"TEST": event.name, **_result(event)}
    if kind == "IMAGING":
        return {"DIAGNOSTIC_TYPE": event.name, "RESULT": event.label or _conclusion(event)}
    if kind == "STATUS":
        return {"STATUS": event.label or event.name}
    return {"NAME": event.name, "VALUE": event.label}


def _conclusion(event: Event) -> str:
    return next((each.removeprefix("conclusion: ") for each in event.details if each.startswith("conclusion: ")), "")


def _result(event: Event) -> dict[str, str]:
    if event.value is None:
        return {"RESULT": event.label, "UNIT": ""}
    return {"RESULT": f"{event.value.comparator}{event.value.number:.15g}", "UNIT": event.value.unit}


def _meta(study: str, data: str) -> str:
    lines = {
        "cancer_study_identifier": study,
        "genetic_alteration_type": "CLINICAL",
        "datatype": "TIMELINE",
        "data_filename": data,
    }
    return "".join(f"{name}: {value}\n" for name, value in lines.items())


def _table(rows: list[dict[str, str]]) -> str:
    own = dict.fromkeys(name for row in rows for name in row if name not in (*_REQUIRED, *_ALWAYS))
    columns = [*_REQUIRED, *own, *_ALWAYS]
    return "".join(f"{line}\n" for line in _lines(columns, rows))


def _lines(columns: list[str], rows: list[dict[str, str]]) -> Iterator[str]:
    yield "\t".join(columns)
    for row in rows:
        # The portal makes links of Markdown in a cell; a text of a record is no link.
        yield "\t".join(row.get(name, "").replace("](", "] (").replace("\t", " ") for name in columns)
