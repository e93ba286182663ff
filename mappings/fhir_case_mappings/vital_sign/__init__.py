"""Vital signs, body measures, and what else is measured at the bed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, LiteralString, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Event, Quantity, Section, Site, Value
from fhir_case.case.checks import refuse_negative
from fhir_case.case.forms import BloodPressure
from fhir_case.fhir.datatypes import annotation
from fhir_case.fhir.systems import MCODE, US_CORE
from fhir_case.fhir.vital_signs import DIASTOLIC, PRESSURE_UNITS, SYSTOLIC
from fhir_case.mapping import Codes, Mapping, observation
from fhir_case.mapping.vital_signs import conversion_note, fitting, pressure_component

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Reading", "VitalSign", "vital_signs"]

_codes = Codes.beside(__name__)

_BLOOD_PRESSURE = "blood-pressure"
_OXYGEN = {"oxygen_flow": "oxygen-flow", "oxygen_concentration": "oxygen-concentration"}
_OXYGEN_UNITS: dict[LiteralString, tuple[str, ...]] = {
    "oxygen_flow": ("L/min", "l/min"),
    "oxygen_concentration": ("%",),
}


class Reading(Value):
    """
    What was read: a quantity, a blood pressure, a range or a concept.

    Args:
        pressure: Two pressures with one unit, such as 62/52 mmHg.
    """

    kinds: ClassVar[str] = "a quantity, a blood pressure, a range or a concept"

    pressure: BloodPressure | None = None

    @classmethod
    def kind_of(cls, data: Any) -> str:
        """Return the field that something written in a file belongs to."""
        if isinstance(data, str) and re.match(r"\s*\d+(?:\.\d+)?\s*/\s*\d", data, re.ASCII):
            return "pressure"
        if isinstance(data, dict) and BloodPressure.model_fields.keys() & data.keys():
            return "pressure"
        return super().kind_of(data)

    def __str__(self) -> str:
        return str(self.pressure) if self.pressure is not None else super().__str__()


class VitalSign(Event):
    """
    A vital sign, a measure of the body, or what else is measured at the bed: ventilation, haemodynamics, urine.

    Args:
        sign: What was measured.
        value: A number with its unit as printed, two pressures such as 62/52 mmHg, or words.
        interpretation: How the report judges it, such as ``high``.
        site: Where it was measured.
        method: How it was measured.
        oxygen_flow: For a saturation, the flow of the oxygen that was inhaled, in L/min.
        oxygen_concentration: For a saturation, the concentration of the oxygen that was inhaled, in %.
    """

    sign: Annotated[Concept, _codes.table("vital_signs")]
    value: Annotated[Reading, _codes.table("values")]
    interpretation: Annotated[Concept, _codes.table("interpretations")] | None = None
    site: Annotated[Site, _codes.table("sites")] | None = None
    method: Concept | None = None
    oxygen_flow: Quantity | None = None
    oxygen_concentration: Quantity | None = None

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        is_pressure = self.sign.name == _BLOOD_PRESSURE
        if is_pressure and self.value.pressure is None and self.value.concept is None:
            what = "a blood pressure is two numbers and their unit, such as 120/80 mmHg; "
            raise PydanticCustomError("value", what + "the upper one alone is a systolic-blood-pressure")
        if self.value.pressure is not None and not is_pressure:
            raise PydanticCustomError("value", "two pressures are the value of the sign blood-pressure")
        refuse_negative(self.value, "value", "a measured amount")
        _codes.check_unit("vital_signs", self.sign, self.value)
        self._oxygen_is_possible()
        return self

    def _oxygen_is_possible(self) -> None:
        for field, units in _OXYGEN_UNITS.items():
            amount: Quantity | None = getattr(self, field)
            if amount is not None and self.sign.name != "oxygen-saturation":
                raise PydanticCustomError(field, "the oxygen that was inhaled belongs to an oxygen-saturation")
            if amount is not None and amount.unit not in units:
                raise PydanticCustomError(field, "this is a number of {units}", {"units": units[0]})


def vital_signs(case: Case) -> Iterator[Resource]:
    """
    Map vital signs and body measures; one that stands in another section is one too (`fhir_case.mapping.vital_signs`).

    Reads: each `VitalSign`; a unit must fit its sign.
    Returns: one Observation each, with the US Core profile of the sign, in the unit that the profile wants.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-vital-signs.html
    """
    for entry in case.entries_of(VitalSign):
        oxygen = _oxygen(entry)
        yield observation(
            case,
            entry,
            kind=_category(entry) or "vital-signs",
            code=_codes.concept("vital_signs", entry.sign, entry),
            value=_value(entry),
            words=", ".join((_codes.value_words("values", entry.value, entry), *oxygen)),
            at=entry.at,
            profile=_profile(entry),
            interpretation=_interpretation(entry),
            bodySite=_codes.site(entry.site, entry) if entry.site else None,
            method=_codes.concept("methods", entry.method, entry) if entry.method else None,
            component=[*_pressures(entry), *oxygen.values()],
            **annotation(entry.note, _conversion(entry)),
        )


def _profile(entry: VitalSign) -> str:
    """Return the profile of mCODE where the table names one; the code decides which of US Core it becomes later."""
    term = _codes.find("vital_signs", entry.sign)
    mcode = term.more.get("mcode") if term else None
    if mcode:
        return f"{MCODE}{mcode}"
    return f"{US_CORE}us-core-{'simple-observation' if _category(entry) else 'vital-signs'}"


def _category(entry: VitalSign) -> str:
    """Return the category of what is measured beside the vital signs, such as a setting of a ventilator; else empty."""
    term = _codes.find("vital_signs", entry.sign)
    return str(term.more.get("category", "")) if term else ""


def _value(entry: VitalSign) -> dict[str, Any]:
    if entry.value.pressure is not None:
        return {}
    return _codes.value("values", entry.value, entry, term=_codes.find("vital_signs", entry.sign))


def _pressures(entry: VitalSign) -> list[dict[str, Any]]:
    read = entry.value.pressure
    if read is None:
        return []
    both = ((SYSTOLIC, read.systolic), (DIASTOLIC, read.diastolic))
    return [pressure_component(code, fitting(_codes.quantity(amount), PRESSURE_UNITS)) for code, amount in both]


def _conversion(entry: VitalSign) -> str | None:
    read = entry.value.pressure
    return conversion_note(str(read)) if read is not None and read.systolic.unit == "kPa" else None


def _oxygen(entry: VitalSign) -> dict[str, dict[str, Any]]:
    """Return the components about inhaled oxygen by what they say in words."""
    components = {}
    for field, name in _OXYGEN.items():
        amount: Quantity | None = getattr(entry, field)
        if amount is not None:
            code = _codes.fixed(name)
            components[f"{code['text'].lower()} {amount}"] = {"code": code, "valueQuantity": _codes.quantity(amount)}
    return components


def _interpretation(entry: VitalSign) -> list[dict[str, Any]]:
    if entry.interpretation is None:
        return []
    return [_codes.concept("interpretations", entry.interpretation, entry)]


MAPPING = Mapping(
    "vital-sign",
    vital_signs,
    "Observation (US Core vital signs): blood pressure, heart rate, temperature, body measures",
    sections=(
        Section(
            "vital_signs",
            VitalSign,
            resource="Observation",
            time="effectiveDateTime",
            example="""\
vital_signs:
  - {key: pressure, sign: blood-pressure, value: 132/84 mmHg, at: baseline, source: made up}
  - {key: weight, sign: body-weight, value: 62.5 kg, at: baseline, source: made up}
""",
        ),
    ),
)
