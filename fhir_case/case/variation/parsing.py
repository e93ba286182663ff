"""Read what a ``vary`` says, and find what is wrong with it by itself."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import PydanticCustomError

from fhir_case.case.forms.numbers import quantity_parts, range_parts
from fhir_case.case.node import Problem
from fhir_case.case.problems import shown
from fhir_case.case.variation.declaration import DATE, Choice, Draw, Numbers, Presence, Share, Variation, Words
from fhir_case.case.variation.distribution import PARAMETERS, Distribution
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from fhir_case.case.node import Loc, Node, Place
    from fhir_case.case.variation.declaration import Declared

__all__ = ["declared"]

_DATES = re.compile(r"(\d{4}-\d{2}-\d{2}) ?(?:to|\.\.|–) ?(\d{4}-\d{2}-\d{2})", re.ASCII)
_RANGE = ("range", "distribution", "digits", *sorted({name for names in PARAMETERS.values() for name in names}))
_CONDITIONS = ("without", "apart")
_KINDS: dict[str, tuple[str, ...]] = {
    "range": (*_RANGE, *_CONDITIONS),
    "choice": ("choice", *_CONDITIONS),
    "of": ("of", "factor", "range", "digits", *_CONDITIONS),
    "text": ("text", *_CONDITIONS),
}
_KEYS = tuple(dict.fromkeys(key for keys in _KINDS.values() for key in keys))
_MOST_DIGITS = 6
_ONE = Decimal(1)
_NEAR = Decimal("0.000001")


class _Number(NamedTuple):
    value: Decimal
    unit: str | None


class _Wrong(Exception):  # noqa: N818 - it never leaves this module
    """Something that is wrong with a declaration."""

    def __init__(self, node: Node, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.node, self.what, self.hint = node, what, hint


def declared(found: Declared, entry: str, loc: Loc, path: tuple[str, ...], node: Node) -> None:
    """
    Add what a ``vary`` says.

    Args:
        entry: The key of the entry that it is in, or the name of a section that is one mapping.
        loc: The path to that entry in the file.
        path: The fields from the entry to the mapping that has the ``vary``; empty for that of the entry itself.
        node: What is written.
    """
    if path:
        _add_field(found, entry, loc, ".".join(path), node)
        return
    if not isinstance(node.data, dict) or not node.pairs:
        what = f"{shown(node.data)} where the fields that vary are expected"
        found.problems.append(Problem(node.place, (*loc, "vary"), what, "for example 'vary: {value: 2-5 g/dL}'"))
        return
    fields = {name: value for name, (_, value) in node.pairs.items() if name not in ("probability", "with")}
    if len(fields) < len(node.pairs):
        try:
            found.presences.append(_presence(entry, node))
        except _Wrong as wrong:
            found.problems.append(Problem(wrong.node.place, (*loc, "vary"), wrong.what, wrong.hint))
    for name, value in fields.items():
        _add_field(found, entry, loc, name, value)


def _presence(entry: str, node: Node) -> Presence:
    probability, together = _ONE, ()
    if "probability" in node.pairs:
        probability = _probability(node.pairs["probability"][1])
    if "with" in node.pairs:
        given = node.pairs["with"][1]
        keys = given.data if isinstance(given.data, list) else [given.data]
        if not keys or not all(isinstance(key, str) for key in keys):
            raise _Wrong(given, f"{shown(given.data)} where keys of entries are expected", "write [KEY, KEY]")
        together = tuple(keys)
    return Presence(entry, probability, together, node.place)


def _probability(node: Node) -> Decimal:
    value = node.data
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _Wrong(node, f"{shown(value)} where a probability is expected", "a number from 0 to 1")
    if not 0 <= value <= 1:
        raise _Wrong(node, f"{value} is not a probability", "a number from 0 to 1; 60 % is 0.6")
    return Decimal(value)


def _add_field(found: Declared, entry: str, loc: Loc, name: str, node: Node) -> None:
    try:
        draw = _draw(node)
        without, apart = _conditions(node)
        found.variations.append(Variation(entry, name, draw, node.place, without, apart))
    except _Wrong as wrong:
        found.problems.append(Problem(wrong.node.place, (*loc, "vary", name), wrong.what, wrong.hint))


def _conditions(node: Node) -> tuple[str, bool]:
    without = node.pairs["without"][1] if "without" in node.pairs else None
    apart = node.pairs["apart"][1] if "apart" in node.pairs else None
    if without is not None and not isinstance(without.data, str):
        raise _Wrong(without, f"{shown(without.data)} where the key of an entry is expected")
    if apart is not None and not isinstance(apart.data, bool):
        raise _Wrong(apart, f"{shown(apart.data)} where true or false is expected")
    return without.data if without is not None else "", bool(apart is not None and apart.data)


def _draw(node: Node) -> Draw:
    if not isinstance(node.data, dict):
        return _numbers(node, {"range": node})
    parts = {name: value for name, (_, value) in node.pairs.items()}
    for name, (place, _) in node.pairs.items():
        if name not in _KEYS:
            hint = did_you_mean(name, _KEYS) or f"allowed here: {', '.join(_KEYS)}"
            raise _Wrong(_at(node, place), f"unknown key '{name[:60]}'", hint)
    kinds = [kind for kind in _KINDS if kind in parts and not (kind == "range" and "of" in parts)]
    if len(kinds) != 1:
        what = f"a declaration has one of {', '.join(_KINDS)}" + (f", not {' and '.join(kinds)}" if kinds else "")
        raise _Wrong(node, what, "for example {range: 2-5 g/dL}" if not kinds else "keep one of them")
    (kind,) = kinds
    for name, (place, _) in node.pairs.items():
        if name not in _KINDS[kind]:
            raise _Wrong(_at(node, place), f"'{name}' does not go with '{kind}'", "leave one of them out")
    if kind == "range":
        return _numbers(node, parts)
    if kind == "choice":
        return _choice(parts["choice"])
    return _share(parts) if kind == "of" else _words(parts["text"])


def _at(node: Node, place: Place) -> Node:
    return type(node)(place)


def _numbers(node: Node, parts: dict[str, Node]) -> Numbers:
    name = parts["distribution"].data if "distribution" in parts else "uniform"
    if not isinstance(name, str) or name not in PARAMETERS:
        hint = did_you_mean(str(name), PARAMETERS) or f"there are {', '.join(PARAMETERS)}"
        raise _Wrong(parts.get("distribution", node), f"{shown(name)} is not a distribution", hint)
    low, high = _range(parts["range"])
    for given, part in parts.items():
        if given not in (*PARAMETERS[name], "range", "distribution", "digits", *_CONDITIONS):
            needs = " and ".join(("range", *PARAMETERS[name]))
            raise _Wrong(part, f"a {name} distribution has no {given}", f"it has {needs}")
    parameters = []
    for wanted in PARAMETERS[name]:
        if wanted not in parts:
            raise _Wrong(node, f"a {name} distribution needs '{wanted}'", f"for example '{wanted}: 10'")
        number = _number(parts[wanted])
        unit = None if wanted == "sigma" else low.unit
        if number.unit != unit:
            raise _unit_mismatch(parts[wanted], number.unit, unit)
        parameters.append(number.value)
    digits = _digits(parts["digits"]) if "digits" in parts else None
    distribution = Distribution(name, low.value, high.value, tuple(parameters), digits or 0)
    if problem := distribution.problem():
        raise _Wrong(parts["range"], problem, "correct the numbers")
    return Numbers(distribution, low.unit, digits)


def _unit_mismatch(node: Node, given: str | None, wanted: str | None) -> _Wrong:
    what = f"the unit is {given or 'missing'}, and that of the value is {wanted or 'none'}"
    return _Wrong(node, what, f"write it in {wanted}" if wanted else "leave the unit out")


def _digits(node: Node) -> int:
    if isinstance(node.data, bool) or not isinstance(node.data, int) or not 0 <= node.data <= _MOST_DIGITS:
        raise _Wrong(node, f"{shown(node.data)} where a number of decimal places is expected", "0 to 6")
    return node.data


def _range(node: Node) -> tuple[_Number, _Number]:
    hint = "write two numbers and their unit, such as 2-5 g/dL, or two dates: 2015-01-01 to 2019-12-31"
    if isinstance(node.data, list):
        if len(node.data) != 2:
            raise _Wrong(node, "a range has two ends", hint)
        low, high = (_number(one) for one in node.items)
    else:
        dates = _DATES.fullmatch(node.data.strip()) if isinstance(node.data, str) else None
        if dates is not None:
            low, high = (_day(node, text) for text in dates.groups())
            return low, high
        ends = range_parts(node.data) if isinstance(node.data, str) else None
        if ends is None:
            raise _Wrong(node, f"{shown(node.data)} is not a range", hint)
        low, high = (_number(node, text) for text in ends)
    if low.unit != high.unit and low.unit is not None:
        raise _unit_mismatch(node, high.unit, low.unit)
    return _Number(low.value, high.unit), high


def _day(node: Node, text: str) -> _Number:
    try:
        return _Number(Decimal(date.fromisoformat(text).toordinal()), DATE)
    except ValueError:
        raise _Wrong(node, f"'{text}' is not a date of the calendar") from None


def _number(node: Node, text: str | None = None) -> _Number:
    given = node.data if text is None else text
    if isinstance(given, int | Decimal) and not isinstance(given, bool):
        return _Number(Decimal(given), None)
    if isinstance(given, str):
        try:
            parts = quantity_parts(given)
        except PydanticCustomError as error:
            raise _Wrong(node, error.message()) from None
        if "comparator" not in parts:
            return _Number(parts["value"], parts.get("unit"))
    raise _Wrong(node, f"{shown(given)} where a number is expected", "such as 5 or 5 mg")


def _choice(node: Node) -> Choice:
    if not node.items:
        raise _Wrong(node, f"{shown(node.data)} where a list of values is expected", "write choice: [A, B]")
    values: list[Any] = []
    given: list[Decimal | None] = []
    for item in node.items:
        weighed = "value" in item.pairs and set(item.pairs) <= {"value", "probability"} and "probability" in item.pairs
        values.append(item.pairs["value"][1].data if weighed else item.data)
        given.append(_probability(item.pairs["probability"][1]) if weighed else None)
    known = sum((one for one in given if one is not None), Decimal(0))
    rest = given.count(None)
    if known > _ONE + _NEAR:
        raise _Wrong(node, f"the probabilities add up to {known}, more than 1", "correct them")
    if not rest and known < _ONE - _NEAR:
        raise _Wrong(node, f"the probabilities add up to {known}, not to 1", "correct them, or leave one out")
    share = max(_ONE - known, Decimal(0)) / rest if rest else Decimal(0)
    weights = tuple(share if one is None else one for one in given)
    return Choice(tuple(values), weights, tuple(item.place for item in node.items))


def _share(parts: dict[str, Node]) -> Share:
    of = parts["of"]
    if not isinstance(of.data, str) or "." not in of.data:
        raise _Wrong(of, f"{shown(of.data)} where a field of an entry is expected", "write KEY.FIELD")
    within = _numbers(parts["range"], {"range": parts["range"]}) if "range" in parts else None
    digits = _digits(parts["digits"]) if "digits" in parts else None
    factor = _factor(parts["factor"]) if "factor" in parts else None
    return Share(of.data, factor, within, digits)


def _factor(factor: Node) -> Numbers:
    inner = {name: value for name, (_, value) in factor.pairs.items()} if factor.pairs else {"range": factor}
    if isinstance(factor.data, int | Decimal) and not isinstance(factor.data, bool):
        number = Decimal(factor.data)
        return Numbers(Distribution("uniform", number, number, (), _MOST_DIGITS), None, _MOST_DIGITS)
    if "range" not in inner:
        raise _Wrong(factor, "a factor has a range", "for example 'factor: 0.1-0.5'")
    numbers = _numbers(factor, inner)
    if numbers.unit is not None:
        raise _Wrong(factor, f"a factor has no unit, and this has {numbers.unit}")
    if numbers.distribution.low < 0:
        raise _Wrong(factor, "a factor is not negative")
    return numbers


def _words(node: Node) -> Words:
    if not isinstance(node.data, str) or not node.data.strip():
        raise _Wrong(node, f"{shown(node.data)} where a text is expected")
    return Words(node.data)
