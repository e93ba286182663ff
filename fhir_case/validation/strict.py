"""Check each resource against the strict JSON Schema of its release, and the invariants that are written into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.definitions import INVARIANT, definitions, unknown_type
from fhir_case.fhir.invariants import INVARIANTS
from fhir_case.fhir.invariants.invariant import DATA_TYPES
from fhir_case.fhir.validators import quick_validators, validators
from fhir_case.issues import Issue
from fhir_case.validation.check import Check, always, of_types
from fhir_case.validation.expressions import evaluated
from fhir_case.validation.located import LONGEST_LIST, expression, with_short_lists
from fhir_case.validation.messages import explain, is_blank_text
from fhir_case.validation.traversal import MAXIMUM_DEPTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fhir_case.fhir.invariants.invariant import Invariant
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.issues import Severity
    from fhir_case.validation.located import Located
    from fhir_case.validation.subject import Subject

__all__ = ["INVARIANT_CHECKS", "STRICT", "schema_issues"]


def schema_issues(subject: Subject) -> dict[str, list[Issue]]:
    """Return what the schema finds in all resources, by the name of the check: the invariant, else ``strict``."""
    found: dict[str, list[Issue]] = {}
    if subject.too_deep:
        return {"strict": [Issue("error", "strict", f"objects are nested more than {MAXIMUM_DEPTH} deep")]}
    known = definitions(subject.fhir)
    compiled = quick_validators((located.resource for located in subject.resources), subject.fhir)
    for located in subject.resources:
        validator = compiled.get(located.type)
        if validator is None:
            found.setdefault("strict", []).append(_no_type(located, subject.fhir))
            continue
        try:
            right = validator.is_valid({located.type: located.resource})
            whole = validator if right else validators({located.type}, subject.fhir)[located.type]
            issues = [] if right else list(_issues(located, whole, known))
        except UnicodeEncodeError as error:
            message = f"a text is not valid Unicode: half a surrogate pair, \\u{ord(error.object[error.start]):04x}"
            issues = [located.issue("error", "strict", message, code="structure")]
        for issue in issues:
            found.setdefault(issue.check, []).append(issue)
    return found


def _issues(located: Located, validator: Any, known: Mapping[str, Any]) -> Iterator[Issue]:
    resource = with_short_lists(located.resource)
    told: Severity = "error"
    for error in validator.iter_errors({located.type: resource}):
        told = "information"
        name = str(error.schema_path[1]) if len(error.schema_path) > 1 else ""
        if name.startswith(INVARIANT):
            invariant = INVARIANTS[int(name.removeprefix(INVARIANT))]
            where = expression(tuple(error.instance_path[1:]))
            yield located.issue(invariant.severity, invariant.name, invariant.reason, where, "invariant")
            continue
        severity: Severity = "warning" if is_blank_text(error) else "error"
        for path, message, code in explain(error, known):
            yield located.issue(severity, "strict", message, expression(path), code)
    if resource is not located.resource:  # an error where it is all that is told of what is wrong
        message = f"of a list with more than {LONGEST_LIST:,} members, what is wrong is told of the first ones only"
        yield located.issue(told, "strict", message, code="too-long")


def _no_type(located: Located, fhir: FhirVersion) -> Issue:
    if "resourceType" not in located.resource:
        message = "there is no resourceType"
    elif not located.type:
        message = (
            "the resourceType is empty" if located.resource["resourceType"] == "" else "the resourceType is no text"
        )
    else:
        message = unknown_type(located.type, fhir)
    return located.issue("error", "strict", message, ".resourceType", "structure")


def _of(name: str) -> Callable[[Subject], list[Issue]]:
    return lambda subject: subject.once(schema_issues).get(name, [])


def _check(name: str, invariants: list[Invariant]) -> Check:
    """Return the check of all invariants of one name: some are stated for several types, or differ in R5."""
    by_schema = _of(name)
    by_expression = [one for one in invariants if one.broken is None]
    releases = {release for one in invariants for release in one.releases}
    types = tuple(dict.fromkeys(one.type for one in invariants))
    of_data_types = not DATA_TYPES.isdisjoint(types) or any(one.resources is not None for one in invariants)
    applies = always if of_data_types else of_types(*types)

    def unless(subject: Subject) -> str:
        if subject.fhir not in releases:
            return f"it is a rule of {' and '.join(sorted(releases))}"
        return applies(subject)

    def run(subject: Subject) -> list[Issue]:
        return [*by_schema(subject), *(issue for one in by_expression for issue in evaluated(one, subject))]

    about = {kind for one in invariants for kind in ((one.type,) if one.resources is None else one.resources)}
    kinds = frozenset(about) if DATA_TYPES.isdisjoint(types) else None
    return Check(name, invariants[0].reason, invariants[0].source, run, unless, kinds)


def _grouped() -> dict[str, list[Invariant]]:
    grouped: dict[str, list[Invariant]] = {}
    for invariant in INVARIANTS:
        grouped.setdefault(invariant.name, []).append(invariant)
    return grouped


STRICT = Check(
    "strict",
    "Cardinalities, required codes, choices, reference targets and formats are those of the StructureDefinitions.",
    "https://hl7.org/fhir/R4/conformance-rules.html",
    _of("strict"),
    always,
)
INVARIANT_CHECKS = tuple(_check(name, invariants) for name, invariants in _grouped().items())
