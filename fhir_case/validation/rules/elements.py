"""Rules about single elements: periods, ranges, nulls, absent data, attachments, dates of a profile family."""

from __future__ import annotations

from base64 import b64decode
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.systems import DATA_ABSENT_REASON, MCODE, US_CORE
from fhir_case.fhir.wire import mapping, objects
from fhir_case.validation.check import Check, always, finding, of_types
from fhir_case.validation.rules.dates import certainly_before
from fhir_case.validation.rules.events import codes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.issues import Issue
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


def _periods(subject: Subject) -> Iterator[Issue]:
    for located, node in subject.elements.periods:
        start, end = node.get("start"), node.get("end")
        if isinstance(start, str) and isinstance(end, str) and certainly_before(end, start):
            message = f"the end, {end}, is before the start, {start}"
            yield finding(located, message, check="per-1", node=node, tail=".end")


def _ranges(subject: Subject) -> Iterator[Issue]:
    for located, node in subject.elements.ranges:
        low, high = _number(node.get("low")), _number(node.get("high"))
        same = isinstance(node.get("low"), dict) and _unit(node["low"]) == _unit(node.get("high"))
        if low is not None and high is not None and same and low > high:
            yield finding(located, f"low, {low}, is more than high, {high}", check="rng-2", node=node, tail=".low")


def _number(quantity: object) -> Decimal | int | float | None:
    value = mapping(quantity).get("value")
    return value if isinstance(value, (Decimal, int, float)) and not isinstance(value, bool) else None


def _unit(quantity: object) -> tuple[object, object]:
    found = mapping(quantity)
    return found.get("system"), found.get("code") or found.get("unit")


def _nulls(subject: Subject) -> Iterator[Issue]:
    for located, values in subject.elements.lists_with_null:
        holder, name = located.parent_of(values)
        other = holder.get(name[1:] if name.startswith("_") else f"_{name}") if holder else None
        for number, value in enumerate(values):
            beside = other[number] if isinstance(other, list) and number < len(other) else None
            if value is None and beside is None:
                message = "null stands for a value that has extensions instead, and there are none beside it"
                yield finding(located, message, check="json-null", node=values, tail=f"[{number}]", code="structure")


def _absent_with_value(subject: Subject) -> Iterator[Issue]:
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
            yield finding(
                located, message, check="absent-with-value", node=node, severity="warning", code="business-rule"
            )


def _attachments(subject: Subject) -> Iterator[Issue]:
    for located, node in subject.elements.data:
        data = node["data"]
        if not isinstance(data, str) or not ("contentType" in node or "sigFormat" in node):
            continue
        try:
            size = len(b64decode("".join(data.split()), validate=True))
        except ValueError as error:
            yield finding(
                located, f"this is not valid base64: {error}", check="base64", node=node, tail=".data", code="value"
            )
            continue
        stated = node.get("size")
        if isinstance(stated, int) and stated != size:
            message = f"the stated size is {stated} bytes, and the data have {size}"
            yield finding(located, message, check="base64", node=node, tail=".size", code="value")


def _to_the_day(subject: Subject) -> Iterator[Issue]:
    for located in subject.by_type.get("Observation", ()):
        date = located.resource.get("effectiveDateTime")
        if not isinstance(date, str) or len(date) >= 10:
            continue
        claimed = next((url for one in located.profiles if (url := one.split("|")[0]) in _TO_THE_DAY), "")
        if claimed:
            message = f"{claimed.rpartition('/')[2]} requires the day, and '{date}' has none"
            yield finding(located, message, check="us-core-1", tail=".effectiveDateTime")


def _components(subject: Subject) -> Iterator[Issue]:
    for located in subject.by_type.get("Observation", ()):
        resource = located.resource
        if "component" not in resource or not any(name.startswith("value") for name in resource):
            continue
        own = codes_of(resource.get("code"))
        for component in objects(resource["component"]):
            if own & codes_of(component.get("code")):
                message = "a component has the code of the Observation, which has a value of its own"
                yield finding(located, message, check="obs-7", node=component, tail=".code")


ELEMENT_RULES = (
    Check("per-1", "A period does not end before it starts.", _TYPES + "#Period", _periods, always),
    Check("rng-2", "The low end of a range is not above the high end.", _TYPES + "#Range", _ranges, always),
    Check(
        "json-null",
        "null stands in a list only for a value that has extensions instead.",
        "https://hl7.org/fhir/R4/json.html#primitive",
        _nulls,
        always,
    ),
    Check(
        "absent-with-value",
        "What has a reason for its absence has no value.",
        DATA_ABSENT_REASON,
        _absent_with_value,
        always,
    ),
    Check("base64", "Attached data are base64 of the stated size.", _TYPES + "#Attachment", _attachments, always),
    Check(
        "us-core-1",
        "Laboratory and clinical results of US Core have a date of day precision.",
        "https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-observation-lab.html",
        _to_the_day,
        of_types("Observation"),
    ),
    Check(
        "obs-7",
        "An Observation with a value has no component of the same code.",
        "https://hl7.org/fhir/R4/observation.html#invs",
        _components,
        of_types("Observation"),
    ),
)
