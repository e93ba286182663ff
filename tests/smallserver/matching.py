"""Make of each value in a search a function that tells whether an element matches it."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from .elements import local_name, values
from .exchange import Refusal
from .spans import compare, date_span, number_span, quantity_span, split_prefix

if TYPE_CHECKING:
    from collections.abc import Callable

    from .behaviour import Behaviour
    from .kinds import Parameter

__all__ = ["MODIFIERS", "plain", "split", "test_of"]

MODIFIERS = {
    "string": ("exact", "contains"),
    "token": ("not", "text"),
    "reference": ("identifier",),
}
"""The modifiers of each type of parameter, beside ``missing`` and, of a reference, the types."""


def split(text: str, sign: str) -> list[str]:
    """Split a search value at a sign, but not where a backslash is before it; `plain` takes the backslashes away."""
    parts = [""]
    for each in re.findall(r"\\.|.", text, re.DOTALL):
        if each == sign:
            parts.append("")
        else:
            parts[-1] += each
    return parts


def plain(text: str) -> str:
    """Take away the backslashes before signs that would have a meaning."""
    return re.sub(r"\\([\\,|$])", r"\1", text)


def test_of(
    parameter: Parameter, modifier: str, value: str, *, base_url: str, behaviour: Behaviour
) -> Callable[[Any], bool]:
    """
    Return the function that tells whether an element matches one value of a parameter.

    Raises:
        Refusal: The value is none for that type of parameter.
    """
    if parameter.type == "composite":
        return _composite_test(parameter, value, base_url=base_url, behaviour=behaviour)
    if parameter.type == "token":
        return _text_test(value) if modifier == "text" else _token_test(value, parameter.system)
    if parameter.type == "date":
        return _date_test(value, parameter.name, behaviour)
    if parameter.type == "quantity":
        return _quantity_test(value, parameter.name)
    if parameter.type == "reference":
        return _reference_test(value, modifier, base_url)
    return _string_test(plain(value), "exact" if parameter.type == "uri" else modifier)


def _token_test(value: str, implied: str) -> Callable[[Any], bool]:
    parts = [plain(part) for part in split(value, "|")]
    if len(parts) == 1:
        return lambda element: any(code == parts[0] for _, code in _codings(element, implied))
    system, code = parts[0], parts[1]
    return lambda element: any(
        found == system and (not code or code == each) for found, each in _codings(element, implied)
    )


def _codings(element: Any, implied: str) -> list[tuple[str, str]]:
    """Return the systems and codes of a code, boolean, Coding, CodeableConcept, Identifier or ContactPoint."""
    if isinstance(element, bool):
        return [("", "true" if element else "false")]
    if isinstance(element, str):
        return [(implied, element)]
    if not isinstance(element, dict):
        return []
    holders = element.get("coding", [element])
    return [
        (str(each.get("system", "")), str(each.get("code", each.get("value"))))
        for each in holders
        if "code" in each or "value" in each
    ]


def _text_test(value: str) -> Callable[[Any], bool]:
    wanted = _folded(plain(value))

    def test(element: Any) -> bool:
        words = [*values(element, "text"), *values(element, "coding.display"), *values(element, "display")]
        return any(_folded(each).startswith(wanted) for each in [*words, *values(element, "type.text")])

    return test


def _string_test(wanted: str, modifier: str) -> Callable[[Any], bool]:
    folded = _folded(wanted)

    def test(element: Any) -> bool:
        texts = _strings(element)
        if modifier == "exact":
            return wanted in texts
        if modifier == "contains":
            return any(folded in _folded(each) for each in texts)
        return any(_folded(each).startswith(folded) for each in texts)

    return test


def _strings(element: Any) -> list[str]:
    """Return a text, or the texts of a HumanName or an Address."""
    if isinstance(element, str):
        return [element]
    parts = (
        "text",
        "family",
        "given",
        "prefix",
        "suffix",
        "line",
        "city",
        "district",
        "state",
        "postalCode",
        "country",
    )
    return [each for part in parts for each in values(element, part) if isinstance(each, str)]


def _folded(text: str) -> str:
    """Take capitals and accents away. Source: https://hl7.org/fhir/R4/search.html#string."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))


def _date_test(value: str, name: str, behaviour: Behaviour) -> Callable[[Any], bool]:
    prefix, rest = split_prefix(value)
    wanted = date_span(rest)
    if wanted is None:
        raise Refusal(400, f"'{value}' is not a date to search {name} by")
    if behaviour.has("ignores-date-prefix"):
        prefix = "eq"
    misses = behaviour.has("search-misses-periods")
    return lambda element: (
        not (misses and isinstance(element, dict))
        and (found := date_span(element)) is not None
        and compare(prefix, wanted, found)
    )


def _quantity_test(value: str, name: str) -> Callable[[Any], bool]:
    prefix, rest = split_prefix(value)
    number, system, code, *_ = [*(plain(part) for part in split(rest, "|")), "", ""]
    prefix = {"sa": "gt", "eb": "lt"}.get(prefix, prefix)  # the same, for what has no length
    wanted = number_span(number, prefix)
    if wanted is None:
        raise Refusal(400, f"'{value}' is not a quantity to search {name} by")

    def test(element: Any) -> bool:
        found = quantity_span(element) if isinstance(element, dict) else None
        if found is None or not compare(prefix, wanted, found):
            return False
        if system:
            return (element.get("system"), element.get("code")) == (system, code)
        return not code or code in (element.get("code"), element.get("unit"))

    return test


def _reference_test(value: str, modifier: str, base_url: str) -> Callable[[Any], bool]:
    if modifier == "identifier":
        token = _token_test(value, "")
        return lambda element: any(token(each) for each in values(element, "identifier"))
    wanted = plain(value)
    name = local_name(wanted, base_url)

    def test(element: Any) -> bool:
        reference = element.get("reference") if isinstance(element, dict) else element
        if not isinstance(reference, str):
            return False
        here = local_name(reference, base_url)
        if name[0]:
            return here == name
        if "/" in wanted or ":" in wanted:
            return reference == wanted
        return here[1] == wanted and modifier in ("", here[0])

    return test


def _composite_test(parameter: Parameter, value: str, *, base_url: str, behaviour: Behaviour) -> Callable[[Any], bool]:
    parts = split(value, "$")
    if len(parts) != len(parameter.components):
        raise Refusal(400, f"{parameter.name} takes {len(parameter.components)} values with $ between them")
    tests = [
        (component.paths[0], test_of(component, "", part, base_url=base_url, behaviour=behaviour))
        for component, part in zip(parameter.components, parts, strict=True)
    ]
    return lambda holder: all(any(test(each) for each in values(holder, path)) for path, test in tests)
