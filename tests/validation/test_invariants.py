"""The invariants made from the StructureDefinitions: how many are checked, and that both forms of one agree."""

from __future__ import annotations

import json
import random
import re
import tarfile
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

import jsonschema_rs
import pytest
from fhirpathpy import compile as compiled
from fhirpathpy.engine.nodes import ResourceNode
from fhirpathpy.models import models

from fhir_case.fhir.definitions import definitions
from fhir_case.fhir.invariants import GENERATED, INVARIANTS, NOT_CHECKED
from fhir_case.validation import CHECKS
from fhir_case.validation.expressions import FUNCTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.fhir.invariants.invariant import Invariant

Release = Literal["R4", "R5"]
_PACKAGES = {"R4": "hl7.fhir.r4.core", "R5": "hl7.fhir.r5.core"}
# In the rule about narrative, which names both.
_IN_OTHER_RULES = {"txt-1", "txt-2"}
_OBJECTS_EACH = 60
_TYPED: Any = ResourceNode.create_node
_FILE = files("fhir_case.fhir.invariants").joinpath("generated.json")
_ELEMENTS = {(one["name"], one["where"]): one.get("element") for one in json.loads(_FILE.read_text())["invariants"]}


def _in_the_package(package: Path) -> dict[str, str]:
    """Return the severity of each invariant of the types of a release."""
    found: dict[str, str] = {}
    with tarfile.open(package) as archive:
        for member in archive:
            if not member.name.startswith("package/StructureDefinition-"):
                continue
            file = archive.extractfile(member)
            structure = json.load(file) if file else {}
            if structure.get("derivation") == "constraint" or structure["kind"] == "logical":
                continue
            for element in structure["snapshot"]["element"]:
                for one in element.get("constraint", []):
                    found[one["key"]] = one["severity"]
    return found


@pytest.mark.parametrize("release", ["R4", "R5"])
def test_every_invariant_of_severity_error_has_a_check_or_a_reason(
    release: Release, fhir_packages: dict[str, Path]
) -> None:
    severities = _in_the_package(fhir_packages[_PACKAGES[release]])
    of_other_releases = {one.name for one in INVARIANTS} - {one.name for one in INVARIANTS if release in one.releases}
    checked = {check.name for check in CHECKS} - of_other_releases | _IN_OTHER_RULES

    missing = {key for key, severity in severities.items() if severity == "error"} - checked

    assert (set() if release == "R4" else NOT_CHECKED.keys()) == missing


def _names(invariant: Invariant, release: Release) -> dict[str, Any]:
    """Return the elements that the expression names, with their schemas."""
    properties = definitions(release).get(invariant.where, {}).get("properties", {})
    said = set(re.findall(r"[A-Za-z]+", invariant.expression))
    return {
        name: schema
        for name, schema in properties.items()
        if any(name == one or (name.startswith(one) and name[len(one) :][:1].isupper()) for one in said)
    }


def _value(schema: Any, invariant: Invariant, release: Release, random_: random.Random, depth: int = 0) -> Any:
    if "items" in schema:
        count = random_.choice([1, 1, 2, 3])
        return [_value(schema["items"], invariant, release, random_, depth) for _ in range(count)]
    kind = schema.get("$ref", "").removeprefix("#/$defs/").rstrip("?").partition(":")[0]
    if kind == "boolean":
        return random_.choice([True, False])
    if kind in ("decimal", "integer", "positiveInt", "unsignedInt"):
        return random_.choice([0, 1, 2, 3])
    inner = definitions(release).get(kind, {}).get("properties", {})
    if not inner or depth > 2:
        literals = re.findall(r"'([^']*)'", invariant.expression)
        return random_.choice(["x", *literals])
    said = [name for name in inner if re.search(rf"\b{name}\b", invariant.expression)]
    chosen = [name for name in said if random_.random() < 0.7] or ["id"]
    return {
        name: "x" if name == "id" else _value(inner[name], invariant, release, random_, depth + 1) for name in chosen
    }


def _objects(invariant: Invariant, release: Release) -> list[dict[str, Any]]:
    random_ = random.Random(f"{invariant.name} {invariant.where} {release}")  # noqa: S311 - only samples
    names = _names(invariant, release)
    # Only one form of a choice may be there.
    stems = re.findall(r"[A-Za-z]+", invariant.expression)
    found = []
    for _ in range(_OBJECTS_EACH):
        chosen: dict[str, Any] = {}
        for name in random_.sample(sorted(names), len(names)):
            stem = next((one for one in stems if name != one and name.startswith(one)), name)
            if random_.random() < 0.5 and not any(other.startswith(stem) for other in chosen if stem != name):
                chosen[name] = _value(names[name], invariant, release, random_)
        if "." not in invariant.where:
            chosen["resourceType"] = invariant.where
        found.append(chosen or {"id": "x"})
    return found


@pytest.mark.parametrize(
    ("invariant", "release"),
    [(one, release) for one in GENERATED if one.broken is not None for release in one.releases],
    ids=lambda value: f"{value.name}@{value.where}" if hasattr(value, "where") else value,
)
def test_the_schema_of_an_invariant_says_what_its_expression_says(invariant: Invariant, release: Release) -> None:
    assert invariant.broken is not None
    broken = jsonschema_rs.Draft202012Validator(invariant.broken)
    options = {"userInvocationTable": FUNCTIONS, "traceFn": lambda *_: None}
    evaluate = compiled(invariant.expression, models[release.lower()], options)
    element = _ELEMENTS.get((invariant.name, invariant.where))

    differences = []
    for one in _objects(invariant, release):
        answers = []
        items = _items(element, one) if element else [(one, invariant.where)]
        for item, where in items:
            typed: Any = _TYPED(item, where) if "." in where else item
            answer = evaluate(typed, {"resource": item})
            answers.append(answer)
        # The library has no answer to some implications of which the specification says that they are true.
        if [] not in answers and (answers != [[True]] * len(answers)) != broken.is_valid(one):
            differences.append(one)

    assert [] == differences


def _items(element: str, holder: dict[str, Any]) -> list[tuple[Any, str]]:
    """Return the elements that an invariant is about whose schema is that of the object that has them."""
    value = holder.get(element.rpartition(".")[2], [])
    return [(one, element) for one in (value if isinstance(value, list) else [value])]


@pytest.mark.parametrize(
    ("invariant", "release"),
    [(one, release) for one in GENERATED if one.broken is None for release in one.releases],
    ids=lambda value: f"{value.name}@{value.where}" if hasattr(value, "where") else value,
)
def test_the_library_knows_all_functions_of_an_expression(invariant: Invariant, release: Release) -> None:
    functions: dict[str, Any] = {**FUNCTIONS, "resolve": {"fn": lambda _: []}}
    options = {"userInvocationTable": functions, "traceFn": lambda *_: None}
    evaluate = compiled(invariant.expression, models[release.lower()], options)

    failed = []
    for one in _objects(invariant, release):
        try:
            evaluate(one, {"resource": one, "rootResource": one})
        except Exception as error:
            failed.append(str(error))

    assert [] == [one for one in failed if "Not implemented" in one or "ntlr" in one]
