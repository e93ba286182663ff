"""
The rule about vital signs: whoever writes the LOINC code of one follows its profile, claimed or not.

What it finds, the HL7 validation engine calls an error too, in R4 and in R5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.systems import LOINC, OBSERVATION_CATEGORY, UCUM
from fhir_case.fhir.vital_signs import (
    BLOOD_PRESSURE,
    DIASTOLIC,
    PANEL,
    PRESSURE_UNITS,
    SYSTOLIC,
    VitalSign,
    vital_sign_of,
)
from fhir_case.fhir.wire import mapping, objects
from fhir_case.validation.check import Finding, of_types, rule
from fhir_case.validation.rules.events import codes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.validation.located import Located
    from fhir_case.validation.subject import Subject

__all__ = ["VITAL_SIGN_RULES"]

_CATEGORY = (OBSERVATION_CATEGORY, "vital-signs")


@rule(
    "vital-signs",
    "An Observation with the LOINC code of a vital sign follows its profile: category, code, time, value and unit.",
    "https://hl7.org/fhir/R4/observation-vitalsigns.html",
    of_types("Observation"),
)
def _vital_signs(subject: Subject) -> Iterator[Finding]:
    for located in subject.by_type.get("Observation", ()):
        codes = {code for system, code in codes_of(located.resource.get("code")) if system == LOINC}
        sign = vital_sign_of(sorted(codes)) if codes else None
        if sign is not None:
            yield from _problems(located, sign, codes)


def _problems(located: Located, sign: VitalSign, codes: set[str]) -> Iterator[Finding]:
    resource = located.resource
    what = f"the profile {sign.profile} of vital signs"
    if not any(_CATEGORY in codes_of(one) for one in objects(resource.get("category"))):
        yield Finding(located, f"{what} requires the category vital-signs", tail=".category")
    if sign.code not in codes:
        written = min(code for code in codes if vital_sign_of([code]) is sign)
        message = f"{what} requires the code {sign.code} ({sign.display}) beside {written}"
        yield Finding(located, message, tail=".code")
    if "subject" not in resource:
        yield Finding(located, f"{what} requires a subject", tail=".subject", code="required")
    date = resource.get("effectiveDateTime")
    if not any(name in resource for name in ("effectiveDateTime", "_effectiveDateTime", "effectivePeriod")):
        message = f"{what} requires effectiveDateTime or effectivePeriod"
        yield Finding(located, message, tail=".effective", code="required")
    elif isinstance(date, str) and len(date) < len("2020-01-01"):
        yield Finding(located, f"{what} requires the day, and '{date}' has none", tail=".effectiveDateTime")
    yield from _value_problems(located, sign, what)
    if sign is BLOOD_PRESSURE:
        yield from _component_problems(located, what)


def _value_problems(located: Located, sign: VitalSign, what: str) -> Iterator[Finding]:
    resource = located.resource
    values = [name for name in resource if name.startswith("value") and name != "valueQuantity"]
    if sign is BLOOD_PRESSURE or sign is PANEL:
        values += ["valueQuantity"] if "valueQuantity" in resource else []
        has = "components" if sign is BLOOD_PRESSURE else "members"
        for name in values:
            yield Finding(located, f"{what} has {has} and no value of its own", tail=f".{name}")
        if sign is PANEL and not resource.get("hasMember"):
            yield Finding(located, f"{what} requires members", tail=".hasMember", code="required")
        return
    for name in values:
        yield Finding(located, f"{what} allows a quantity only", tail=f".{name}")
    quantity = resource.get("valueQuantity")
    if isinstance(quantity, dict):
        yield from _unit_problems(located, quantity, sign.units, what)
    elif not values and not any(resource.get(name) for name in ("dataAbsentReason", "component", "hasMember")):
        yield Finding(
            located, f"{what} requires a value, or the reason for its absence", tail=".value", code="required"
        )


def _component_problems(located: Located, what: str) -> Iterator[Finding]:
    components = list(objects(located.resource.get("component")))
    for code, name in (SYSTOLIC, DIASTOLIC):
        found = [one for one in components if (LOINC, code) in codes_of(one.get("code"))]
        if len(found) != 1:
            message = f"{what} requires one component {code} ({name}), and has {len(found) or 'none'}"
            yield Finding(located, message, tail=".component", code="required")
        for component in found:
            if isinstance(quantity := component.get("valueQuantity"), dict):
                yield from _unit_problems(located, quantity, PRESSURE_UNITS, what)


def _unit_problems(located: Located, quantity: dict[str, Any], units: tuple[str, ...], what: str) -> Iterator[Finding]:
    missing = [name for name in ("value", "unit", "system", "code") if name not in quantity]
    if missing:
        message = f"{what} requires {' and '.join(missing)} of a quantity"
        yield Finding(located, message, node=quantity, tail=f".{missing[0]}", code="required")
    system, code = mapping(quantity).get("system", UCUM), quantity.get("code")
    if (system != UCUM or code not in units) and "code" in quantity:
        message = f"{what} is measured in {' or '.join(units)}, and this is {code} of {system}"
        yield Finding(located, message, node=quantity, tail=".code", code="code-invalid")


VITAL_SIGN_RULES = (_vital_signs,)
