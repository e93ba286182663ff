"""Check a phenopacket against its schema: unknown fields, wrong values, what excludes each other, what lacks."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fhir_case.case.node import Problem
from fhir_case.readers.phenopacket.packet import fields_of, given_name
from fhir_case.readers.phenopacket.times import is_duration
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case.node import Loc, Node

__all__ = ["problems_of"]

# What the documentation of the schema requires, and what a case cannot be made without.
_REQUIRED = {
    "Phenopacket": ("id", "subject", "metaData"),
    "OntologyClass": ("id",),
    "Age": ("iso8601duration",),
    "PhenotypicFeature": ("type",),
    "Disease": ("term",),
    "Measurement": ("assay",),
    "Biosample": ("id",),
    "Procedure": ("code",),
    "Treatment": ("agent",),
    "MetaData": ("created",),
    "File": ("uri",),
}
_ONE_NEEDED = {"MedicalAction": "action"}
_EXPECTED = {
    "text": "text",
    "truth": "true or false",
    "number": "a number",
    "whole": "a whole number",
    "count": "a whole number from 0 on",
}
_LARGEST = 2**63
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})", re.ASCII)
_CURIE = re.compile(r"[A-Za-z][\w.-]*:\S.*", re.ASCII)


def problems_of(root: Node) -> Iterator[Problem]:
    """Return what is wrong with a packet, in the order of its lines."""
    found = [*_message(root, "Phenopacket", ())]
    found.sort(key=lambda one: one.place)
    yield from found


def _message(node: Node, message: str, loc: Loc) -> Iterator[Problem]:
    if not isinstance(node.data, dict):
        yield Problem(
            node.place, loc, f"{_shown(node.data)} where a mapping is expected", f"see {message} of the schema"
        )
        return
    known = fields_of(message)
    given: dict[str, Node] = {}
    groups: dict[str, str] = {}
    for key, (place, value) in node.pairs.items():
        name = given_name(key, message)
        if not name:
            hint = did_you_mean(key, known) or f"{message} has {', '.join(known)}"
            yield Problem(place, loc, f"unknown field '{key[:60]}'", hint)
            continue
        if value.data is None:
            continue
        if name in given:
            yield Problem(place, loc, f"'{key}' is '{name}' again", "keep one of them")
        given[name] = value
        group = known[name].get("one_of")
        if group and group in groups:
            what = f"'{name}' stands beside '{groups[group]}', and only one of them can be"
            yield Problem(place, loc, what, "keep the one that is right")
        if group:
            groups[group] = name
        yield from _field(value, known[name], (*loc, name))
    yield from _lacking(node, message, given, groups, loc)


def _lacking(node: Node, message: str, given: dict[str, Node], groups: dict[str, str], loc: Loc) -> Iterator[Problem]:
    for name in _REQUIRED.get(message, ()):
        if name not in given or given[name].data in ("", {}, []):
            yield Problem(node.place, loc, f"'{name}' is missing", "add it")
    if message in _ONE_NEEDED and _ONE_NEEDED[message] not in groups:
        choices = [name for name, one in fields_of(message).items() if one.get("one_of") == _ONE_NEEDED[message]]
        yield Problem(node.place, loc, f"one of {', '.join(choices)} is missing", "add it")


def _field(node: Node, field: dict[str, Any], loc: Loc) -> Iterator[Problem]:
    if not field.get("list"):
        yield from _value(node, field["kind"], loc)
        return
    if not isinstance(node.data, list):
        yield Problem(node.place, loc, f"{_shown(node.data)} where a list is expected", "put it in brackets")
        return
    for number, one in enumerate(node.items):
        yield from _value(one, field["kind"], (*loc, number))


def _value(node: Node, kind: Any, loc: Loc) -> Iterator[Problem]:
    data = node.data
    if isinstance(kind, list):
        if data not in kind:
            hint = did_you_mean(str(data), kind) or did_you_mean(str(data).upper(), kind)
            yield Problem(node.place, loc, f"{_shown(data)} is not one of {', '.join(kind)}", hint)
    elif kind in _EXPECTED:
        yield from _plain(node, kind, loc)
    elif kind == "map":
        if not isinstance(data, dict):
            what = f"{_shown(data)} where a mapping of texts is expected"
            yield Problem(node.place, loc, what, "write {name: value}")
    elif kind == "timestamp":
        if not isinstance(data, str) or not _is_timestamp(data):
            yield Problem(node.place, loc, f"{_shown(data)} is not a timestamp", "write it as 2021-03-01T10:30:00Z")
    elif kind != "anything":
        yield from _message(node, kind, loc)


def _plain(node: Node, kind: str, loc: Loc) -> Iterator[Problem]:
    text = str(node.data)
    if not _is(node.data, kind):
        yield Problem(node.place, loc, f"{_shown(node.data)} where {_EXPECTED[kind]} is expected", "correct it")
    elif loc[-1] == "iso8601duration" and not is_duration(text):
        hint = "write it as P3Y6M, P14D or P3W"
        yield Problem(node.place, loc, f"{_shown(node.data)} is not an age as ISO 8601 has it", hint)
    elif loc[-2:] == ("type", "id") and text and not _CURIE.fullmatch(text):
        yield Problem(node.place, loc, f"{_shown(node.data)} is not a code with its prefix", "write it as HP:0001250")


def _is(data: Any, kind: str) -> bool:
    if kind == "text":
        return isinstance(data, str) or (not isinstance(data, bool | list | dict) and data is not None)
    if kind == "truth":
        return isinstance(data, bool)
    if isinstance(data, bool | list | dict):
        return False
    try:
        number = float(data)
    except (OverflowError, ValueError):
        return False
    if kind == "number":
        return True
    return abs(number) < _LARGEST and number.is_integer() and (kind == "whole" or number >= 0)


def _is_timestamp(data: str) -> bool:
    if not _TIMESTAMP.fullmatch(data):
        return False
    try:
        datetime.fromisoformat(data[:19])
    except ValueError:
        return False
    return True


def _shown(data: Any) -> str:
    if isinstance(data, dict | list):
        return "a mapping" if isinstance(data, dict) else "a list"
    if isinstance(data, bool):
        return str(data).lower()
    return f"'{str(data)[:60]}'" if isinstance(data, str) else str(data)[:60]
