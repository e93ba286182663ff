"""Read the definitions of a release of FHIR from its core package, and make samples of its resources."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

Json = dict[str, Any]

_OF_ALL = {"id", "extension", "modifierExtension"}
_OF_RESOURCES = _OF_ALL | {"meta", "implicitRules", "language", "text", "contained"}


@dataclass(frozen=True, slots=True)
class Element:
    """What is defined of one element: its types, the resource types that it leads to, the codes that it must have."""

    required: bool
    many: bool
    types: tuple[str, ...]
    targets: frozenset[str]
    value_set: str
    same_as: str


class Definitions:
    """The definitions of one release."""

    def __init__(self, package: Path) -> None:
        self._package = package

    @cached_property
    def _files(self) -> dict[str, bytes]:
        with tarfile.open(self._package) as archive:
            wanted = (
                member
                for member in archive
                if member.name.startswith(("package/StructureDefinition-", "package/ValueSet-", "package/CodeSystem-"))
            )
            return {member.name[8:-5]: file.read() for member in wanted if (file := archive.extractfile(member))}

    @cached_property
    def _by_url(self) -> dict[str, Json]:
        read = (json.loads(text) for name, text in self._files.items() if not name.startswith("StructureDefinition-"))
        return {one["url"]: one for one in read}

    def has(self, name: str) -> bool:
        return f"StructureDefinition-{name}" in self._files

    def elements(self, name: str) -> dict[str, Element]:
        """Return the elements of a resource type, a data type, or a part by its path, those that all have left out."""
        kind, _, part = name.partition(".")
        begin = f"{kind}.{part}." if part else f"{kind}."
        defined = json.loads(self._files[f"StructureDefinition-{kind}"])
        known = _OF_RESOURCES if defined["kind"] == "resource" and not part else _OF_ALL
        found = {}
        for one in defined["snapshot"]["element"]:
            path = one["path"].removeprefix(begin)
            if path != one["path"] and "." not in path and path not in known:
                found[path] = _element(one)
        return found

    def codes_of_system(self, url: str) -> frozenset[str] | None:
        """Return the codes of a code system; None where there is none."""
        known = self._by_url.get(url)
        return frozenset(_all_codes(known["concept"])) if known and known["resourceType"] == "CodeSystem" else None

    def coding(self, value_set: str) -> Json:
        """Return a coding of a value set that is defined by a list."""
        include = self._by_url[value_set.partition("|")[0]]["compose"]["include"][0]
        return {"system": include["system"], "code": min(self.codes(value_set) or ())}

    def codes(self, value_set: str) -> frozenset[str] | None:
        """Return the codes of a value set; None where it is defined by more than a list."""
        found: set[str] = set()
        known = self._by_url.get(value_set.partition("|")[0])
        for include in known["compose"]["include"] if known else [{"filter": []}]:
            listed: list[Json] | None = include.get("concept")
            listed = listed or self._by_url.get(str(include.get("system")), {}).get("concept")
            if "filter" in include or "valueSet" in include or not listed:
                return None
            found |= set(_all_codes(listed))
        return frozenset(found)


def _all_codes(concepts: list[Json]) -> Iterator[str]:
    for one in concepts:
        yield one["code"]
        yield from _all_codes(one.get("concept", []))


def _element(one: Json) -> Element:
    kinds = [kind["code"].rpartition("/")[2] for kind in one.get("type", [])]
    urls = (url for kind in one.get("type", []) for url in kind.get("targetProfile", []))
    binding = one.get("binding", {})
    return Element(
        required=one["min"] > 0,
        many=one["max"] == "*",
        types=tuple(dict.fromkeys(kinds)),
        targets=frozenset(url.rpartition("/")[2] for url in urls),
        value_set=binding.get("valueSet", "") if binding.get("strength") == "required" else "",
        same_as=one.get("contentReference", "").removeprefix("#"),
    )


_PRIMITIVES: dict[str, str] = {
    "string": "words {}", "markdown": "words {}", "code": "code-{}", "id": "id-{}", "uri": "urn:uri:{}",
    "url": "urn:url:{}", "canonical": "urn:canonical:{}", "oid": "urn:oid:2.{}", "date": "19{:02}-01-01",
    "dateTime": "18{:02}-01-01", "time": "10:00:{:02}",
}  # fmt: skip
_AROUND: dict[str, str] = {
    "CodeableConcept": "text", "Coding": "code", "Identifier": "value", "Annotation": "text", "HumanName": "text",
    "ContactPoint": "value", "Address": "text", "Attachment": "title",
}  # fmt: skip
_MEASURED = {"Quantity", "Age", "Duration", "Count", "Distance", "SimpleQuantity"}


class Samples:
    """
    Make samples of a release, each value another one as far as possible.

    Args:
        whole: The names of data types of which every element is given, not only the one that tells most.
    """

    def __init__(self, definitions: Definitions, whole: Collection[str] = ()) -> None:
        self._definitions = definitions
        self._whole = whole
        self._numbers = count(1)

    def resource(
        self,
        kind: str,
        *,
        least: bool = False,
        turn: int = 0,
        without: Collection[str] = (),
        alone: Collection[str] = (),
        lost: Mapping[str, frozenset[str]] | None = None,
    ) -> Json:
        """
        Return a resource with every element, and two values of each that may have several.

        Args:
            least: Only with the elements that are required.
            turn: Which of its types an element of several types has.
            without: The paths of elements that are left out.
            alone: The paths of elements that have one value only.
            lost: For some paths, the resource types that a reference does not lead to.
        """
        self._least, self._turn, self._lost = least, turn, lost or {}
        self._without, self._alone = frozenset(without), frozenset(alone)
        return {"resourceType": kind, "id": "sample", **self._part(kind)}

    def _part(self, name: str) -> Json:
        found = {}
        for path, element in self._definitions.elements(name).items():
            kind = element.types[self._turn % len(element.types)] if element.types else "BackboneElement"
            key = path.removesuffix("[x]") + (kind[0].upper() + kind[1:] if path.endswith("[x]") else "")
            place = f"{name}.{path}"
            unwanted = {place, f"{name}.{key}"} & self._without
            if unwanted or (self._least and not element.required):
                continue
            several = 1 if place in self._alone or self._least else 2
            values = [self._value(place, kind, element) for _ in range(several if element.many else 1)]
            found[key] = values if element.many else values[0]
        return found

    def _value(self, place: str, kind: str, element: Element) -> Any:
        number = next(self._numbers)
        if kind in {"BackboneElement", "Element", *self._whole}:
            return self._part(kind if kind in self._whole else element.same_as or place)
        if kind == "Reference":
            targets = sorted(element.targets - self._lost.get(place, frozenset()) - {"Resource"}) or ["Basic"]
            return {"reference": f"{targets[self._turn % len(targets)]}/r{number}"}
        if element.value_set and kind == "CodeableConcept":
            return {"coding": [self._definitions.coding(element.value_set)], "text": f"words {number}"}
        if element.value_set and kind == "code":
            return min(self._definitions.codes(element.value_set) or {"en"})
        return _simple(kind, number)


def _simple(kind: str, number: int) -> Any:
    if kind in _PRIMITIVES:
        return _PRIMITIVES[kind].format(number % 60 if kind in {"date", "dateTime", "time"} else number)
    if kind in _AROUND:
        return {_AROUND[kind]: f"words {number}"}
    if kind in _MEASURED:
        return {"value": number, "unit": f"unit {number}"}
    composed: Json = {
        **dict.fromkeys(("integer", "positiveInt", "unsignedInt", "decimal"), number),
        "boolean": True,
        "instant": "2020-01-01T00:00:00Z",
        "base64Binary": "AAAA",
        "Period": {"start": "2020-01-01", "end": f"20{20 + number % 60}-01-02"},
        "Range": {"low": {"value": number}},
        "Ratio": {"numerator": {"value": number}, "denominator": {"value": 1}},
        "Timing": {"code": {"text": f"timing {number}"}},
        "Signature": {
            "type": [{"code": f"code-{number}"}],
            "when": "2020-01-01T00:00:00Z",
            "who": {"display": f"who {number}"},
        },
    }
    return composed[kind]
