"""Observations as events: values of the laboratory, vital signs, responses of a tumour, findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.wire import mapping, objects
from fhir_case.timeline.event import Event, Value
from fhir_case.timeline.reading.record import key_of, name_of
from fhir_case.timeline.reading.remarks import remarks_of
from fhir_case.timeline.reading.times import times_of
from fhir_case.timeline.words import clean, concept_words, has_code, number_of, quantity_words, value_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.fhir.wire import Resource
    from fhir_case.timeline.event import Lane
    from fhir_case.timeline.reading.record import Record

__all__ = ["DISEASE_STATUS", "RESPONSE", "observations", "values_in"]

DISEASE_STATUS = ("97509-4", "21976-6")
"""LOINC: cancer disease progression (mCODE 4); cancer disease status (earlier)."""

RESPONSE = ("88040-1",)
"""LOINC: response to cancer treatment."""

# Of the value set of mCODE 4.0.0 for tumour marker tests, those that are measured in blood again and again: alpha-
# fetoprotein, PIVKA-II, CEA, CA 19-9, 125, 15-3, 27-29 and 72-4, PSA, HE4, hCG, calcitonin, thyroglobulin, chromogranin
# A, neuron specific enolase; and of tissue oestrogen and progesterone receptor, HER2, PD-L1. Alpha-fetoprotein (1834-1,
# 53962-7) is not in it, and comes from the units table of LOINC.
# Source: http://hl7.org/fhir/us/mcode/ValueSet/mcode-tumor-marker-test-vs
_TUMOUR_MARKERS = (
    "1834-1", "53962-7", "34444-0", "93768-0", "2039-6", "19166-8", "83085-1", "24108-3", "83084-4", "10334-1",
    "83082-8", "6875-9", "83083-6", "17842-6", "17843-4", "2857-1", "83112-3", "35741-8", "19195-7", "96044-3",
    "55180-4", "21198-7", "20415-6", "55869-2", "1992-7", "3013-0", "9811-1", "15060-7", "57371-7",
    "40556-3", "40557-1", "48676-1", "31150-6", "14228-1", "14230-7", "83053-9", "83052-1", "83055-4", "83057-0",
)  # fmt: skip
_TUMOUR_MARKER_PROFILE = "mcode-tumor-marker-test"
_CATEGORIES: dict[str, Lane] = {"laboratory": "laboratory", "vital-signs": "vital-signs"}
# What RECIST and Lugano call a response, by the answers of LOINC and what mCODE's disease status has.
_KINDS = {
    "LA28366-5": "complete response",
    "LA28369-9": "partial response",
    "LA28371-5": "stable disease",
    "LA28370-7": "progressive disease",
    "103338009": "remission",
    "268910001": "improved",
    "359746009": "stable disease",
    "271299001": "worse",
}


def observations(resource: Resource, record: Record) -> Iterator[Event]:
    """Yield the events of an Observation: one, and where its components have values one for each of them."""
    times = times_of(resource, record)
    lane = _lane(resource)
    details = remarks_of(resource, times)
    values = list(values_in(resource)) or [("", "", None)]
    for part, label, value in values:
        yield Event(
            lane,
            "Response" if lane == "responses" else _name(name_of(resource), part),
            label or _absent(resource) or "no value",
            times.start,
            times.end,
            lasts=times.is_period and times.end is not None,
            value=value,
            details=details,
            resources=(key_of(resource),),
            untimed=times.missing if not (times.start or times.end) else "",
            kind=_kind(resource) if lane == "responses" else "",
        )


def _name(name: str, part: str) -> str:
    """Return the name of a component, which may say that of the whole already: systolic blood pressure."""
    if not part or name.lower() in part.lower():
        return part or name
    return f"{name}, {part[:1].lower()}{part[1:]}"


def _lane(resource: Resource) -> Lane:
    code = resource.get("code")
    profiles = mapping(resource.get("meta")).get("profile")
    if has_code(code, *DISEASE_STATUS, *RESPONSE):
        return "responses"
    claimed = [each for each in profiles if isinstance(each, str)] if isinstance(profiles, list) else []
    if has_code(code, *_TUMOUR_MARKERS) or any(each.endswith(_TUMOUR_MARKER_PROFILE) for each in claimed):
        return "tumour-markers"
    for category in objects(resource.get("category")):
        for name, lane in _CATEGORIES.items():
            if has_code(category, name):
                return lane
    return "findings"


def values_in(resource: Resource) -> Iterator[tuple[str, str, Value | None]]:
    """Yield what an Observation has of values: the component, empty for its own, in words, and as a number."""
    for part in (resource, *objects(resource.get("component"))):
        name = "" if part is resource else concept_words(part.get("code"))
        found = next(((key, part[key]) for key in part if key.startswith("value") and key != "value"), None)
        if found is not None:
            label, number = _value(part, *found)
            yield name, label, number


def _value(part: dict[str, Any], key: str, value: Any) -> tuple[str, Value | None]:
    if key in ("valueQuantity", "valueInteger", "valueDecimal"):
        quantity = mapping(value) if key == "valueQuantity" else {"value": value}
        number = number_of(quantity.get("value"))
        if number is not None:
            unit = clean(quantity.get("unit")) or clean(quantity.get("code"))
            low, high = _reference_range(part, clean(quantity.get("unit")))
            return quantity_words(quantity), Value(number, unit, clean(quantity.get("comparator")), low, high)
    if key == "valueSampledData":
        return "a curve of measurements", None
    return value_words(value), None


def _reference_range(part: dict[str, Any], unit: str) -> tuple[float | None, float | None]:
    """Return the bounds of the first normal range that is in the unit of the value."""
    for each in objects(part.get("referenceRange")):
        if each.get("type") and not has_code(each["type"], "normal"):
            continue
        bounds = [mapping(each.get(name)) for name in ("low", "high")]
        units = {clean(bound.get("unit")) for bound in bounds if bound}
        if units and units <= {unit, ""}:
            return number_of(bounds[0].get("value")), number_of(bounds[1].get("value"))
    return None, None


def _absent(resource: Resource) -> str:
    reason = concept_words(resource.get("dataAbsentReason"))
    return f"no value: {reason}" if reason else ""


def _kind(resource: Resource) -> str:
    codings = objects(mapping(resource.get("valueCodeableConcept")).get("coding"))
    return next((_KINDS[code] for each in codings if (code := clean(each.get("code"))) in _KINDS), "")
