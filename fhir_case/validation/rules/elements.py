"""Rules about single elements: periods, ranges, nulls, absent data, attachments, dates of a profile family."""

from __future__ import annotations

from base64 import b64decode
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhir_case.validation.check import Check, always, finding, of_types
from fhir_case.validation.dates import certainly_before
from fhir_case.validation.subject import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.issues import Issue
    from fhir_case.validation.subject import Subject

__all__ = ["ELEMENT_RULES"]

_TYPES = "https://hl7.org/fhir/R4/datatypes.html"
_MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-"
_US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"

# The profiles of US Core 6.1.0 and mCODE STU4 that have us-core-1, their own or inherited.
_TO_THE_DAY = frozenset(
    {_US_CORE + name for name in ("observation-clinical-result", "observation-lab", "observation-screening-assessment")}
    | {
        _MCODE + name
        for name in (
            "deauville-scale",
            "ecog-performance-status",
            "histologic-behavior-and-type",
            "histologic-grade",
            "karnofsky-performance-status",
            "lansky-play-performance-status",
            "tumor-marker-test",
        )
    }
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
    value = quantity.get("value") if isinstance(quantity, dict) else None
    return value if isinstance(value, (Decimal, int, float)) and not isinstance(value, bool) else None


def _unit(quantity: object) -> tuple[object, object]:
    return (
        (quantity.get("system"), quantity.get("code") or quantity.get("unit"))
        if isinstance(quantity, dict)
        else ("", "")
    )


def _nulls(subject: Subject) -> Iterator[Issue]:
    for located, values in subject.elements.lists_with_null:
        holder, name = located.holder(values)
        other = holder.get(name[1:] if name.startswith("_") else f"_{name}") if holder else None
        for number, value in enumerate(values):
            beside = other[number] if isinstance(other, list) and number < len(other) else None
            if value is None and beside is None:
                message = "null stands for a value that has extensions instead, and there are none beside it"
                yield finding(located, message, check="json-null", node=values, tail=f"[{number}]", code="structure")


def _absent(subject: Subject) -> Iterator[Issue]:
    for located, node in subject.elements.absences:
        path = located.steps(node)
        if path is None or "extension" not in path:
            continue
        # The extension stands in _birthDate, or in an item of _given.
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
            yield finding(located, f"this is no base64: {error}", check="base64", node=node, tail=".data", code="value")
            continue
        told = node.get("size")
        if isinstance(told, int) and told != size:
            message = f"the size is given as {told} bytes, and the data have {size}"
            yield finding(located, message, check="base64", node=node, tail=".size", code="value")


def _to_the_day(subject: Subject) -> Iterator[Issue]:
    for located in subject.by_type.get("Observation", ()):
        date, meta = located.resource.get("effectiveDateTime"), located.resource.get("meta")
        profiles = meta.get("profile") if isinstance(meta, dict) else None
        if not isinstance(date, str) or not isinstance(profiles, list) or len(date) >= 10:
            continue
        claimed = next((str(one).split("|")[0] for one in profiles if str(one).split("|")[0] in _TO_THE_DAY), "")
        if claimed:
            message = f"{claimed.rpartition('/')[2]} wants the day, and '{date}' has none"
            yield finding(located, message, check="us-core-1", tail=".effectiveDateTime")


def _components(subject: Subject) -> Iterator[Issue]:
    for located in subject.by_type.get("Observation", ()):
        resource = located.resource
        if not isinstance(resource.get("component"), list) or not any(name.startswith("value") for name in resource):
            continue
        own = _codes(resource.get("code"))
        for component in resource["component"]:
            if isinstance(component, dict) and own & _codes(component.get("code")):
                message = "a component has the code of the Observation, which has a value of its own"
                yield finding(located, message, check="obs-7", node=component, tail=".code")


def _codes(concept: object) -> set[tuple[str, str]]:
    codings = concept.get("coding") if isinstance(concept, dict) else None
    return {
        (str(coding.get("system")), str(coding["code"]))
        for coding in (codings if isinstance(codings, list) else [])
        if isinstance(coding, dict) and "code" in coding
    }


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
    Check("absent-with-value", "What is said to be absent has no value.", ABSENT, _absent, always),
    Check("base64", "Attached data are base64 of the size that is told.", _TYPES + "#Attachment", _attachments, always),
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
