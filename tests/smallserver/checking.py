"""Check what is to be stored: the server takes nothing that FHIR does not have."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from .exchange import Refusal, outcome
from .kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.issues import Issue

    from .behaviour import Behaviour

__all__ = ["checked", "resource_of", "validation"]

_UNKNOWN = re.compile(r" is not an element of ")


def resource_of(body: Any, kind: str) -> Resource:
    """
    Return a body that is a resource of a type.

    Raises:
        Refusal: It is something else.
    """
    if not isinstance(body, dict):
        raise Refusal(400, f"a resource of type {kind} is needed")
    if body.get("resourceType") != kind:
        raise Refusal(400, f"the resource is of type {body.get('resourceType')}, and {kind} is needed")
    return body


def checked(resource: Resource, behaviour: Behaviour) -> Resource:
    """
    Return a resource that may be stored.

    Raises:
        Refusal: It has elements, types, cardinalities or codes that FHIR R4 does not allow.
    """
    unknown = behaviour.has("stores-unknown-types") and resource.get("resourceType") not in KINDS
    if behaviour.has("accepts-anything") or unknown:
        return resource
    issues = _strict(resource, behaviour)
    if issues and behaviour.has("drops-unknown-silently"):
        resource = deepcopy(resource)
        for issue in issues:
            if _UNKNOWN.search(issue.message):
                _drop(resource, issue.expression)
        issues = _strict(resource, behaviour)
    if issues:
        raise Refusal(422, "the resource is not valid", issues=_written(issues))
    return resource


def validation(resource: Resource, behaviour: Behaviour) -> Resource:
    """
    Return the OperationOutcome of ``$validate``.

    Source: https://hl7.org/fhir/R4/resource-operation-validate.html
    """
    from fhir_case.validation import validate

    found = () if behaviour.has("validate-finds-nothing") else validate(resource, skip=("structure",)).issues
    issues = [issue for issue in found if issue.severity != "information"]
    nothing = {"severity": "information", "code": "informational", "diagnostics": "nothing is wrong"}
    return outcome(_written(issues) or [nothing])


def _strict(resource: Resource, behaviour: Behaviour) -> Sequence[Issue]:
    from fhir_case.validation.strict import schema_issues
    from fhir_case.validation.subject import Subject

    if resource.get("resourceType") not in KINDS:
        raise Refusal(400, f"{resource.get('resourceType')} is not a resource type of this server")
    if behaviour.has("accepts-any-id") and "id" in resource:
        resource = {**resource, "id": "any"}
    return schema_issues(Subject(resource, "R5" if behaviour.fhir_version.startswith("5") else "R4")).get("strict", ())


def _written(issues: Sequence[Issue]) -> list[dict[str, Any]]:
    return [
        {
            "severity": issue.severity,
            "code": issue.code,
            "diagnostics": f"{issue.expression}: {issue.message}",
            **({"expression": [issue.expression]} if issue.expression else {}),
        }
        for issue in issues
    ]


def _drop(resource: Any, expression: str) -> None:
    """Take the element away that an expression such as ``Patient.name[0].nick`` leads to."""
    steps = [int(step) if step.isdigit() else step for step in re.findall(r"\w+", expression)[1:]]
    for step in steps[:-1]:
        resource = resource[step]
    del resource[steps[-1]]
