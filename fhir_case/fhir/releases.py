"""
The release of FHIR in which a resource is written, as far as it shows that for certain.

What only R4 or only R5 has is in ``release-elements.json``, which scripts/make-release-elements makes of the strict
schemas. R4B counts as R4.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.fhir.wire import Resource

__all__ = ["ReleaseSign", "family", "release_of", "sign_of_other_release"]

_RELEASES = {"1.0": "DSTU2", "3.0": "STU3", "4.0": "R4", "4.1": "R4B", "4.3": "R4B", "5.0": "R5", "6.0": "R6"}
_CORE = re.compile(r"http://hl7\.org/fhir/(?:(\d+\.\d+)/)?StructureDefinition/[A-Za-z]+(?:\|(\d+\.\d+)[^|]*)?")
_OTHER = {"R4": "R5", "R5": "R4"}
_OLDER_TYPES = dict.fromkeys(
    ("DeviceUseRequest", "DiagnosticOrder", "ImagingObjectSelection", "MedicationOrder", "Order", "OrderResponse"),
    "DSTU2",
) | dict.fromkeys(
    ("BodySite", "DataElement", "DeviceComponent", "EligibilityRequest", "EligibilityResponse", "ExpansionProfile",
     "ImagingManifest", "ProcedureRequest", "ProcessRequest", "ProcessResponse", "ReferralRequest", "Sequence",
     "ServiceDefinition"), "STU3",
) | {"Conformance": "DSTU2"}  # fmt: skip
"""The types that neither R4 nor R5 has, with the last release that has them. Source: their own lists of resources."""
_CONCEPT = frozenset({"coding", "text"})
_OLDER_CONCEPTS = frozenset({"Encounter.reason"})  # a CodeableConcept until STU3, and something else in R5
_DECLARING = frozenset({"fhirVersion", "meta"})
_NONE: dict[str, str] = {}
_ANY_TYPE = "Resource"  # where a resource is inside another one


class ReleaseSign(NamedTuple):
    """
    What shows that a resource is written in another release.

    Args:
        path: The element, from the type of the resource.
        release: The release that it is of.
        reason: Why, as the end of a sentence that begins with the element.
    """

    path: str
    release: str
    reason: str


def release_of(version: str) -> str:
    """Return the release of a version of FHIR, such as R4 for ``4.0.1``; empty when it is none that is known."""
    return _RELEASES.get(".".join(version.split(".")[:2]), "")


def family(release: str) -> str:
    """Return the release with R4B as R4, which it is but for a few types."""
    return release.removesuffix("B")


def sign_of_other_release(resource: Resource, release: str) -> ReleaseSign | None:
    """
    Return what shows for certain that a resource is of another release than this one; None when nothing does.

    That is a type or an element that only the other one has, ``fhirVersion``, or the version of a profile of FHIR.
    Extensions are not looked into, nor are codes.

    Args:
        release: R4, R4B or R5; of others nothing is known.
    """
    ours = family(release)
    if ours not in _OTHER:
        return None
    types, parts = _tables(ours)
    kind = resource.get("resourceType")
    if (
        isinstance(kind, str)
        and kind not in types
        and kind not in _OLDER_TYPES
        and _DECLARING.isdisjoint(resource)
        and parts.get(kind, _NONE).keys().isdisjoint(resource)
    ):
        return None  # nearly always
    waiting: list[tuple[dict[str, Any], str, str]] = [(resource, str(resource.get("resourceType")), _ANY_TYPE)]
    while waiting:  # what strangers write may be nested deeply
        value, path, part = waiting.pop()
        if part == _ANY_TYPE:
            found = _declared(value, path, ours)
            if found:
                return found
            part = str(value.get("resourceType"))
        known = parts.get(part, _NONE)
        inside: list[tuple[dict[str, Any], str, str]] = []
        for name in value:
            if name not in known:
                continue
            if not known[name]:
                older = f"{part}.{name}" in _OLDER_CONCEPTS and _is_concept(value[name])
                return ReleaseSign(
                    f"{path}.{name}", "STU3" if older else _OTHER[ours], f"is an element that {release} does not have"
                )
            inside += _objects(value[name], f"{path}.{name}", known[name])
        waiting += reversed(inside)
    return None


def _is_concept(value: object) -> bool:
    each = value[0] if isinstance(value, list) and value else value
    return isinstance(each, dict) and not _CONCEPT.isdisjoint(each)


def _objects(value: object, path: str, part: str) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Return the objects that an element has, each with its path."""
    if isinstance(value, dict):
        yield value, path, part
    for number, each in enumerate(value if isinstance(value, list) else ()):
        if isinstance(each, dict):
            yield each, f"{path}[{number}]", part


def _declared(resource: Resource, path: str, ours: str) -> ReleaseSign | None:
    """Return what a resource says of its release: its type, and the version of FHIR that it or its profile names."""
    kind, other = resource.get("resourceType"), _OTHER[ours]
    if isinstance(kind, str) and kind in _tables(ours)[0]:
        return ReleaseSign(path, other, f"is a {kind}, which only {other} has")
    if isinstance(kind, str) and kind in _OLDER_TYPES:
        return ReleaseSign(path, _OLDER_TYPES[kind], f"is a {kind}, which neither R4 nor R5 has")
    if "fhirVersion" in resource:
        given = resource["fhirVersion"]
        named = {release_of(each): each for each in (given if isinstance(given, list) else [given]) if _is_text(each)}
        if named and "" not in named and ours not in map(family, named):
            release, version = next(iter(named.items()))
            return ReleaseSign(f"{path}.fhirVersion", release, f"is {version}")
    meta = resource.get("meta")
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    for profile in profiles if isinstance(profiles, list) else ():
        found = _CORE.fullmatch(profile) if _is_text(profile) else None
        release = release_of(found[2] or found[1] or "") if found else ""
        if release and family(release) != ours:
            return ReleaseSign(f"{path}.meta.profile", release, f"is {profile}")
    return None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


@cache
def _tables(ours: str) -> tuple[frozenset[str], dict[str, dict[str, str]]]:
    """
    Return the types that only the other release has, and by part what in it shows the other release.

    That is by element the part to look into, and nothing for an element that only the other release has.
    """
    from importlib.resources import files

    text = (files("fhir_case.fhir") / "release-elements.json").read_text(encoding="utf-8")
    table, other = json.loads(text), _OTHER[ours]
    written = table["parts"]
    telling = {name for name, part in written.items() if other in part} | {_ANY_TYPE}
    while (
        more := {name for name, part in written.items() if not telling.isdisjoint(part.get("into", {}).values())}
        - telling
    ):
        telling |= more
    parts = {
        name: dict.fromkeys(written[name].get(other, ()), "")
        | {element: part for element, part in written[name].get("into", {}).items() if part in telling}
        for name in telling - {_ANY_TYPE}
    }
    return frozenset(table["types"][other]), parts
