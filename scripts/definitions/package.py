"""What is read of FHIR packages."""

from __future__ import annotations

import hashlib
import json
import tarfile
from typing import TYPE_CHECKING, Any

from .value_sets import ValueSets

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["STRUCTURE_DEFINITION", "read_definitions", "read_package"]

STRUCTURE_DEFINITION = "http://hl7.org/fhir/StructureDefinition/"


def read_package(path: Path, *types: str) -> tuple[list[Any], str]:
    """Return the resources of some types in a package, and its name, version and SHA-256."""
    found: list[Any] = []
    description: dict[str, Any] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            folder, _, name = member.name.rpartition("/")
            kind = name.partition("-")[0]
            if folder != "package" or kind not in (*types, "package.json"):
                continue
            content = archive.extractfile(member)
            resource = json.load(content) if content else {}
            if kind == "package.json":
                description = resource
            else:
                found.append(resource)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return found, f"{description['name']} {description['version']} (SHA-256 {digest})"


def read_definitions(path: Path) -> tuple[dict[str, Any], ValueSets, str]:
    """Return the concrete and abstract types of a package by name, its value sets, and which package it is."""
    found, origin = read_package(path, "StructureDefinition", "ValueSet", "CodeSystem")
    by_url: dict[str, dict[str, Any]] = {"StructureDefinition": {}, "ValueSet": {}, "CodeSystem": {}}
    for one in found:
        by_url[one["resourceType"]][one["url"]] = one
    types = {one["name"]: one for one in by_url["StructureDefinition"].values() if _is_type(one)}
    return types, ValueSets(by_url["ValueSet"], by_url["CodeSystem"]), origin


def _is_type(resource: Any) -> bool:
    if resource["name"] in ("SimpleQuantity", "MoneyQuantity"):
        return True
    return (
        resource["kind"] in ("resource", "complex-type", "primitive-type")
        and resource.get("derivation") != "constraint"
        and resource["url"] == STRUCTURE_DEFINITION + resource["type"]
    )
