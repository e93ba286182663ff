"""Find what conditional references mean among the inputs: by identifier, by a value of any system, by id."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_case.load.survey.index import Index

__all__ = ["add_conditional_needs"]

_ALTERNATIVE = re.compile(r"(?:[^\\,]|\\.)+", re.DOTALL)
_HALF = re.compile(r"(?:[^\\|]|\\.)*", re.DOTALL)


def add_conditional_needs(index: Index) -> None:
    """
    Let a conditional reference count as one to each resource of the inputs that it may mean, so that this comes first.

    A condition of a request and what it may mean are sent in the order of their documents. Which one it means, the
    server decides; it is not asked for what a search says beside identifiers and ids.

    Source: https://hl7.org/fhir/R4/http.html#trules
    """
    for unit, name in _meant(index, index.conditional()):
        index.add_links(unit, [name])
    index.join_links()
    for unit, name in _meant(index, index.conditions()):
        index.put_in_order(unit, name)


def _meant(index: Index, searches: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Return the names that searches may mean, each with the document that searches."""
    halves: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for unit, search in searches:
        kind, _, query = search.partition("?")
        for name, alternative in _alternatives(query):
            first, whole, second = _halved(alternative)
            if name == "_id":
                yield unit, f"{kind}/{alternative}"
            elif whole and (second or not first):
                yield unit, f"{kind}?identifier={alternative}"
            else:  # a value of any system, or a system with any value
                halves[kind][alternative].add(unit)
    for kind, wanted in halves.items():
        begin = f"{kind}?identifier="
        for name in index.names_from(begin):
            system, _, value = _halved(name.removeprefix(begin))
            for unit in wanted.get(value, set()) | wanted.get(f"{system}|", set()):
                yield unit, name


def _alternatives(query: str) -> Iterator[tuple[str, str]]:
    for parameter in query.split("&"):
        name, _, value = parameter.partition("=")
        if name in ("identifier", "_id"):
            yield from ((name, alternative) for alternative in _ALTERNATIVE.findall(value))


def _halved(token: str) -> tuple[str, str, str]:
    """Return a token before and after its bar, and the bar, if it has one."""
    found = _HALF.match(token)
    first = found[0] if found else ""
    return first, token[len(first) : len(first) + 1], token[len(first) + 1 :]
