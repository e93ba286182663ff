"""
Find the values of a phenopacket that neither its Bundle nor the list of what was not carried over has.

Written from the documentation of phenopackets, not from the reader: each value is looked for as text in the Bundle.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["missing_leaves"]

# Names of enumerations and codes, and how the Bundle says them.
_SAID = {
    "MALE": '"gender": "male"', "FEMALE": '"gender": "female"', "OTHER_SEX": '"gender": "other"',
    "UNKNOWN_SEX": '"gender": "unknown"', "ALIVE": '"deceasedBoolean": false', "DECEASED": "deceased",
    "UNKNOWN_STATUS": "unknown", "UNKNOWN_PROGRESS": "unknown", "SOLVED": "solved", "UNSOLVED": "unsolved",
    "IN_PROGRESS": "in progress", "COMPLETED": "completed", "STARTED": "in-progress", "DISCONTINUED": "stopped",
    "PRESCRIPTION": "prescription", "EHR_MEDICATION_LIST": "health record", "NOT_PROVIDED": "not provided",
    "ADMINISTRATION_RELATED_TO_PROCEDURE": "related to a procedure", "UNKNOWN_DRUG_TYPE": "unknown drug type",
    "UNCERTAIN_SIGNIFICANCE": "of uncertain significance", "OTHER_KARYOTYPE": "other karyotype",
    "UNKNOWN_KARYOTYPE": "unknown karyotype", "unspecified_molecule_context": "unspecified molecule context",
    "hgvs.c": "48004-6", "hgvs.p": "48005-3", "hgvs.g": "81290-9", "NCIT:C25229": "7771000",
    "UNKNOWN_ACTIONABILITY": '"text": "unknown"',
}  # fmt: skip
_UNITS = {"Y": "a", "M": "mo", "W": "wk", "D": "d"}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return the values of a tree with the way to each."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{number}]")
    else:
        yield path, value


def amounts(value: Any) -> list[str]:
    """Return the quantities of a tree, each as its value and its code."""
    if isinstance(value, list):
        return [each for one in value for each in amounts(one)]
    if not isinstance(value, dict):
        return []
    own = [f"{value['value']} {value['code']}"] if "value" in value and "code" in value else []
    return own + [each for one in value.values() for each in amounts(one)]


def missing_leaves(packet: dict[str, Any], bundle: dict[str, Any], unused: Iterable[str]) -> list[str]:
    """Return the values of a packet that are nowhere, each with its path."""
    text = json.dumps(bundle, ensure_ascii=False, default=str)
    texts = [str(one) for _, one in leaves(bundle)] + amounts(bundle)
    listed = " ".join(unused)
    found = []
    for path, value in leaves(packet):
        name = path.rpartition(".")[2]
        if path.startswith("interpretations") and ".variation." in path:
            there = str(value) in text
        elif isinstance(value, bool):
            there = not value or "excluded" in text or "refuted" in text
        elif name == "iso8601duration":
            there = _has_duration(value, texts)
        elif isinstance(value, int | float):
            there = value == 0 or any(str(value) in one for one in texts)
        else:
            there = any(form in text for form in _forms(str(value).strip()))
        if not there and str(value) not in listed:
            found.append(f"{path}: {value}")
    return found


def _forms(value: str) -> Iterator[str]:
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield _SAID.get(value, "\0")
    yield value.lower().replace("_", " ") if value.isupper() else "\0"
    if re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", value):
        yield value[:10]
    if re.fullmatch(r"[A-Za-z]+:\S+", value):  # a code that is there without its prefix
        yield f'"code": "{value.partition(":")[2]}"'


def _has_duration(written: str, texts: list[str]) -> bool:
    parts = [(int(number), _UNITS[unit]) for number, unit in re.findall(r"(\d+)([YMWD])", written.partition("T")[0])]
    kept = [one for one in parts if one[0]] or parts[-1:]
    together = " ".join(f"{number} {unit}" for number, unit in kept)
    as_written = together in texts or any(f"{together} to " in one or f" to {together}" in one for one in texts)
    words = {"a": "year", "mo": "month", "wk": "week", "d": "day"}
    in_words = [f"{number} {words[unit]}" for number, unit in kept]
    return (
        as_written
        or any(all(each in one for each in in_words) for one in texts)
        or (not any(number for number, _ in parts) and "at birth" in texts)
    )
