"""Concepts, quantities and times of FHIR as ontology classes, quantities and time elements of a phenopacket."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any

from fhir_case.case.forms import LifeAge
from fhir_case.export.phenopacket.source import texts_of
from fhir_case.fhir.systems import CODED_STRING, ORIGINAL_TEXT, OTHER_UNIT, RELATIVE_DATE_TIME
from fhir_case.fhir.wire import mapping, objects
from fhir_case.readers.phenopacket.terms import curie_of

if TYPE_CHECKING:
    from fhir_case.export.phenopacket.source import Taken

__all__ = ["duration", "life_value", "ontology_class", "quantity", "reference_range", "time_element", "timestamp"]

Json = dict[str, Any]

_WITH_CODE = re.compile(r"(.*) \(([A-Za-z][\w.-]*:\S+)\)")
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})", re.ASCII)
_GESTATION = re.compile(r"at a gestational age of (.+)")
_AGE = re.compile(r"at the age of (.+)")
_WORD = re.compile(r"(\d{1,6}(?:\.\d{1,4})?) (minute|hour|day|week|month|year)s?")
_UNITS = {"minute": "min", "hour": "h", "day": "d", "week": "wk", "month": "mo", "year": "a"}
_ISO = {"a": "Y", "mo": "M", "wk": "W", "d": "D", "h": "H", "min": "M"}
_DAYS = {"wk": 7, "d": 1}
_LAST_DAY = {"01": 31, "02": 28, "03": 31, "04": 30, "05": 31, "06": 30, "07": 31, "08": 31, "09": 30, "10": 31,
             "11": 30, "12": 31}  # fmt: skip


def ontology_class(concept: Any) -> Json | None:
    """Return a concept as an ontology class; nothing where it has no code that a prefix stands for."""
    label = texts_of(concept)
    for one in objects(mapping(concept).get("coding")):
        curie = curie_of(str(one.get("system", "")), str(one.get("code", "")))
        if curie:
            return {"id": curie, "label": str(one.get("display") or label or curie)}
    found = _WITH_CODE.fullmatch(label)
    return {"id": found[2], "label": found[1]} if found else None


def quantity(taken: Taken, what: str, amount: Any) -> Json | None:
    """
    Return a quantity with its unit, that of the source before that of UCUM.

    A bound, no number, or a unit without a code is left out and named: the number alone would say something else.

    Args:
        what: The element that has it.
    """
    given = mapping(amount)
    value, unit, words = given.get("value"), _unit(given), str(given.get("unit") or given.get("code") or "")
    shown = f"{given.get('comparator') or ''} {value} {words}".strip()
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not isfinite(float(value)):
        taken.leave(what, "it has no number that a phenopacket can have")
    elif given.get("comparator"):
        taken.leave(what, f"'{shown}' is a bound, and a quantity of a phenopacket is a number")
    elif words and unit is None:
        taken.leave(what, f"the unit of '{shown}' has no code that a phenopacket can name")
    else:
        return {"unit": unit, "value": value} if unit else {"value": value}
    return None


def _unit(given: Any) -> Json | None:
    other = next(
        (one.get("valueQuantity") for one in objects(given.get("extension")) if one.get("url") == OTHER_UNIT), None
    )
    coded = mapping(other) if other else given
    words = str(given.get("unit") or "")
    curie = curie_of(str(coded.get("system", "")), str(coded.get("code", "")))
    if curie:
        return {"id": curie, "label": words or curie}
    found = _WITH_CODE.fullmatch(words)
    return {"id": found[2], "label": found[1]} if found else None


def reference_range(ranges: Any) -> Json | None:
    """Return the first reference range; an end that is not there is left out."""
    first = next(iter(objects(ranges)), None)
    if first is None:
        return None
    ends = {name: mapping(first[name]) for name in ("low", "high") if name in first}
    found: Json = {name: one.get("value") for name, one in ends.items()}
    unit = next((unit for one in ends.values() if (unit := _unit(one))), None)
    return {**({"unit": unit} if unit else {}), **found} if found else None


def timestamp(day: str) -> str:
    """
    Return a day as a timestamp.

    Raises:
        ValueError: It is no day, or a time without its zone.
    """
    written = day if "T" in day else f"{day}T00:00:00Z"
    if not _TIMESTAMP.fullmatch(written):
        raise ValueError("it is no day")
    datetime.fromisoformat(written[:19])
    return written


def duration(age: LifeAge) -> str:
    """Return an age as an ISO-8601 duration."""
    parts = [(format(one.value, "f"), one.code) for one in age.parts]
    days = "".join(f"{number}{_ISO[unit]}" for number, unit in parts if unit not in {"h", "min"})
    times = "".join(f"{number}{_ISO[unit]}" for number, unit in parts if unit in {"h", "min"})
    return f"P{days}" + (f"T{times}" if times else "")


def time_element(taken: Taken, choice: str, within: Json | None = None) -> Json | None:
    """
    Return the time that an element says.

    Args:
        choice: The choice without its type, such as ``onset`` or ``effective``.
        within: The part of the resource that has the element; else the resource itself.
    """
    forms = [f"{choice}{form}" for form in ("DateTime", "Age", "Range", "String", "Period")]
    names = [name for one in forms for name in (one, f"_{one}")]
    if within is None:
        taken.get(*names)
    there = taken.resource if within is None else within
    given = {name: there[name] for name in names if name in there}
    try:
        found = _written(choice, given)
    except (LookupError, TypeError, ValueError):
        found = None  # no age, or no date: pydantic and the table of months say so
    if given and found is None and not _says_unknown(given):
        taken.leave(choice, "this time has no form in a phenopacket")
    return found


def _written(choice: str, given: Json) -> Json | None:
    if f"{choice}Age" in given:
        return _aged(given[f"{choice}Age"])
    if f"{choice}Range" in given:
        return _range(given[f"{choice}Range"])
    if f"{choice}String" in given:
        return _in_words(str(given[f"{choice}String"]), mapping(given.get(f"_{choice}String")))
    if f"{choice}DateTime" in given:
        return _dated(str(given[f"{choice}DateTime"]))
    if f"{choice}Period" in given:
        return _period(mapping(given[f"{choice}Period"]))
    return of_extensions(mapping(given.get(f"_{choice}DateTime")))


def _says_unknown(given: Json) -> bool:
    return all(
        name.startswith("_") and "value" not in str(mapping(one).get("value", "")) for name, one in given.items()
    ) and ("data-absent-reason" in str(given))


def _dated(day: str) -> Json:
    if len(day) >= len("2020-01-01"):
        return {"timestamp": timestamp(day)}
    first, last = (
        (f"{day}-01", f"{day}-{_LAST_DAY[day[5:7]]}") if len(day) > len("2020") else (f"{day}-01-01", f"{day}-12-31")
    )
    return {"interval": {"start": timestamp(first), "end": timestamp(last)}}


def _period(period: Any) -> Json | None:
    ends = {
        name: timestamp(str(period[name]))
        for name in ("start", "end")
        if len(str(period.get(name, ""))) > len("2020-01")
    }
    return {"interval": ends} if ends else None


def of_extensions(element: Any) -> Json | None:
    """Return the time that a date without a value says by its extensions."""
    extensions = {str(one.get("url")): one for one in objects(element.get("extension"))}
    written = str(extensions.get(ORIGINAL_TEXT, {}).get("valueString", ""))
    relative = extensions.get(RELATIVE_DATE_TIME)
    if relative is None:
        return _in_words(written, {}) if written else None
    parts = {str(one.get("url")): one for one in objects(relative.get("extension"))}
    if parts.get("targetPath", {}).get("valueString") != "birthDate":
        return None
    if written:
        ages = [LifeAge.model_validate(one) for one in written.split(" to ")]
        return _between(ages)
    offset = parts.get("offset", {})
    if "valueRange" in offset:
        return _range(offset["valueRange"])
    return _aged(offset.get("valueDuration"))


def _between(ages: list[LifeAge]) -> Json:
    if len(ages) == 1:
        return _age(ages[0])
    return {
        "ageRange": {"start": {"iso8601duration": duration(ages[0])}, "end": {"iso8601duration": duration(ages[1])}}
    }


def _age(age: LifeAge) -> Json:
    bound = age.parts[0].comparator
    if bound:
        return {"ageRange": {"start" if ">" in bound else "end": {"iso8601duration": duration(age)}}}
    return {"age": {"iso8601duration": duration(age)}}


def _life_age(amount: Any) -> LifeAge:
    given = mapping(amount)
    written = next(
        (one.get("valueString") for one in objects(given.get("extension")) if one.get("url") == ORIGINAL_TEXT), None
    )
    if written:
        return LifeAge.model_validate(written)
    one = {"value": Decimal(str(given.get("value", 0))), "unit": str(given.get("code") or given.get("unit") or "a")}
    return LifeAge.model_validate(one | ({"comparator": given["comparator"]} if "comparator" in given else {}))


def _aged(amount: Any) -> Json:
    return _age(_life_age(amount))


def _range(given: Any) -> Json:
    ends = {"start": mapping(given).get("low"), "end": mapping(given).get("high")}
    return {"ageRange": {name: {"iso8601duration": duration(_life_age(one))} for name, one in ends.items() if one}}


def _in_words(words: str, beside: Any) -> Json | None:
    for one in objects(beside.get("extension")):
        code = mapping(one.get("valueCoding"))
        if one.get("url") == CODED_STRING and (curie := curie_of(str(code.get("system")), str(code.get("code")))):
            return {"ontologyClass": {"id": curie, "label": str(code.get("display") or words)}}
    if words == "at birth":
        return {"age": {"iso8601duration": "P0D"}}
    if found := _GESTATION.fullmatch(words):
        return _gestation(_spelt(found[1]))
    if (found := _AGE.fullmatch(words)) and _WORD.search(found[1]):
        return _age(_spelt(found[1]))
    days = words.split(" to ")
    if all(re.fullmatch(r"\d{4}-\d{2}-\d{2}", one) for one in days) and len(days) > 1:
        return {"interval": {"start": timestamp(days[0]), "end": timestamp(days[1])}}
    found = _WITH_CODE.fullmatch(words)
    return {"ontologyClass": {"id": found[2], "label": found[1]}} if found else None


def _spelt(words: str) -> LifeAge:
    return LifeAge.model_validate(" ".join(f"{number} {_UNITS[unit]}" for number, unit in _WORD.findall(words)))


def _gestation(age: LifeAge) -> Json:
    days = sum(int(one.value) * _DAYS.get(one.code, 0) for one in age.parts)
    found = {"weeks": days // 7, "days": days % 7}
    return {"gestationalAge": {name: number for name, number in found.items() if number} or {"weeks": 0}}


def life_value(part: Any) -> Json | None:
    """Return the time that the value of an Observation or of its component says."""
    try:
        return _life_value(mapping(part))
    except (LookupError, TypeError, ValueError):
        return None


def _life_value(given: Any) -> Json | None:
    words = texts_of(given.get("code"))
    if "valueQuantity" in given:
        amount = _life_age(given["valueQuantity"])
        return _gestation(amount) if "estational" in words else _age(amount)
    if "valueRange" in given:
        return _range(given["valueRange"])
    if "valueCodeableConcept" in given:
        named = ontology_class(given["valueCodeableConcept"])
        return {"ontologyClass": named} if named else None
    if "valueDateTime" in given:
        return _dated(str(given["valueDateTime"]))
    return _period(mapping(given.get("valuePeriod"))) if "valuePeriod" in given else None
