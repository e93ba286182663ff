"""Rules about single elements: periods, ranges, nulls, absent data, attachments, dates of a profile family."""

from __future__ import annotations

from base64 import b64decode
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.systems import DATA_ABSENT_REASON, MCODE, US_CORE
from fhir_case.fhir.wire import mapping, objects
from fhir_case.validation.check import Finding, of_types, rule
from fhir_case.validation.rules.dates import certainly_before
from fhir_case.validation.rules.events import codes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.validation.subject import Subject

__all__ = ["ELEMENT_RULES"]

_TYPES = "https://hl7.org/fhir/R4/datatypes.html"

# The profiles of US Core 6.1.0 and mCODE STU4 that have us-core-1, their own or inherited.
_TO_THE_DAY = frozenset(
    f"{US_CORE}us-core-{name}"
    for name in ("observation-clinical-result", "observation-lab", "observation-screening-assessment")
) | frozenset(
    f"{MCODE}mcode-{name}"
    for name in (
        "deauville-scale",
        "ecog-performance-status",
        "histologic-behavior-and-type",
        "histologic-grade",
        "karnofsky-performance-status",
        "lansky-play-performance-status",
        "tumor-marker-test",
    )
)


@rule("per-1", "A period does not end before it starts.", _TYPES + "#Period")
def _periods(subject: Subject) -> Iterator[Finding]:
    for located, node in subject.elements.periods:
        start, end = node.get("start"), node.get("end")
        if isinstance(start, str) and isinstance(end, str) and certainly_before(end, start):
            message = f"the end, {end}, is before the start, {start}"
            yield Finding(located, message, node=node, tail=".end")


@rule("rng-2", "The low end of a range is not above the high end.", _TYPES + "#Range")
def _ranges(subject: Subject) -> Iterator[Finding]:
    for located, node in subject.elements.ranges:
        low, high = _number(node.get("low")), _number(node.get("high"))
        same = isinstance(node.get("low"), dict) and _unit(node["low"]) == _unit(node.get("high"))
        if low is not None and high is not None and same and low > high:
            yield Finding(located, f"low, {low}, is more than high, {high}", node=node, tail=".low")


def _number(quantity: object) -> Decimal | int | float | None:
    value = mapping(quantity).get("value")
    return value if isinstance(value, (Decimal, int, float)) and not isinstance(value, bool) else None


def _unit(quantity: object) -> tuple[object, object]:
    found = mapping(quantity)
    return found.get("system"), found.get("code") or found.get("unit")


@rule(
    "json-null",
    "null stands in a list only for a value that has extensions instead.",
    "https://hl7.org/fhir/R4/json.html#primitive",
)
def _nulls(subject: Subject) -> Iterator[Finding]:
    for located, values in subject.elements.lists_with_null.values():
        holder, name = located.parent_of(values)
        other = holder.get(name[1:] if name.startswith("_") else f"_{name}") if holder else None
        for number, value in enumerate(values):
            beside = other[number] if isinstance(other, list) and number < len(other) else None
            if value is None and beside is None:
                message = "null stands for a value that has extensions instead, and there are none beside it"
                yield Finding(located, message, node=values, tail=f"[{number}]", code="structure")


@rule("absent-with-value", "What has a reason for its absence has no value.", DATA_ABSENT_REASON)
def _absent_with_value(subject: Subject) -> Iterator[Finding]:
    for located, node in subject.elements.absent_reasons:
        path = located.path_to(node)
        if path is None or "extension" not in path:
            continue
        # The extension is in _birthDate, or in an item of _given.
        above = path[: len(path) - path[::-1].index("extension") - 1]
        number = above[-1] if above and isinstance(above[-1], int) else None
        name = above[-2] if number is not None and len(above) > 1 else (above[-1] if above else "")
        if not isinstance(name, str) or not name.startswith("_"):
            continue
        holder: Any = located.at(above[: -2 if number is not None else -1])
        value = holder.get(name[1:]) if isinstance(holder, dict) else None
        if isinstance(number, int):
            value = value[number] if isinstance(value, list) and number < len(value) else None
        if value is not None:
            message = f"there is a value, '{value}', beside the reason for its absence"
            yield Finding(located, message, node=node, severity="warning", code="business-rule")


@rule("base64", "Attached data are base64 of the stated size.", _TYPES + "#Attachment")
def _attachments(subject: Subject) -> Iterator[Finding]:
    for located, node in subject.elements.data:
        data = node["data"]
        if not isinstance(data, str) or not ("contentType" in node or "sigFormat" in node):
            continue
        try:
            size = len(b64decode("".join(data.split()), validate=True))
        except ValueError as error:
            yield Finding(located, f"this is not valid base64: {error}", node=node, tail=".data", code="value")
            continue
        stated = node.get("size")
        if isinstance(stated, str) and subject.fhir != "R4" and stated.isdecimal():  # an integer64 is text
            stated = int(stated[:20])
        if isinstance(stated, int) and stated != size:
            message = f"the stated size is {stated} bytes, and the data have {size}"
            yield Finding(located, message, node=node, tail=".size", code="value")


@rule(
    "us-core-1",
    "Laboratory and clinical results of US Core have a date of day precision.",
    "https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-observation-lab.html",
    of_types("Observation"),
)
def _to_the_day(subject: Subject) -> Iterator[Finding]:
    for located in subject.by_type.get("Observation", ()):
        date = located.resource.get("effectiveDateTime")
        if not isinstance(date, str) or len(date) >= 10:
            continue
        claimed = next((url for one in located.profiles if (url := one.split("|")[0]) in _TO_THE_DAY), "")
        if claimed:
            message = f"{claimed.rpartition('/')[2]} requires the day, and '{date}' has none"
            yield Finding(located, message, tail=".effectiveDateTime")


@rule(
    "obs-7",
    "An Observation with a value has no component of the same code.",
    "https://hl7.org/fhir/R4/observation.html#invs",
    of_types("Observation"),
)
def _components(subject: Subject) -> Iterator[Finding]:
    for located in subject.by_type.get("Observation", ()):
        resource = located.resource
        if "component" not in resource or not any(name.startswith("value") for name in resource):
            continue
        own = codes_of(resource.get("code"))
        for component in objects(resource["component"]):
            if own & codes_of(component.get("code")):
                message = "a component has the code of the Observation, which has a value of its own"
                yield Finding(located, message, node=component, tail=".code")


ELEMENT_RULES = (
    _periods,
    _ranges,
    _nulls,
    _absent_with_value,
    _attachments,
    _to_the_day,
    _components,
)
