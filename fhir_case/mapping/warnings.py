"""Find what the resources of a case do not say as it does: units without a code, an order that the dates turn round."""

from __future__ import annotations

import re
from itertools import permutations
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.systems import MCODE, RELATIVE_DATE_TIME
from fhir_case.fhir.wire import mapping, objects
from fhir_case.issues import Issue
from fhir_case.mapping.concepts import Codes
from fhir_case.mapping.plausibility import contradictions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource
    from fhir_case.mapping.running import Mapped

__all__ = ["case_warnings"]


def case_warnings(case: Case, mapped: Mapping[str, Mapped]) -> Iterator[Issue]:
    """
    Return a warning with the line of the entry for each.

    Args:
        mapped: What the mappings made of the case, by ``Type/key``.
    """
    told = set()
    for made in mapped.values():
        if made.in_words:
            yield made.warning(
                f"{made.name} is a vital sign that stands in words, without its code: FHIR wants such a sign dated to "
                "the day, with a number in a unit of its profile"
            )
        for printed, unit in _without_code(made.resource):
            if (made.origin.entry, printed) not in told and not Codes("").has_no_code(unit):
                told.add((made.origin.entry, printed))
                yield made.warning(
                    f"the unit '{unit}' of {printed} has no UCUM code that is known, so that the amount is not coded; "
                    f"correct the unit, or give its code: {{value: …, unit: …, ucum: …}}"
                )
        if reason := _stage_without_code(made.resource):
            yield made.warning(reason)
    yield from contradictions(case, mapped)
    yield from _turned_round(mapped)
    yield from _lines_turned_round(case)


def _without_code(node: Any) -> Iterator[tuple[str, str]]:
    """Return the number with its unit, and the unit, of each quantity that has no code."""
    stack = [node]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack += node
        elif isinstance(node, dict):
            unit = node.get("unit")
            if isinstance(unit, str) and "value" in node and "code" not in node:
                yield f"{node['value']} {unit}", unit
            stack += [value for value in node.values() if value.__class__ is not str]


def _stage_without_code(resource: Resource) -> str:
    """Return why a T, N or M category or a stage group has no code, and how it gets one; empty for all else."""
    value = mapping(resource.get("valueCodeableConcept"))
    said = str(value.get("text", ""))
    profiles = mapping(resource.get("meta")).get("profile", ())
    if "coding" in value or MCODE + "mcode-cancer-stage" not in profiles or not _TNM.match(said):
        return ""
    methods = [str(one.get("display")) for one in objects(mapping(resource.get("method")).get("coding"))]
    if "method" not in resource:
        return (
            f"{said} has no code, since nothing says by which system; add method: ajcc-8, uicc or what the report names"
        )
    if any("American Joint" in one for one in methods) and _ALONE.match(said) and said != "MX":
        part = said[0].lower()
        told = f"clinical-{part} or pathologic-{part}"
        return f"AJCC has no code for {said} alone; write staging: {told} where the report says which it is"
    return ""


_TNM = re.compile(r"^(?:y?[cp])?[TNM](?:[0-4X]|is)|^stage [0IV]", re.IGNORECASE)
_ALONE = re.compile(r"^[TNM]")
_TREATMENTS = {
    "MedicationStatement": "effective", "MedicationAdministration": "effective", "MedicationRequest": "",
    "Procedure": "performed",
}  # fmt: skip
_PROGRESSION = {"LA28370-7", "271299001"}  # as the table ``responses`` has it, and its trend
_RELAPSES = {"relapse", "recurrence"}


def _turned_round(mapped: Mapping[str, Mapped]) -> Iterator[Issue]:
    """
    Find treatments of which only the order is told, and whose date is after a relapse that they may have been before.

    A treatment at ``baseline`` gets the day of the anchor, and a relapse ``1 wk before`` it one before that: the dates
    say that the treatment followed the relapse, which the words do not say.
    """
    days = ((made, _relapse(made.resource)) for made in list(mapped.values())[::-1])
    relapses = {made.origin.entry: (day, made) for made, day in days if day}  # one an entry
    for made in mapped.values():
        begun = _only_before(made.resource)
        for day, relapse in relapses.values():
            if begun and day < begun and made.origin.entry != relapse.origin.entry:
                yield made.warning(
                    f"{made.name} is only known to be before another entry and is dated {begun}, after "
                    f"{relapse.name} on {day} ({relapse.origin.entry}), though it may have been before that; "
                    f"say how long before, or count from that entry: before {relapse.resource['id']}"
                )


def _lines_turned_round(case: Case) -> Iterator[Issue]:
    """Find lines of therapy that are dated after a later line."""
    lines = [
        (entry, number, case.moments.moment(at).day)
        for _, entry in case.entries()
        if isinstance(number := getattr(entry, "line", None), int) and (at := getattr(entry, "at", None)) is not None
    ]
    for (first, number, begun), (second, later, day) in permutations(lines, 2):
        shared = min(len(begun), len(day))
        if number < later and begun[:shared] > day[:shared]:
            message = (
                f"line {number} of therapy ({first.key}) is dated {begun}, after line {later} ({second.key}) "
                f"on {day} ({second.place}); correct the times, or say how long before"
            )
            yield Issue("warning", "case", f"{first.place}: {message}", code="business-rule")


def _only_before(resource: Resource) -> str:
    """Return the date of a treatment that is only told to be before an event; empty for others."""
    element = _TREATMENTS.get(str(resource["resourceType"]))
    if not element:
        return ""
    if f"{element}DateTime" in resource:
        date, told = resource[f"{element}DateTime"], resource.get(f"_{element}DateTime")
    else:
        span = mapping(resource.get(f"{element}Period"))
        date, told = span.get("start"), span.get("_start")
    for one in objects(mapping(told).get("extension")):
        parts = {part.get("url"): part for part in objects(one.get("extension"))}
        interval = mapping(mapping(parts.get("offset")).get("valueRange"))
        before = mapping(parts.get("relationship")).get("valueCode") == "before-start"
        if one.get("url") == RELATIVE_DATE_TIME and before and interval and "high" not in interval:
            return str(date)
    return ""


def _relapse(resource: Resource) -> str:
    """Return the day of a relapse, a recurrence or a progression; empty for other resources, and where it has none."""
    if resource["resourceType"] == "Observation":
        codes = {one.get("code") for one in objects(mapping(resource.get("valueCodeableConcept")).get("coding"))}
        return str(resource.get("effectiveDateTime", "")) if codes & _PROGRESSION else ""
    if resource["resourceType"] != "Condition":
        return ""
    statuses = {one.get("code") for one in objects(mapping(resource.get("clinicalStatus")).get("coding"))}
    asserted = [one.get("valueDateTime") for one in objects(resource.get("extension")) if "valueDateTime" in one]
    days = [*asserted, resource.get("onsetDateTime")]
    return next((str(day) for day in days if day), "") if statuses & _RELAPSES else ""
