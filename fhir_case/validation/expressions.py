"""
Evaluate the invariants that only FHIRPath can express, where their element occurs.

An expression is compiled for the first element that it is about, and kept: that takes some milliseconds, and an
evaluation a tenth of one.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from fhir_case.errors import CheckerError
from fhir_case.fhir.definitions import places_of, resource_types
from fhir_case.fhir.references import named_type
from fhir_case.fhir.wire import dump, mapping
from fhir_case.validation.located import expression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fhir_case.fhir.invariants.invariant import Invariant
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.issues import Issue
    from fhir_case.validation.located import Located, Path
    from fhir_case.validation.subject import Subject

__all__ = ["FUNCTIONS", "Evaluation", "evaluated"]

# What asks a resource that is referred to for more than its type cannot be judged where that is not in the document.
_CONTENT = re.compile(r"resolve\(\)\.(?!iif|ofType|where|exists|empty|all)")


def evaluated(invariant: Invariant, subject: Subject) -> Iterator[Issue]:
    """
    Yield what breaks an invariant in the document.

    Raises:
        CheckerError: The library is not there.
    """
    if subject.fhir not in invariant.releases or subject.too_deep:
        return
    for kind, steps in places_of(invariant.where, subject.fhir):
        for located in subject.by_type.get(kind, ()):
            evaluation = Evaluation(subject, located)
            for path, node in _elements(located, steps):
                if not evaluation.is_true(invariant, node):
                    where = expression(path)
                    yield located.issue(invariant.severity, invariant.name, invariant.reason, where, "invariant")


def _elements(located: Located, steps: tuple[str, ...]) -> list[tuple[Path, Any]]:
    """Return the elements that a path of a definition leads to; the end of one may be a choice, ``value[x]``."""
    found: list[tuple[Path, Any]] = [((), located.resource)]
    for step in steps:
        below: list[tuple[Path, Any]] = []
        stem = step.removesuffix("[x]")
        for path, node in found:
            for name, value in node.items() if isinstance(node, dict) else ():
                if name == step or (stem != step and name.startswith(stem) and name[len(stem) :][:1].isupper()):
                    if isinstance(value, list):
                        below += [((*path, name, number), one) for number, one in enumerate(value)]
                    else:
                        below.append(((*path, name), value))
        found = below
    return found


class Evaluation:
    """The evaluation of expressions on one resource of a document."""

    def __init__(self, subject: Subject, located: Located) -> None:
        self._subject = subject
        self._located = located
        self._unknown = False
        self._typed: Callable[..., Any] | None = None

    def is_true(self, invariant: Invariant, node: Any) -> bool:
        """Whether the expression is true of an element; one that cannot be judged counts as true."""
        evaluate, self._typed = _compiled(invariant.expression, self._subject.fhir)
        _CURRENT.append(self)
        self._unknown = False
        resource = self._located.resource
        # Of a resource the library finds the type itself; else Appointment.start would find nothing.
        typed = node if node is resource else self._typed(node, invariant.where)
        try:
            answer = evaluate(typed, {"resource": resource, "rootResource": resource})
        except Exception:
            return True
        finally:
            _CURRENT.pop()
        unknown = not answer or (self._unknown and _CONTENT.search(invariant.expression) is not None)
        return unknown or answer[0] is True

    def resolved(self, references: list[Any]) -> list[Any]:
        """Return the resources that some references lead to; of one that is elsewhere, what the reference says."""
        found = []
        for one in references:
            text = one if isinstance(one, str) else mapping(one).get("reference")
            target = self._subject.index.resolve(text, self._located).located if isinstance(text, str) else None
            if target is not None:
                found.append(self._node(target.resource, target.type))
                continue
            self._unknown = True
            named = named_type(text) if isinstance(text, str) else ""
            if named in resource_types(self._subject.fhir):
                found.append(self._node({"resourceType": named, "id": text}, named))
        return found

    def _node(self, resource: Any, kind: str) -> Any:
        """Return a resource as the library has it, which knows the type of that."""
        return self._typed(resource, kind) if self._typed is not None else resource


_CURRENT: list[Evaluation] = []
"""The evaluation that runs: the library calls functions without telling for which resource."""


def _resolve(references: list[Any]) -> list[Any]:
    return _CURRENT[-1].resolved(references)


def _is_distinct(values: list[Any]) -> list[bool]:
    """Do what the library does in a time that grows with the square of the number of values."""
    return [len({dump(one, sort=True) for one in values}) == len(values)]


def _has_value(values: list[Any]) -> list[bool]:
    return [len(values) == 1 and isinstance(values[0], (str, bool, int, Decimal))]


FUNCTIONS = {"resolve": {"fn": _resolve}, "isDistinct": {"fn": _is_distinct}, "hasValue": {"fn": _has_value}}


@cache
def _compiled(text: str, fhir: FhirVersion) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the function of an expression, and the one that tells it the type of an element."""
    try:
        from fhirpathpy import compile as compiled
        from fhirpathpy.engine.nodes import ResourceNode
        from fhirpathpy.models import models
    except ImportError as error:
        raise CheckerError(f"fhirpathpy could not be imported: {error}") from error
    options = {"userInvocationTable": FUNCTIONS, "traceFn": lambda *_: None}  # else trace() writes to the output
    function = compiled(text, models[fhir.lower()], options)
    return function, ResourceNode.create_node
