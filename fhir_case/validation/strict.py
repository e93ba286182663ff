"""
Check each resource against the strict JSON Schema of its release, and the invariants that are written into it.

The schemas are data of this package, made from the official packages by scripts/make-strict-schema. The schema of a
type is compiled when the first resource of that type comes, and kept.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fhir_case.errors import CheckerError
from fhir_case.issues import Issue
from fhir_case.validation.check import Check, always, of_types
from fhir_case.validation.invariants import INVARIANTS
from fhir_case.validation.messages import explain, targets
from fhir_case.validation.subject import MAXIMUM_DEPTH, expression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fhir_case.validation.invariants.invariant import Invariant
    from fhir_case.validation.subject import FhirVersion, Located, Path, Subject

__all__ = ["INVARIANT_CHECKS", "STRICT", "allowed_targets", "schema_issues"]

_INVARIANT = "invariant:"
_SEPARATE = 8  # how many validators are compiled before one for all types
_QUANTITIES = ("Quantity", "SimpleQuantity", "MoneyQuantity", "Age", "Count", "Distance", "Duration")
_BY_NAME = {invariant.name: invariant for invariant in INVARIANTS}


def schema_issues(subject: Subject) -> dict[str, list[Issue]]:
    """Return what the schema finds in all resources: by the name of the invariant, and under ``strict`` all else."""
    found: dict[str, list[Issue]] = {}
    if subject.too_deep:
        return {"strict": [Issue("error", "strict", f"objects are nested more than {MAXIMUM_DEPTH} deep")]}
    definitions = _definitions(subject.fhir)
    validators = _validators(subject.fhir)
    _compile(subject.by_type.keys() - validators.keys(), subject.fhir)
    for located in subject.resources:
        validator = validators.get(located.type)
        if validator is None:
            found.setdefault("strict", []).append(_no_type(located, subject.fhir))
            continue
        try:
            right = validator.is_valid({located.type: located.resource})
            issues = [] if right else list(_issues(located, validator, definitions))
        except UnicodeEncodeError as error:
            message = f"a text is no Unicode: half a surrogate pair, \\u{ord(error.object[error.start]):04x}"
            issues = [Issue("error", "strict", message, located.label, located.path, "structure")]
        for issue in issues:
            found.setdefault(issue.check, []).append(issue)
    return found


def _issues(located: Located, validator: Any, definitions: Mapping[str, Any]) -> Iterator[Issue]:
    for error in validator.iter_errors({located.type: located.resource}):
        name = str(error.schema_path[1]) if len(error.schema_path) > 1 else ""
        invariant = _BY_NAME.get(name.removeprefix(_INVARIANT)) if name.startswith(_INVARIANT) else None
        if invariant is not None:
            place = located.path + expression(tuple(error.instance_path[1:]))
            yield Issue(invariant.severity, invariant.name, invariant.reason, located.label, place, "invariant")
            continue
        for path, message, code in explain(error, definitions):
            yield Issue("error", "strict", message, located.label, located.path + expression(path), code)


def _no_type(located: Located, fhir: FhirVersion) -> Issue:
    given = located.resource.get("resourceType")
    message = "there is no resourceType" if given is None else f"'{given}' is no resource type of {fhir}"
    return Issue("error", "strict", message, located.label, f"{located.path}.resourceType", "structure")


@cache
def _definitions(fhir: FhirVersion) -> dict[str, Any]:
    """Read the definitions of a release and write the invariants into them."""
    place = files("fhir_case.validation").joinpath("schema", f"{fhir.lower()}.json.gz")
    try:
        definitions: dict[str, Any] = json.loads(gzip.decompress(place.read_bytes()))["$defs"]
    except (OSError, ValueError) as error:
        raise CheckerError(
            f"the schema of {fhir} could not be read: {error}", hint="install fhir-case again"
        ) from error
    for invariant in INVARIANTS:
        if fhir in invariant.releases:
            name = _INVARIANT + invariant.name
            for carrier in _carriers(invariant.where, definitions):
                carrier.setdefault("allOf", []).append({"$ref": f"#/$defs/{name}"})
            definitions[name] = {"not": {"type": "object", **invariant.broken}}
    return definitions


def _carriers(where: str, definitions: Mapping[str, Any]) -> list[Any]:
    """Return the definitions of a type: a Reference has one for each set of targets, a Quantity special forms."""
    names = _QUANTITIES if where == "Quantity" else (where,)
    return [one for name, one in definitions.items() if name.split("(")[0] in names]


@cache
def _validators(fhir: FhirVersion) -> dict[str, Any]:  # noqa: ARG001 - one dict for each release
    """Keep the compiled validators by resource type."""
    return {}


def _compile(kinds: set[str], fhir: FhirVersion) -> None:
    """
    Compile those of some types that the release has, all in one validator.

    Most of the work is in the data types that they share: fifteen types together take twice the time of one, and all
    take as much time and memory as twenty one by one. So when new types have come several times, all are compiled.
    """
    try:
        import jsonschema_rs
    except ImportError as error:
        raise CheckerError(f"jsonschema-rs could not be imported: {error}") from error
    known = _definitions(fhir)["resource-types"]["enum"]
    new = sorted(kind for kind in kinds if kind in known)
    if not new:
        return
    if len({id(validator) for validator in _validators(fhir).values()}) == _SEPARATE:
        new = known
    schema = {
        "$defs": _reached(new, _definitions(fhir)),
        "properties": {kind: {"$ref": f"#/$defs/{kind}"} for kind in new},
    }
    validator = jsonschema_rs.Draft202012Validator(schema, pattern_options=jsonschema_rs.RegexOptions())
    _validators(fhir).update(dict.fromkeys(new, validator))


def _reached(kinds: list[str], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Take the definitions that some types need, which for one is a tenth of all."""
    found: dict[str, Any] = {}
    waiting: list[Any] = [{"$ref": f"#/$defs/{kind}"} for kind in kinds]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            waiting += node.values()
            name = node.get("$ref")
            if isinstance(name, str):
                name = name.removeprefix("#/$defs/")
                if name not in found:
                    found[name] = definitions[name]
                    waiting.append(found[name])
    return found


def allowed_targets(kind: str, path: Path, fhir: FhirVersion) -> list[str]:
    """
    Return the types that the reference at a path may point to; empty when any may be, or when that is not known.

    Args:
        kind: The type of the resource.
        path: The steps from the resource to the object that is the Reference.
        fhir: The release.
    """
    definitions = _definitions(fhir)
    name = kind
    for step in path:
        if isinstance(step, str):
            schema = definitions.get(name, {}).get("properties", {}).get(step, {})
            name = (schema.get("$ref") or schema.get("items", {}).get("$ref", "")).removeprefix("#/$defs/")
    return targets(name)


def _of(name: str) -> Callable[[Subject], list[Issue]]:
    return lambda subject: subject.schema_issues.get(name, [])


def _check(invariant: Invariant) -> Check:
    resource = invariant.where.split(".")[0]
    applies = of_types(resource) if resource not in _DATA_TYPES else always

    def unless(subject: Subject) -> str:
        if subject.fhir not in invariant.releases:
            return f"it is a rule of {' and '.join(invariant.releases)}"
        return applies(subject)

    return Check(invariant.name, invariant.reason, invariant.source, _of(invariant.name), unless)


_DATA_TYPES = frozenset(
    (*_QUANTITIES, "Attachment", "Coding", "ContactPoint", "Extension", "Ratio", "Reference", "Timing")
)

STRICT = Check(
    "strict",
    "Cardinalities, required codes, choices, reference targets and formats are those of the StructureDefinitions.",
    "https://hl7.org/fhir/R4/conformance-rules.html",
    _of("strict"),
    always,
)
INVARIANT_CHECKS = tuple(_check(invariant) for invariant in INVARIANTS)
