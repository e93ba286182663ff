"""
Write a time that is no day: an age, a time before birth, a period of life, several days, or unknown.

No date is made of an age. Where FHIR has a choice (onset, abatement, performed) it is an Age, a Range or a string with
its code; elsewhere the date has no value, and says by ``cqf-relativeDateTime`` how long it was after the birth.

Source: https://hl7.org/fhir/R4/condition.html, https://hl7.org/fhir/R4/extension-cqf-relativedatetime.html
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.datatypes import absent, coding, extension, quantity, reference
from fhir_case.fhir.systems import CODED_STRING, ORIGINAL_TEXT, RELATIVE_DATE_TIME

if TYPE_CHECKING:
    from fhir_case.case import Age, Concept, When
    from fhir_case.case.forms import LifeAge

__all__ = ["PERIODS", "age_quantity", "age_range", "life_value", "without_day"]

PERIODS = frozenset({"abatement", "collected", "effective", "occurrence", "onset", "performed", "value"})
"""The choices of which one is a Period."""

_CHOICES = frozenset({"abatement", "onset", "performed"})
_UNIT_LABEL = {"min": "minute", "h": "hour", "d": "day", "wk": "week", "mo": "month", "a": "year"}
AT_BIRTH = "at birth"


def without_day(element: str, when: When) -> dict[str, Any]:
    """
    Return the form of a date element for a time that is no day.

    Args:
        element: The name of the element, such as ``onsetDateTime`` or ``start``.
    """
    choice = element.removesuffix("DateTime")
    if when.unknown:
        return {f"_{element}": {"extension": absent()}} if choice == "performed" else {}
    if when.to_day is not None:
        if choice in PERIODS:
            return {f"{choice}Period": {"start": when.day, "end": when.to_day}}
        return {f"_{element}": {"extension": [_as_written(f"{when.day} to {when.to_day}")]}}
    if choice in _CHOICES:
        return _of_choice(choice, when)
    if when.age is not None:
        return {f"_{element}": {"extension": _after_birth(when.age, when.to_age)}}
    return {f"_{element}": {"extension": [_as_written(_words_with_code(when))]}}


def _of_choice(choice: str, when: When) -> dict[str, Any]:
    if when.period is not None:
        codes = [extension(CODED_STRING, valueCoding=one) for one in _codings(when.period)]
        coded = {f"_{choice}String": {"extension": codes}} if codes else {}
        return {f"{choice}String": when.words_of_life, **coded}
    if when.age is None:
        return {f"{choice}String": when.words_of_life}
    if when.to_age is not None:
        return {f"{choice}Range": age_range(when.age, when.to_age)}
    if when.age.quantity.value == 0:
        return {f"{choice}String": AT_BIRTH}  # an Age is positive (age-1)
    return {f"{choice}Age": age_quantity(when.age)}


def life_value(when: When, element: str = "value") -> dict[str, Any]:
    """Return ``valueQuantity``, ``valueRange``, ``valueCodeableConcept`` or ``valueDateTime`` of a time."""
    if when.age is not None and when.to_age is not None:
        return {f"{element}Range": age_range(when.age, when.to_age)}
    if when.age is not None or when.gestation is not None:
        return {f"{element}Quantity": age_quantity(when.age or when.gestation)}  # type: ignore[arg-type]  # one is there
    if when.period is not None:
        codes = _codings(when.period)
        return {f"{element}CodeableConcept": {**({"coding": codes} if codes else {}), "text": when.words_of_life}}
    if when.to_day is not None:
        return {f"{element}Period": {"start": when.day, "end": when.to_day}}
    return {f"{element}DateTime": when.day} if when.day is not None else {}


def _codings(concept: Concept) -> list[dict[str, Any]]:
    return [
        coding(one.system, one.code, one.display) | ({"version": one.version} if one.version else {})
        for one in concept.code
    ]


def age_quantity(age: LifeAge) -> dict[str, Any]:
    """Return an age in one unit; one of several units has the words of the case beside it, since FHIR has one unit."""
    made = _quantity(age.quantity)
    return made if len(age.parts) == 1 else {"extension": [_as_written(str(age))], **made}


def age_range(low: LifeAge, high: LifeAge) -> dict[str, Any]:
    """Return a range of ages, in one unit where both have one."""
    unit = max((low.quantity.code, high.quantity.code), key=list(_UNIT_LABEL)[::-1].index)
    ends = {}
    for name, one in (("low", low), ("high", high)):
        other = one.in_unit(unit) if one.is_exact else None
        made = _quantity(other or one.quantity)
        changed = len(one.parts) > 1 or one.quantity.code != (other or one.quantity).code
        ends[name] = {"extension": [_as_written(str(one))], **made} if changed else made
    return ends


def _quantity(age: Age) -> dict[str, Any]:
    return quantity(age.value, age.unit or "a", age.code, age.comparator)


def _as_written(text: str) -> dict[str, Any]:
    return extension(ORIGINAL_TEXT, valueString=text)


def _words_with_code(when: When) -> str:
    codes = ", ".join(one.code for one in when.period.code) if when.period is not None else ""
    return f"{when.words_of_life} ({codes})" if codes and codes != when.words_of_life else when.words_of_life


def _after_birth(low: LifeAge, high: LifeAge | None) -> list[dict[str, Any]]:
    """Return how long after the birth it was, and the words where one unit does not say all of it."""
    if high is None:
        offset: dict[str, Any] = {"valueDuration": _span(low)}
    else:
        offset = {"valueRange": {"low": _span(low), "high": _span(high)}}
    relative = {
        "url": RELATIVE_DATE_TIME,
        "extension": [
            extension("target", valueReference=reference("Patient", "patient")),
            extension("targetPath", valueString="birthDate"),
            extension("relationship", valueCode="after-start"),
            extension("offset", **offset),
        ],
    }
    ages = [one for one in (low, high) if one is not None]
    written = " to ".join(map(str, ages))
    return [relative, *([_as_written(written)] if any(len(one.parts) > 1 for one in ages) else [])]


def _span(age: LifeAge) -> dict[str, Any]:
    one = age.quantity
    return quantity(Decimal(one.value), _UNIT_LABEL[one.code], one.code, one.comparator)
