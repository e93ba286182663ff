"""
The rule about units: a result has a unit of the dimension that the LOINC name of the test states.

LOINC states in brackets which property of a specimen is measured: ``Albumin [Mass/volume] in Serum or Plasma``. A name
or a unit that is not certain is skipped. Parsing units with their grammar would recognise more of them, and take a
second for the first.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.systems import LOINC, UCUM
from fhir_case.fhir.wire import mapping, objects
from fhir_case.validation.check import Finding, of_types, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.validation.subject import Subject

__all__ = ["UNIT_RULES"]

# How many units and names a process remembers: the same ones are repeated, and memory has a bound.
_CACHED = 10_000

# What each kind of quantity may be counted in. Enzymes are reported in U and in arbitrary units alike.
_TOPS = {
    "mass": {"mass"},
    "moles": {"moles"},
    "units": {"units", "#"},
    "enzymatic activity": {"units"},
    "catalytic activity": {"units"},
    "#": {"#"},
}
_BOTTOMS = {"volume", "mass", "time"}

_PREFIX = "(?:da|[YZEPTGMkhdcmunpfazy])?"
_UNITS_ABOVE = {
    "mass": re.compile(rf"{_PREFIX}g"),
    "moles": re.compile(rf"{_PREFIX}(?:mol|eq|osm)"),
    "#": re.compile(r"1?|10[*^][0-9]+|\[[CFP]FU\]"),
    "units": re.compile(rf"{_PREFIX}(?:U|kat|\[[^\[\]]*U\])"),
}
_UNITS_BELOW = {
    "": re.compile(""),
    "volume": re.compile(rf"{_PREFIX}[Ll]|[dcmu]?m3"),
    "mass": re.compile(rf"{_PREFIX}g"),
    "time": re.compile("s|min|h|d|wk|mo|a"),
}


@rule(
    "unit-fits",
    "A result has a unit of what its LOINC code measures: mass, moles, units or number, per volume, mass or time.",
    "https://loinc.org/kb/users-guide/major-parts-of-a-loinc-term/",
    of_types("Observation"),
)
def _unit_fits(subject: Subject) -> Iterator[Finding]:
    for located in subject.by_type.get("Observation", ()):
        for part in (located.resource, *objects(located.resource.get("component"))):
            quantity = mapping(part.get("valueQuantity"))
            unit = quantity.get("code") if quantity.get("system") == UCUM else None
            dimension = _of_unit(unit) if isinstance(unit, str) else ""
            tests = _tests(subject, part) if dimension else []
            if tests and not any(_fits(dimension, measured) for _, _, measured in tests):
                code, name, _ = tests[0]
                message = f"'{unit}' is a unit of {dimension}, and the test {code} is '{name}'"
                yield Finding(located, message, node=quantity, tail=".code", severity="warning", code="value")


def _tests(subject: Subject, part: Any) -> list[tuple[str, str, str]]:
    """Return code, name and measured property of the LOINC codes; none if the property of one is not known."""
    found = []
    for coding in objects(mapping(part.get("code")).get("coding")):
        if coding.get("system") != LOINC or not isinstance(coding.get("code"), str):
            continue
        names = sorted(subject.code_tables.get((LOINC, coding["code"]), ())) or [str(coding.get("display", ""))]
        measured = next(filter(None, map(_property, names)), "")
        if not measured:
            return []
        found.append((coding["code"], next(name for name in names if _property(name)), measured))
    return found


@lru_cache(_CACHED)
def _property(name: str) -> str:
    """Return the property that a LOINC name has in brackets, as ``mass/volume``; empty when it is not one of ours."""
    bracket = re.search(r"\[([^\[\]]*)\]", name)
    # Published names have invisible spaces in there.
    plain = re.sub(r"[^a-z#/ ]", "", bracket[1].lower()) if bracket else ""
    top, _, bottom = plain.partition("/")
    # A mass per mass is reported as a percentage too, and as a ratio.
    return plain if top in _TOPS and bottom in _BOTTOMS and top != bottom else ""


@lru_cache(_CACHED)
def _of_unit(unit: str) -> str:
    """Return the dimension of a UCUM unit, as ``mass/volume``; empty when it is not known."""
    plain = re.sub(r"\{[^{}]*\}", "", unit)
    top, _, bottom = plain.partition("/")
    top = re.sub(r"^10[*^][0-9]+\.", "", top)
    above = next((kind for kind, form in _UNITS_ABOVE.items() if form.fullmatch(top)), None)
    below = next((kind for kind, form in _UNITS_BELOW.items() if form.fullmatch(bottom)), None)
    if above is None or below is None or (above == "#" and not below):
        return ""
    return f"{above}/{below}" if below else above


def _fits(dimension: str, measured: str) -> bool:
    top, _, bottom = measured.partition("/")
    above, _, below = dimension.partition("/")
    return below == bottom and above in _TOPS[top]


UNIT_RULES = (_unit_fits,)
