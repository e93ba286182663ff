"""
A package of code system fragments, made of the value sets in the other packages.

Without a terminology server every code of SNOMED CT, LOINC and others is unknown to the engine. The value sets in the
packages list many of them, with their displays: as fragments of code systems these let the engine check what can be
checked. Five value sets of US Core, which no freely published package has, are added with the codes that their users
need: race, ethnicity and birth sex.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.systems import ADMINISTRATIVE_GENDER, NULL_FLAVOR, RACE_AND_ETHNICITY
from fhir_case.fhir.wire import mapping, objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from fhir_case.validation.engine.packages import Package

__all__ = ["FRAGMENTS", "write_fragments"]

FRAGMENTS = "fhircase.fragments#1.0.0"
"""The label of the package."""

_LISTED_VALUE_SETS = "http://cts.nlm.nih.gov/fhir/ValueSet/2.16.840.1."

# Source: the categories of https://hl7.org/fhir/us/core/STU6.1/ for race and ethnicity, with their names.
_CATEGORIES = {
    "1002-5": "American Indian or Alaska Native",
    "2028-9": "Asian",
    "2054-5": "Black or African American",
    "2076-8": "Native Hawaiian or Other Pacific Islander",
    "2106-3": "White",
    "2131-1": "Other Race",
    "2135-2": "Hispanic or Latino",
    "2186-5": "Not Hispanic or Latino",
}
_VALUE_SETS = {
    "114222.4.11.836": (RACE_AND_ETHNICITY, ["1002-5", "2028-9", "2054-5", "2076-8", "2106-3"]),
    "114222.4.11.837": (RACE_AND_ETHNICITY, ["2135-2", "2186-5"]),
    "113762.1.4.1": (ADMINISTRATIVE_GENDER, ["F", "M"]),
    "113762.1.4.1021.102": (NULL_FLAVOR, ["ASKU", "UNK"]),
    "113762.1.4.1021.103": (NULL_FLAVOR, ["ASKU", "OTH", "UNK"]),
}


def write_fragments(folders: Iterable[Path], target: Path, core: Package) -> None:
    """
    Write the package from the value sets in others.

    Args:
        folders: The folders ``package`` of the others.
        target: The folder of the new one.
        core: The package of the release.
    """
    whole: set[str] = set()
    codes: defaultdict[str, dict[str, str]] = defaultdict(dict)
    codes[RACE_AND_ETHNICITY].update(_CATEGORIES)
    known_value_sets: set[str] = set()
    for resource in _terminology(folders):
        url = str(resource.get("url", ""))
        if resource["resourceType"] == "CodeSystem":
            if resource.get("content") in ("complete", "fragment"):
                whole.add(url)
            continue
        known_value_sets.add(url)
        for include in objects(mapping(resource.get("compose")).get("include")):
            listed = codes[str(include.get("system", ""))]
            for concept in objects(include.get("concept")):
                code = str(concept.get("code", ""))
                listed[code] = str(concept.get("display") or listed.get(code, ""))
    package = target / "package"
    package.mkdir(parents=True)
    for number, (system, listed) in enumerate(sorted(codes.items())):
        if system and listed and system not in whole:
            _write(package, _fragment(number, system, listed))
    for oid, (system, wanted) in _VALUE_SETS.items():
        if _LISTED_VALUE_SETS + oid not in known_value_sets:
            _write(package, _value_set(oid, system, wanted))
    name, _, version = FRAGMENTS.partition("#")
    manifest = {
        "name": name,
        "version": version,
        "type": "IG",
        "canonical": "urn:fhircase",
        "url": "urn:fhircase",
        "fhirVersions": [core.version],
        "dependencies": {core.name: core.version},
    }
    (package / "package.json").write_text(json.dumps(manifest), "utf-8")


def _terminology(folders: Iterable[Path]) -> Iterator[dict[str, Any]]:
    for folder in folders:
        for kind in ("CodeSystem", "ValueSet"):
            for file in sorted(folder.glob(f"{kind}*.json")):
                try:
                    resource = mapping(json.loads(file.read_bytes()))
                except (ValueError, RecursionError):
                    continue  # the engine says what it cannot read
                if resource.get("resourceType") == kind:
                    yield resource


def _fragment(number: int, system: str, listed: dict[str, str]) -> dict[str, Any]:
    concepts = [{"code": code, **({"display": name} if name else {})} for code, name in sorted(listed.items())]
    return {
        "resourceType": "CodeSystem",
        "id": f"fragment-{number}",
        "url": system,
        "name": f"Fragment{number}",
        "status": "active",
        "content": "fragment",
        "caseSensitive": True,
        "concept": concepts,
    }


def _value_set(oid: str, system: str, wanted: Sequence[str]) -> dict[str, Any]:
    return {
        "resourceType": "ValueSet",
        "id": "listed-" + oid.replace(".", "-"),
        "url": _LISTED_VALUE_SETS + oid,
        "name": "Listed" + oid.replace(".", ""),
        "status": "active",
        "compose": {"include": [{"system": system, "concept": [{"code": code} for code in wanted]}]},
    }


def _write(folder: Path, resource: dict[str, Any]) -> None:
    (folder / f"{resource['resourceType']}-{resource['id']}.json").write_text(json.dumps(resource), "utf-8")
