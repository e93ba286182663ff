"""Read the parameters of a search."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .elements import kind_of, values
from .exchange import Refusal
from .kinds import KINDS, Parameter, parameter, parameters
from .matching import MODIFIERS, split, test_of
from .storage import SOURCE_LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .behaviour import Behaviour
    from .exchange import Pairs
    from .storage import Version

__all__ = ["Condition", "Include", "Query", "read_query"]

_ABOUT_THE_ANSWER = ("_format", "_pretty")
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Condition:
    """
    One condition of a search; alternatives are in it, and several conditions all have to hold.

    Args:
        parameter: The parameter.
        modifier: What follows its colon.
        tests: One for each alternative; an element that passes one is enough.
        missing: Of ``:missing``, what was asked.
        chain: Of a chained parameter, the condition on what is referred to, by its type.
    """

    parameter: Parameter
    modifier: str = ""
    tests: tuple[Callable[[Any], bool], ...] = ()
    missing: bool = False
    chain: Mapping[str, Condition] = field(default_factory=dict)

    def holds(self, resource: Mapping[str, Any], resolve: Callable[[str], Version | None]) -> bool:
        """Whether a resource meets it; the function gives what a reference points to."""
        elements = [each for path in self.parameter.paths for each in values(resource, path)]
        if self.parameter.targets:
            elements = [each for each in elements if kind_of(each) in ("", *self.parameter.targets)]
        if self.modifier == "missing":
            return (not elements) == self.missing
        if self.chain:
            return any(self._holds_there(each, resolve) for each in elements)
        found = any(test(each) for each in elements for test in self.tests)
        return found != (self.modifier == "not")

    def _holds_there(self, element: Any, resolve: Callable[[str], Version | None]) -> bool:
        found = resolve(str(element.get("reference", ""))) if isinstance(element, dict) else None
        return found is not None and found.kind in self.chain and self.chain[found.kind].holds(found.content, resolve)


@dataclass(frozen=True, slots=True)
class Include:
    """
    One _include or _revinclude.

    Args:
        reverse: Whether it is a _revinclude.
        source: The type that has the reference.
        parameters: The reference parameters that are followed.
        target: The type that is meant; empty for any.
        again: Whether what is included counts as a match for it.
    """

    reverse: bool
    source: str
    parameters: tuple[Parameter, ...]
    target: str
    again: bool


@dataclass(slots=True)
class Query:
    """A search; ``used`` is what of it counted, for the link to itself."""

    kind: str
    conditions: list[Condition] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)
    sort: list[tuple[Parameter, bool]] = field(default_factory=list)
    count: int | None = None
    total: str = ""
    summary: str = ""
    elements: tuple[str, ...] = ()
    used: list[tuple[str, str]] = field(default_factory=list)


def read_query(kind: str, pairs: Pairs, behaviour: Behaviour, *, base_url: str, strict: bool = False) -> Query:
    """
    Read the parameters of a search of a type.

    Args:
        strict: Whether a parameter that the server does not know is an error; else it is ignored.

    Raises:
        Refusal: A value or a modifier cannot be used, or a parameter is not known.

    Source: https://hl7.org/fhir/R4/search.html#errors
    """
    query = Query(kind)
    reader = _Reader(query, behaviour, base_url)
    unknown = []
    strict = strict or behaviour.has("refuses-unknown-parameters")
    for name, value in pairs:
        if name in _ABOUT_THE_ANSWER or not value:
            continue
        if reader.read(name, value):
            query.used.append((name, value))
        else:
            unknown.append(f"{name}={value}")
            if behaviour.has("self-link-names-ignored"):
                query.used.append((name, value))
    if unknown and strict and not behaviour.has("ignores-unknown-parameter-silently-strict"):
        raise Refusal(400, f"unknown search parameters of {kind}: {', '.join(unknown)}", code="not-supported")
    return query


@dataclass(frozen=True, slots=True)
class _Reader:
    query: Query
    behaviour: Behaviour
    base_url: str

    def read(self, name: str, value: str) -> bool:
        """Read one parameter; return whether the server knows it."""
        known = True
        match name.partition(":")[0]:
            case "_count":
                self.query.count = min(_whole(name, value), _MOST)
            case "_total":
                self.query.total = _one_of(name, value, ("accurate", "estimate", "none"))
            case "_summary":
                known = value in ("count", "data", "false")
                self.query.summary = value if known else ""
            case "_elements":
                self.query.elements = (*self.query.elements, *(each.strip() for each in value.split(",")))
            case "_sort":
                known = self._sort(value)
            case "_include" | "_revinclude":
                known = self._include(name, value)
            case _:
                condition = self.condition(self.query.kind, name, value)
                known = condition is not None
                self.query.conditions += [condition] if condition else []
        return known

    def condition(self, kind: str, name: str, value: str) -> Condition | None:
        head, is_chained, rest = name.partition(".")
        code, _, modifier = head.partition(":")
        found = parameter(kind, code, self.behaviour)
        if found is None:
            return None
        if name == "_source" and self.behaviour.has("keeps-request-id"):
            value = ",".join(each[:SOURCE_LENGTH] for each in value.split(","))
        if is_chained:
            return self._chained(found, modifier, rest, value)
        if modifier == "missing":
            return Condition(found, modifier, missing=_one_of(name, value, ("true", "false")) == "true")
        kinds = KINDS if found.type == "reference" else ()
        if modifier and modifier not in (*MODIFIERS.get(found.type, ()), *kinds):
            raise Refusal(400, f"the modifier {modifier} of {code} is not supported", code="not-supported")
        tests = tuple(
            test_of(found, modifier, each, base_url=self.base_url, behaviour=self.behaviour)
            for each in split(value, ",")
        )
        if code == "code" and self.behaviour.has("search-ignores-code"):
            tests, modifier = (lambda _: False,), "not"
        return Condition(found, modifier, tests)

    def _chained(self, found: Parameter, modifier: str, rest: str, value: str) -> Condition | None:
        # https://hl7.org/fhir/R4/search.html#chaining
        if found.type != "reference" or not self.behaviour.can("chained"):
            return None
        kinds = (modifier,) if modifier else found.targets or KINDS
        chain = {kind: each for kind in kinds if kind in KINDS and (each := self.condition(kind, rest, value))}
        if not chain:
            return None
        if self.behaviour.has("chained-ignored"):
            return Condition(found, "not")
        return Condition(found, "", chain=chain)

    def _sort(self, value: str) -> bool:
        wanted = [(each.removeprefix("-"), each.startswith("-")) for each in value.split(",")]
        found = [(parameter(self.query.kind, name, self.behaviour), down) for name, down in wanted]
        known = [(each, down) for each, down in found if each is not None and each.type != "composite"]
        if len(known) < len(wanted):
            return False
        self.query.sort += known
        return True

    def _include(self, name: str, value: str) -> bool:
        # https://hl7.org/fhir/R4/search.html#include
        name, _, modifier = name.partition(":")
        source, _, rest = value.partition(":")
        code, _, target = rest.partition(":")
        if not self.behaviour.can(name.strip("_")) or source not in KINDS or modifier not in ("", "iterate"):
            return False
        found = tuple(
            each for each in parameters(source, self.behaviour) if each.type == "reference" and code in (each.name, "*")
        )
        reverse = name == "_revinclude"
        if not found or not (reverse or modifier or source == self.query.kind):
            return False
        self.query.includes.append(Include(reverse, source, found, target, bool(modifier)))
        return True


def _whole(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise Refusal(400, f"{name}={value} is not a number of resources")
    return int(value[:9])


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise Refusal(400, f"{name}={value}: must be {' or '.join(allowed)}")
    return value
