"""Find what conditional references mean among the inputs, and what may be meant where only the server can tell."""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING

from fhir_case.load.plan.cycles import levels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fhir_case.load.survey.index import Index

__all__ = ["add_conditional_needs", "levels_with_searches"]

_ALTERNATIVE = re.compile(r"(?:[^\\,]|\\.)+", re.DOTALL)
_HALF = re.compile(r"(?:[^\\|]|\\.)*", re.DOTALL)


def add_conditional_needs(index: Index) -> dict[str, set[int]]:
    """
    Let a conditional reference count as one to each resource of the inputs that it may mean, so that this comes first.

    A condition of a request and what it may mean are sent in the order of their documents. Which one it means, the
    server decides; it is not asked for what a search says beside identifiers, ids and URLs.

    Returns:
        For each type the documents with references to it that say none of these, so that any of it may be meant.

    Source: https://hl7.org/fhir/R4/http.html#trules
    """
    asked = index.conditional()
    for unit, name in _meant(index, asked):
        index.add_links(unit, [name])
    index.join_links()
    for unit, name in _meant(index, index.conditions()):
        index.put_in_order(unit, name)
    anything: dict[str, set[int]] = defaultdict(set)
    for unit, search in asked:
        address, _, query = search.partition("?")
        if not any(_alternatives(query)):
            anything[address.rpartition("/")[2]].add(unit)
    return anything


def _meant(index: Index, searches: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Return the names that searches may mean, each with the document that searches."""
    halves: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for unit, search in searches:
        address, _, query = search.partition("?")
        kind = address.rpartition("/")[2]
        for name, alternative in _alternatives(query):
            first, whole, second = _halved(alternative)
            if name == "_id":
                yield unit, f"{kind}/{alternative}"
            elif name == "url":
                yield unit, f"{kind}?url={alternative}"
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


def levels_with_searches(
    count: int,
    crossing: Callable[[], Iterable[tuple[int, int]]],
    searches: dict[str, set[int]],
    documents_of: dict[str, array[int]],
) -> tuple[array[int], list[list[int]]]:
    """
    Return the level of each document, and the cycles, as `levels` does; what searches may mean comes first.

    Where that would make documents wait for each other that do not refer to each other, the searches do not count.

    Args:
        crossing: Returns each pair of a document and another one to which it refers.
        searches: For each type the documents that may mean any resource of it.
        documents_of: For each type the documents that have resources of it.
    """
    asked = {kind: units for kind, units in searches.items() if kind in documents_of}
    while True:
        # A number of its own stands for all of a type, so that not every pair is an edge.
        numbers = {kind: count + position for position, kind in enumerate(asked)}
        edges = (
            edge
            for kind, number in numbers.items()
            for edge in (
                *((unit, number) for unit in asked[kind]),
                *((number, unit) for unit in documents_of[kind] if unit not in asked[kind]),
            )
        )
        level, cycles = levels(count + len(asked), chain(crossing(), edges))
        circular = {member for cycle in cycles for member in cycle if member >= count}
        if not circular:
            ranks = {each: rank for rank, each in enumerate(sorted(set(level[:count])))}
            return (array("I", map(ranks.__getitem__, level[:count])) if asked else level), cycles
        asked = {kind: asked[kind] for kind, number in numbers.items() if number not in circular}


def _alternatives(query: str) -> Iterator[tuple[str, str]]:
    for parameter in query.split("&"):
        name, _, value = parameter.partition("=")
        if name in ("identifier", "_id", "url"):
            yield from ((name, alternative) for alternative in _ALTERNATIVE.findall(value))


def _halved(token: str) -> tuple[str, str, str]:
    """Return a token before and after its bar, and the bar, if it has one."""
    found = _HALF.match(token)
    first = found[0] if found else ""
    return first, token[len(first) : len(first) + 1], token[len(first) + 1 :]
