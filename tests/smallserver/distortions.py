"""What faulty servers make of a resource when they store it: one small function for each such fault."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from fhir_case.fhir.wire import Resource

__all__ = ["distorted"]

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")
_NO_DATES = {"code", "display", "text", "value", "valueString"}
_LONGEST = 4000


def distorted(resource: Resource, faults: Collection[str]) -> Resource:
    """Return a resource as a server with these faults stores it; the one given stays as it is."""
    for name, distort in _DISTORTIONS.items():
        if name in faults:
            resource = distort(resource)
    return resource


def _values(resource: Resource, change: Callable[[str, Any], Any]) -> Resource:
    """Change simple values; the function gets the name of the element and the value."""

    def changed(name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {inner: changed(inner, each) for inner, each in value.items()}
        if isinstance(value, list):
            return [changed(name, each) for each in value]
        return change(name, value)

    found: Resource = changed("", resource)
    return found


def _without(resource: Resource, is_left_out: Callable[[str, Resource], bool]) -> Resource:
    """Leave elements out, and what is empty without them; the function gets the name and the object that has it."""

    def kept(value: Any) -> Any:
        if isinstance(value, dict):
            inner = {name: kept(each) for name, each in value.items() if not is_left_out(name, value)}
            return {name: each for name, each in inner.items() if each not in ({}, [])}
        if isinstance(value, list):
            return [each for each in map(kept, value) if each != {}]
        return value

    found: Resource = kept(resource)
    return found


def _rewrite_code(resource: Resource) -> Resource:
    code: Any = resource.get("code")
    codings = code.get("coding") if isinstance(code, dict) else None
    if not codings or "code" not in codings[0]:
        return resource
    first = {**codings[0], "code": codings[0]["code"][:-1] + ("0" if codings[0]["code"][-1] != "0" else "1")}
    return {**resource, "code": {**code, "coding": [first, *codings[1:]]}}


def _without_label_display(resource: Resource) -> Resource:
    meta = resource.get("meta", {})
    if "security" not in meta:
        return resource
    labels = [{name: value for name, value in each.items() if name != "display"} for each in meta["security"]]
    return {**resource, "meta": {**meta, "security": labels}}


def _round(_: str, value: Any) -> Any:
    if not isinstance(value, Decimal):
        return value
    plain = format(value, "f")
    return Decimal(plain.rstrip("0").rstrip(".") if "." in plain else plain)


def _text(change: Callable[[str], str]) -> Callable[[str, Any], Any]:
    return lambda _, value: change(value) if isinstance(value, str) else value


def _whole_day(name: str, value: Any) -> Any:
    is_month = isinstance(value, str) and name not in _NO_DATES and _MONTH.fullmatch(value)
    return f"{value}-01" if is_month else value


def _times(form: str) -> Callable[[str], str]:
    def change(value: str) -> str:
        found = _TIME.fullmatch(value)
        return found.expand(form) if found else value

    return change


_DISTORTIONS: dict[str, Callable[[Resource], Resource]] = {
    "drops-element": lambda one: _without(one, lambda name, holder: name == "text" and "coding" in holder),
    "drops-extension": lambda one: _without(
        one, lambda name, _: name in ("extension", "modifierExtension") or name.startswith("_")
    ),
    "drops-note": lambda one: _without(one, lambda name, _: name == "note"),
    "drops-periods": lambda one: _without(one, lambda name, _: name == "effectivePeriod"),
    "cuts-bundles": lambda one: {**one, "entry": one["entry"][:1]} if one["resourceType"] == "Bundle" else one,
    "drops-tag": lambda one: _without(one, lambda name, holder: name == "tag" and holder is one.get("meta")),
    "drops-label-display": _without_label_display,
    "adds-language": lambda one: {"language": "en", **one},
    "rewrites-code": _rewrite_code,
    "rounds-decimals": lambda one: _values(one, _round),
    "cuts-seconds": lambda one: _values(one, _text(_times(r"\1:00\4"))),
    "drops-time-zone": lambda one: _values(one, _text(_times(r"\1:\2"))),
    "cuts-dates": lambda one: _values(one, _whole_day),
    "cuts-long-strings": lambda one: _values(one, _text(lambda value: value[:_LONGEST])),
    "mangles-unicode": lambda one: _values(one, _text(lambda value: value.encode("ascii", "replace").decode())),
}
