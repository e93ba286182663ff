"""The words of the data types of FHIR in one line: concepts, quantities, dosages; none can steer what shows them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fhir_case.fhir.wire import mapping, objects
from fhir_case.timeline.event import Dose

__all__ = [
    "clean",
    "clipped",
    "concept_words",
    "daily_dose",
    "dosage_words",
    "has_code",
    "number_of",
    "number_words",
    "quantity_words",
    "value_words",
]

_MOST_DIGITS = 15
_PERIODS = {"s": "second", "min": "minute", "h": "hour", "d": "day", "wk": "week", "mo": "month", "a": "year"}
_DAYS = {"s": 1 / 86400, "min": 1 / 1440, "h": 1 / 24, "d": 1.0, "wk": 7.0, "mo": 30.4375, "a": 365.25}


def clean(text: object) -> str:
    """Return a text as one line, in which what is not printable, such as marks of direction, is shown as its code."""
    line = " ".join(text.split()) if isinstance(text, str) else ""
    return line if line.isprintable() else "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in line)


def clipped(text: str, longest: int) -> str:
    """Return a text of at most so many characters, and say how many more there are."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest:,} more characters)"


def concept_words(value: object) -> str:
    """Return a CodeableConcept, CodeableReference, Coding or text in words: its text, else a display, else a code."""
    if isinstance(value, str):
        return clean(value)
    concept = mapping(value)
    concept = mapping(concept.get("concept")) or concept
    codings = objects(concept.get("coding")) or [concept]
    shown = (clean(each.get(name)) for name in ("display", "code") for each in codings)
    reference = mapping(concept.get("reference")).get("display")
    return clean(concept.get("text")) or next(filter(None, shown), "") or clean(reference)


def has_code(value: object, *codes: str) -> bool:
    """Whether one of the codings of a concept has one of these codes."""
    concept = mapping(value)
    return any(each.get("code") in codes for each in [*objects(concept.get("coding")), concept])


def number_of(value: object) -> float | None:
    """Return a JSON number as a float; None for what is none, or is beyond all use."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    if abs(number) >= 1e300:
        return None
    return number if abs(number) > 1e-300 else 0.0


def number_words(value: object) -> str:
    """Return a number with its own digits, grouped by thousands."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return clean(value)
    text = str(value)
    if len(text) > _MOST_DIGITS or "E" in text or "e" in text:
        return f"{float(value):g}" if number_of(value) is not None else clipped(text, _MOST_DIGITS)
    whole, point, fraction = text.partition(".")
    return f"{int(whole):,}{point}{fraction}" if abs(int(whole)) >= 10_000 else text


def quantity_words(value: object) -> str:
    """Return a Quantity, with comparator and unit."""
    quantity = mapping(value)
    if "value" not in quantity:
        return clean(quantity.get("unit"))
    unit = clean(quantity.get("unit")) or clean(quantity.get("code"))
    comparator = clean(quantity.get("comparator"))
    number = number_words(quantity["value"])
    return f"{comparator}{' ' if comparator else ''}{number}{'' if unit in ('%', '') else ' '}{unit}".strip()


def value_words(value: object) -> str:
    """Return a value of any data type that has one line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float | Decimal):
        return number_words(value)
    found = mapping(value)
    for bounds, joined in (("low", "high"), ("numerator", "denominator")):
        if bounds in found or joined in found:
            words = [quantity_words(found.get(name)) for name in (bounds, joined)]
            return ("–" if bounds == "low" else " / ").join(filter(None, words))
    if "value" in found:
        return quantity_words(found)
    if "start" in found or "end" in found:
        return f"{clean(found.get('start')) or '…'} to {clean(found.get('end')) or '…'}"
    return concept_words(found)


def dosage_words(dosage: object) -> str:
    """Return a Dosage: its text, else amount and timing."""
    given = mapping(dosage)
    if text := clean(given.get("text")):
        return text
    amount = _amount(given)
    timing = mapping(given.get("timing"))
    repeat = mapping(timing.get("repeat"))
    schedule = concept_words(timing.get("code"))
    if not schedule and repeat.get("frequency") and repeat.get("period"):
        every = clean(repeat.get("periodUnit"))
        period = _PERIODS.get(every, every) if repeat["period"] == 1 else f"{value_words(repeat['period'])} {every}"
        schedule = f"{value_words(repeat['frequency'])} × per {period}"
    return ", ".join(filter(None, (value_words(amount), schedule, concept_words(given.get("route")))))


def _amount(dosage: dict[str, Any]) -> object:
    """Return the amount of one dose: of an administration, else of a prescription."""
    rates = objects(dosage.get("doseAndRate"))
    found = (each.get(name) for each in rates for name in ("doseQuantity", "doseRange", "rateQuantity", "rateRatio"))
    return dosage.get("dose") or next(filter(None, found), {})


def daily_dose(dosage: object) -> Dose | None:
    """Return how much is given in a day; None where the dosage does not say so."""
    given = mapping(dosage)
    amount = mapping(_amount(given))
    repeat = mapping(mapping(given.get("timing")).get("repeat"))
    number = number_of(amount.get("value"))
    frequency, period = number_of(repeat.get("frequency")), number_of(repeat.get("period"))
    days = _DAYS.get(clean(repeat.get("periodUnit")), 0.0)
    if number is None or number <= 0 or not frequency or not period or period * days <= 0:
        return None
    return Dose(number * frequency / (period * days), clean(amount.get("unit")) or clean(amount.get("code")))
