"""What is given at a time, how and how often: the fields that all entries about drugs share, and their Dosage."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, KeyedEntry, Quantity, Site, When
from fhir_case.case.entry import ConditionKey, key_of
from fhir_case.case.forms import Amount, Key
from fhir_case.case.forms.time_units import time_unit
from fhir_case.fhir.codes import code_table
from fhir_case.fhir.datatypes import extension
from fhir_case.fhir.systems import MCODE
from fhir_case.mapping import Codes
from fhir_case_mappings.medication.dose import Dose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case_mappings.medication.schedule import Schedule

__all__ = [
    "Given",
    "Line",
    "RegimenKey",
    "Status",
    "after",
    "codes",
    "dose_and_rate",
    "given_words",
    "normalisation",
    "timing",
]

codes = Codes.beside(__package__ or "")

Line = Annotated[int, Field(strict=True, ge=1, le=99)]
RegimenKey = Annotated[Key, key_of("regimen")]

_UNITS_OF_DURATION = {
    "s": "s", "sec": "s", "second": "s", "seconds": "s",
    "min": "min", "minute": "min", "minutes": "min",
    "h": "h", "hour": "h", "hours": "h",
    "d": "d", "day": "d", "days": "d",
}  # fmt: skip
_NORMALISED = (
    (re.compile(r"/\s*(?:m2|m²|m\^2|sqm|BSA)\b"), "per-body-surface-area"),
    (re.compile(r"/\s*kg\b"), "per-body-weight"),
)


class Given(KeyedEntry):
    """
    A drug with its dose and its way into the body.

    Args:
        dose: What is given at a time, as printed: ``400 mg``, ``75 mg/m2``, ``5-10 mg``, ``AUC 5``.
        rate: The rate of an infusion, such as ``0.1 µg/kg/min`` or ``0.1-0.4 µg/kg/min``.
        over: How long one infusion takes, such as ``90 min``.
        route: The way into the body, such as ``oral`` or ``intravenous``.
        site: The place of the body at which it is given.
        intent: What the treatment is meant to do, such as ``palliative`` or ``adjuvant``.
        stopped_for: Why it ended, or was not given.
        regimen: The regimen that it is part of; its times and reasons hold where the drug has none of its own.
        reasons: The diseases that it is for.
        targets: What it is for, where that is no disease of the case.
    """

    dose: Dose | None = None
    rate: Amount | None = None
    over: Quantity | None = None
    route: Annotated[Concept, codes.table("routes")] | None = None
    site: Annotated[Site, codes.table("sites")] | None = None
    intent: Annotated[Concept, codes.table("intents")] | None = None
    stopped_for: Annotated[Concept, codes.table("reasons")] | None = None
    regimen: RegimenKey | None = None
    reasons: tuple[ConditionKey, ...] = ()
    targets: tuple[Concept, ...] = ()

    @model_validator(mode="after")
    def _amounts_are_possible(self) -> Self:
        if self.rate is not None and any(one.value <= 0 for one in self.rate.bounds):
            raise PydanticCustomError("rate", "a rate is more than nothing")
        if self.rate is not None and self.dose is not None and self.dose.per_time:
            raise PydanticCustomError(
                "rate",
                "'{dose}' is a rate too, and FHIR has one; leave one of the two out, and tell it in 'note'",
                {"dose": str(self.dose)},
            )
        if self.over is not None and (self.over.value <= 0 or self.over.unit not in _UNITS_OF_DURATION):
            raise PydanticCustomError("over", "the time that it takes is a number of s, min, h or d")
        return self


def after(event: str, span: Quantity) -> When:
    """
    Return the time that is so long after an event.

    Raises:
        PydanticCustomError: The unit is none of time.
    """
    return When(relation="after", event=event, count=span.value, unit=time_unit(span.unit or ""))


Status = Literal["active", "completed", "stopped", "on-hold", "intended", "not-taken", "unknown"]


def given_words(given: Given, schedule_words: str = "") -> str:
    """Return dose, frequency, route, site, duration and rate in words."""
    first = " ".join(filter(None, (str(given.dose or ""), schedule_words)))
    further = (
        codes.words("routes", given.route, given) if given.route else "",
        f"into {codes.words('sites', given.site, given)}" if given.site else "",
        f"over {given.over}" if given.over else "",
        f"at a rate of {given.rate}" if given.rate else "",
    )
    return ", ".join(filter(None, (first, *further)))


def dose_and_rate(given: Given) -> dict[str, Any]:
    """
    Return an element of ``Dosage.doseAndRate``; an amount per minute, hour, day or week is a rate.

    FHIR has no comparator in a dose, so a bound is a Range with one end.
    """
    dose, rate = given.dose, given.rate
    parts: dict[str, Any] = {}
    if dose is not None:
        parts |= _amount(dose, "rate" if rate is None and dose.per_time else "dose")
    return parts | (_amount(rate, "rate") if rate is not None else {})


def _amount(dose: Amount, name: str) -> dict[str, Any]:
    bound = dose.quantity
    if bound is None or bound.comparator is None:
        return codes.amount(name, dose)
    quantity = codes.quantity(bound)
    del quantity["comparator"]
    return {f"{name}Range": {"low" if ">" in bound.comparator else "high": quantity}}


def normalisation(given: Given) -> list[dict[str, Any]]:
    """
    Return the extension that says that a dose is per body surface area, or per body weight.

    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-normalization-basis.html
    """
    unit = given.dose.unit if given.dose else ""
    for pattern, name in _NORMALISED:
        if pattern.search(unit):
            concept = {"coding": codes.fixed(name)["coding"]}
            return [extension(MCODE + "mcode-normalization-basis", valueCodeableConcept=concept)]
    return []


def timing(
    given: Given, schedule: Schedule | None, words: str, bounds: dict[str, Any], own: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """
    Return the Timing of a drug.

    Args:
        words: The frequency in words; empty without one.
        bounds: The period in which it is given, or how long, where this belongs here.
        own: The codes of the case for the frequency.
    """
    repeat = dict(schedule.repeat) if schedule else {}
    code: dict[str, Any] = {"coding": list(own) or _codings(repeat), "text": words} if words else {}
    if given.over is not None:
        repeat |= {
            "duration": codes.quantity(given.over)["value"],
            "durationUnit": _UNITS_OF_DURATION[given.over.unit or ""],
        }
    if bounds and not {"boundsDuration", "boundsRange"} & repeat.keys():
        repeat["boundsDuration" if "value" in bounds else "boundsPeriod"] = bounds
    parts = {"repeat": repeat, "code": {name: value for name, value in code.items() if value}}
    return {name: value for name, value in parts.items() if value}


def _codings(repeat: dict[str, Any]) -> list[dict[str, str]]:
    terms = code_table("fhir_case_mappings", "frequencies").values()
    return next(([dict(one) for one in term.codings] for term in terms if term.more["repeat"] == repeat), [])
