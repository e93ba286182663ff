"""
Make a vital sign of every Observation whose code is one, whatever section it was written in.

FHIR asks for its profile wherever one of these LOINC codes stands: the category, a quantity in one of few units, for a
blood pressure two components. What cannot be said in that form, such as "normal" or a range, has the code of SNOMED CT,
which no profile is tied to.

Source: https://hl7.org/fhir/R4/observation-vitalsigns.html
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.datatypes import category, code_of, coding
from fhir_case.fhir.systems import DATA_ABSENT_REASON_CODES, LOINC, OBSERVATION_CATEGORY, SNOMED, UCUM, US_CORE
from fhir_case.fhir.vital_signs import (
    BLOOD_PRESSURE,
    DIASTOLIC,
    PANEL,
    PRESSURE_UNITS,
    SNOMED_OF_PRESSURES,
    SYSTOLIC,
    VitalSign,
    vital_sign_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case.fhir.wire import Resource

__all__ = ["as_vital_sign", "conversion_note", "fitting", "pressure_component"]

Json = dict[str, Any]

_GENERAL = frozenset(
    f"{US_CORE}us-core-{name}"
    for name in ("simple-observation", "observation-lab", "observation-clinical-result", "vital-signs")
)
_PULSE_OXIMETRY = "59408-5"
# Units of the clinic that a profile does not allow, with the one that it does and the factor, exact but for the last.
_CONVERSIONS = {
    "m": ("cm", Decimal(100)),
    "mm": ("cm", Decimal("0.1")),
    "mg": ("g", Decimal("0.001")),
    "1": ("%", Decimal(100)),
    "kPa": ("mm[Hg]", Decimal("7.50062")),
}
_OF_COMPONENTS = ("valueQuantity", "interpretation", "referenceRange")
_LABELS = {"mm[Hg]": "mmHg", "Cel": "°C", "[degF]": "°F", "[in_i]": "in", "[lb_av]": "lb", "kg/m2": "kg/m²"}


def as_vital_sign(resource: Resource) -> Resource:
    """
    Return an Observation as the vital sign that its code makes it; any other resource as it is.

    Returns: the Observation with category and profile of the sign; without the code, in words, where the profile has no
    place for what was found, or the time is no day: validators hold whatever has the code to vs-1.
    """
    if resource["resourceType"] != "Observation":
        return resource
    codes = _loinc_codes(resource)
    sign = vital_sign_of(codes)
    alone = next((one for one in (SYSTOLIC, DIASTOLIC) if one[0] in codes and "component" not in resource), None)
    if (alone or sign) and len(str(resource.get("effectiveDateTime", ""))) < len("2020-01-01"):
        return _in_words(resource)
    if alone is not None:
        return _one_pressure(resource, alone)
    if sign is None or sign is PANEL:
        return resource
    value = fitting(resource.get("valueQuantity"), sign.units)
    if value is not None:
        return _claimed(_converted(resource, value), sign)
    is_complete = "component" in resource if sign is BLOOD_PRESSURE else "dataAbsentReason" in resource
    return _claimed(resource, sign) if is_complete else _in_words(resource)


def pressure_component(code: tuple[str, str], value: Json | None) -> Json:
    """Return the component of a blood pressure; without a value it says that this is unknown."""
    found = {"valueQuantity": value} if value else {"dataAbsentReason": _UNKNOWN}
    return {"code": code_of(LOINC, *code, text=code[1]), **found}


_UNKNOWN = code_of(DATA_ABSENT_REASON_CODES, "unknown", "Unknown")


def _loinc_codes(resource: Resource) -> list[str]:
    codings = resource.get("code", {}).get("coding", ())
    return [one["code"] for one in codings if one.get("system") == LOINC and "code" in one]


def _one_pressure(resource: Resource, known: tuple[str, str]) -> Resource:
    """Return a pressure that was written alone as the blood pressure that FHIR has it in."""
    value = fitting(resource.get("valueQuantity"), PRESSURE_UNITS)
    if value is None:
        return _in_words(resource)
    changed = _converted(resource, value)
    moved = {name: changed.pop(name) for name in _OF_COMPONENTS if name in changed}
    components = [pressure_component(code, value if code is known else None) for code in (SYSTOLIC, DIASTOLIC)]
    told = components[known is DIASTOLIC]
    told.update({name: part for name, part in moved.items() if name != "valueQuantity"})
    code = {name: part for name, part in resource["code"].items() if name != "coding"}
    return _claimed({**changed, "code": code, "component": components}, BLOOD_PRESSURE)


def fitting(value: Json | None, units: Sequence[str]) -> Json | None:
    """Return a quantity in a unit that the profile allows: as it is, or converted; none where it cannot be."""
    if not value:
        return None
    given: str = value.get("code", "") if value.get("system") == UCUM else ""
    if not given and not value.get("unit") and units == ("/min",):
        return {**value, "unit": "/min", "system": UCUM, "code": "/min"}  # a rate is printed without its unit
    if given in units:
        return {**value, "unit": value.get("unit") or _LABELS.get(given, given)}
    unit, factor = _CONVERSIONS.get(given, ("", Decimal(0)))
    if unit not in units:
        return None
    number = Decimal(str(value["value"])) * factor
    if given == "kPa":
        number = number.quantize(Decimal(1))
    number = number.normalize()
    amount = int(number) if number == number.to_integral_value() else number
    return {**value, "value": amount, "unit": _LABELS.get(unit, unit), "code": unit}


def _converted(resource: Resource, value: Json) -> Resource:
    """Return an Observation with the value that fits, and a note of what was printed where that is another."""
    printed = resource["valueQuantity"]
    changed = {**resource, "valueQuantity": value}
    if printed.get("code") in {None, value["code"]}:
        return changed
    note = conversion_note(f"{printed['value']} {printed.get('unit', '')}".rstrip())
    return {**changed, "note": [*resource.get("note", ()), {"text": note}]}


def conversion_note(printed: str) -> str:
    """Return the words that say what was printed, where the profile wants another unit."""
    return f"Printed as {printed}; converted to the unit of the profile."


def _claimed(resource: Resource, sign: VitalSign) -> Resource:
    """Return an Observation with category, code and profile of its sign."""
    codes = _loinc_codes(resource)
    required = [coding(LOINC, sign.code, sign.display)] if sign.code not in codes else []
    # What was measured in the blood is no pulse oximetry.
    by_pulse = sign.us_core != "pulse-oximetry" or _PULSE_OXIMETRY in codes
    profile = f"{US_CORE}us-core-{sign.us_core if by_pulse else 'vital-signs'}"
    categories = [one for one in resource.get("category", ()) if not _is_observation_category(one)]
    return {
        **resource,
        "meta": _with_profile(resource.get("meta", {}), profile),
        "category": [*category("vital-signs"), *categories],
        "code": {**resource["code"], "coding": [*resource["code"].get("coding", ()), *required]},
    }


def _is_observation_category(one: Json) -> bool:
    return any(each.get("system") == OBSERVATION_CATEGORY for each in one.get("coding", ()))


def _in_words(resource: Resource) -> Resource:
    """
    Return an Observation without the LOINC codes that would make it a vital sign.

    A code of SNOMED CT says what was observed in their place, since no profile is tied to it; the words stay anyway.
    """
    codes = _loinc_codes(resource)
    sign = vital_sign_of(codes)
    lost = {code for code in codes if vital_sign_of([code]) or code in SNOMED_OF_PRESSURES}
    pressures = [SNOMED_OF_PRESSURES[code] for code in codes if code in SNOMED_OF_PRESSURES]
    observed = pressures or ([sign.snomed] if sign else [])
    given = resource["code"]
    kept = [one for one in given.get("coding", ()) if one.get("system") != LOINC or one.get("code") not in lost]
    known = {(one.get("system"), one.get("code")) for one in kept}
    kept += [coding(SNOMED, *one) for one in observed if one[0] and (SNOMED, one[0]) not in known]
    words = given.get("text") or next((one.get("display") for one in given.get("coding", ())), None)
    code = {**({"coding": kept} if kept else {}), "text": words or (sign.display if sign else "Vital sign")}
    profile = f"{US_CORE}us-core-simple-observation"
    return {**resource, "meta": _with_profile(resource.get("meta", {}), profile), "code": code}


def _with_profile(meta: Json, profile: str) -> Json:
    others = [one for one in meta.get("profile", ()) if one not in _GENERAL]
    return {**meta, "profile": [profile, *(one for one in others if one != profile)]}
