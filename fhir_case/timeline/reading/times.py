"""
The time of a resource: which element has it, and what it counts from.

Source: the definitions of the resources, https://hl7.org/fhir/R4/resourcelist.html, and where elements have other names
in R5, https://hl7.org/fhir/R5/resourcelist.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.systems import ASSERTED_DATE
from fhir_case.fhir.wire import mapping, objects
from fhir_case.timeline.moment import Moment, parse_date
from fhir_case.timeline.reading.relative import relative_time
from fhir_case.timeline.words import clean, number_of, value_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.fhir.wire import Resource
    from fhir_case.timeline.reading.record import Record

__all__ = ["Times", "moment_in", "times_of"]

# The elements that can have the time of a resource, the best first; [x] and its types are left out.
_ELEMENTS: dict[str, tuple[str, ...]] = {
    "AdverseEvent": ("date", "occurrence", "detected"),
    "AllergyIntolerance": ("onset",),
    "Communication": ("sent", "received"),
    "Condition": ("onset", ASSERTED_DATE),
    "DiagnosticReport": ("effective",),
    "Encounter": ("period", "actualPeriod", "plannedPeriod"),
    "Goal": ("start",),
    "ImagingStudy": ("started",),
    "MedicationAdministration": ("effective", "occurence"),  # with one r in R5
    "MedicationDispense": ("whenHandedOver", "whenPrepared"),
    "MedicationRequest": ("authoredOn",),
    "QuestionnaireResponse": ("authored",),
    "Specimen": ("collected",),
}
_ANY = (
    "effective",
    "performed",
    "occurrence",
    "onset",
    "period",
    "timing",
    "date",
    "started",
    "startDate",
    "authoredOn",
)
# When it was written down, where nothing says when it was.
_RECORDED = ("recordedDate", "issued", "dateAsserted", "recorded", "created", "authored", "authoredOn", "receivedTime")
_MOMENTS = ("onset", "abatement")  # when something began or ended, which has no duration
_WITHOUT_DURATION = ("DiagnosticReport", "Immunization", "Observation", "Specimen")
_TYPES = ("", "DateTime", "Date", "Instant", "Period", "Timing", "Age", "Range", "String")


@dataclass(frozen=True, slots=True)
class Times:
    """
    When something began and ended.

    Args:
        start: When it was, or began; None: nobody says.
        end: When it ended.
        is_period: Whether the element is a Period.
        missing: Why there is no time, in a few words.
        recorded: Whether it is only the time at which it was written down.
    """

    start: Moment | None = None
    end: Moment | None = None
    is_period: bool = False
    missing: str = ""
    recorded: bool = False


def times_of(resource: Resource, record: Record, *elements: str) -> Times:
    """
    Return when a resource says that it was.

    Args:
        elements: The elements to look into; without any those of its type.
    """
    holder = mapping(resource.get("collection")) if resource.get("resourceType") == "Specimen" else resource
    missing = ""
    kind = clean(resource.get("resourceType"))
    for element in elements or _ELEMENTS.get(kind, _ANY):
        found = _of_element(holder, element, record)
        if found.start or found.end:
            return _as_meant(found, kind, element)
        missing = missing or found.missing
    for element in () if elements else _RECORDED:
        found = _of_element(resource, element, record)
        if found.start:
            return Times(found.start, recorded=True)
    return Times(missing=missing or "the source gives none")


def _as_meant(found: Times, kind: str, element: str) -> Times:
    """
    Return a Period as a moment where it has the bounds of one: of an onset, or with one bound of what has no duration.

    So ``before 2018-03`` is written; a procedure that has only a start began there.
    """
    if not found.is_period:
        return found
    whole = found.start is not None and found.end is not None
    if (
        element in _MOMENTS
        or (kind in _WITHOUT_DURATION and not whole)
        or (kind == "Procedure" and found.start is None)
    ):
        return Times(_between(found.start, found.end))
    return found


def _between(start: Moment | None, end: Moment | None) -> Moment:
    earliest, latest = start.earliest if start else None, end.latest if end else None
    if start and end:
        return Moment(earliest, latest, said=f"between {start.words} and {end.words}")
    return Moment(earliest, latest, said=f"from {start.words} on" if start else f"before {end.words if end else ''}")


def _of_element(holder: dict[str, Any], element: str, record: Record) -> Times:
    if element == ASSERTED_DATE:
        found = next((each for each in objects(holder.get("extension")) if each.get("url") == ASSERTED_DATE), {})
        return _of_value(found, "valueDateTime", record)
    names = (element + form for form in _TYPES)
    candidates = (_of_value(holder, name, record) for name in names if name in holder or f"_{name}" in holder)
    found_times = [each for each in candidates if each.start or each.end or each.missing]
    return next((each for each in found_times if each.start or each.end), (*found_times, Times())[0])


def _of_value(holder: dict[str, Any], name: str, record: Record) -> Times:
    value = holder.get(name)
    if isinstance(value, dict):
        return _of_complex(value, record)
    moment = moment_in(holder, name, record)
    if moment is not None:
        return Times(moment)
    return Times(missing=clean(value) and f"“{clean(value)}” is not a date") if isinstance(value, str) else Times()


def _of_complex(value: dict[str, Any], record: Record) -> Times:
    """Return the time in a Period, Timing, Age, or Range of ages."""
    if {"start", "end", "_start", "_end"} & set(value):
        return Times(moment_in(value, "start", record), moment_in(value, "end", record), is_period=True)
    if "event" in value or "repeat" in value:
        return _of_timing(value, record)
    words = value_words(value)
    years = _years(value)
    birth = parse_date(record.patient.get("birthDate"))
    if years and birth:
        moved = birth.shifted(years[0] * 365.25, (years[1] + 1) * 365.25)
        return Times(Moment(moved.earliest, moved.latest, said=f"at the age of {words}"))
    return Times(missing=f"age {words}, and no date of birth" if years else words)


def _of_timing(value: dict[str, Any], record: Record) -> Times:
    dates = value.get("event")
    found = sorted(filter(None, map(parse_date, dates if isinstance(dates, list) else [])), key=lambda one: one.at)
    if found:
        return Times(found[0], found[-1] if len(found) > 1 else None, is_period=len(found) > 1)
    bounds = mapping(value.get("repeat")).get("boundsPeriod")
    return (
        _of_complex(bounds, record)
        if isinstance(bounds, dict) and bounds
        else Times(missing=value_words(value.get("code")))
    )


def _years(value: dict[str, Any]) -> tuple[float, float] | None:
    """Return an Age, or a Range of ages, in years."""
    bounds = [mapping(value.get(name)) for name in ("low", "high") if name in value] or [value]
    found = list(_in_years(bounds))
    return (min(found), max(found)) if found else None


def _in_years(quantities: list[dict[str, Any]]) -> Iterator[float]:
    units = {"a": 1.0, "mo": 1 / 12, "wk": 7 / 365.25, "d": 1 / 365.25}
    for each in quantities:
        number, unit = number_of(each.get("value")), clean(each.get("code"))
        if number is not None and unit in units and 0 <= number * units[unit] <= 150:
            yield number * units[unit]


def moment_in(holder: dict[str, Any], name: str, record: Record) -> Moment | None:
    """Return the time in an element that is a date: as it stands, and as its extension counts from an event."""
    written = parse_date(holder.get(name))
    return relative_time(mapping(holder.get(f"_{name}")), written, record, start_of)


def start_of(resource: Resource, record: Record, *, end: bool = False) -> Moment | None:
    """Return when a resource began, or ended."""
    found = times_of(resource, record)
    return (found.end if end else found.start) or found.start
