"""Look up, before a transaction is sent, which of its resources are on the server already."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from fhir_case.errors import RejectedError
from fhir_case.fhir.identifiers import token_of
from fhir_case.load.plan.unresolved import links_perhaps_left
from fhir_case.load.send.before import Before
from fhir_case.server.lookup import found_by_identifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.plan.transaction import Transaction
    from fhir_case.server.client import Client

__all__ = ["Prepared", "prepared"]

# Below this number of a type, conditions cost the server less than a search of their own.
_WORTH_A_SEARCH = 8


@dataclass(frozen=True)
class Prepared:
    """
    A transaction and what is known of its resources on the server.

    Args:
        transaction: What remains to be sent; a condition whose resource is known to be absent is gone.
        there: For the position of each resource that is on the server already, its ``Type/id`` there.
        refused: For the position of each resource that cannot be sent, the reason.
        before: What the server had before.
        unresolved: What is sent of each resource whose references the server may leave unresolved.
    """

    transaction: Transaction
    there: Mapping[int, str] = field(default_factory=dict)
    refused: Mapping[int, str] = field(default_factory=dict)
    before: Before = field(default_factory=Before)
    unresolved: Mapping[int, Resource] = field(default_factory=dict)

    @cached_property  # each step of sending asks for it
    def sent(self) -> list[tuple[int, PlannedEntry]]:
        """Return the entries that are sent, each with its position."""
        return [(position, entry) for position, entry in self.transaction.sent if position not in self.there]


def prepared(transaction: Transaction, client: Client, location: Callable[[str], str], *, look_up: bool) -> Prepared:
    """
    Look up many identifiers with one search: what is there is left out, what is absent needs no condition.

    Every other condition stays: the server alone knows what it means.

    Args:
        location: Returns ``Type/id`` on the server for a name or condition that is known already, or nothing.
        look_up: Whether to ask the server; otherwise only what is known already is left out.

    Raises:
        ServerError: The server was not reached, or is overloaded.
    """
    there: dict[int, str] = {}
    tokens: dict[str, dict[str, int]] = defaultdict(dict)
    for position, entry in transaction.sent:
        if entry.method != "POST" or not entry.condition:
            continue
        token = token_of(entry.condition)
        known = location(entry.identity) if token else ""
        if known:
            there[position] = known
        elif token and not token.startswith("|"):  # some servers take that for an identifier of any system
            tokens[entry.original.type][token] = position
    refused: dict[int, str] = {}
    absent: set[int] = set()
    meant = _meant_where_left(transaction) if tokens and look_up else set()
    for kind, positions in tokens.items() if look_up else ():
        if len(positions) < _WORTH_A_SEARCH and meant.isdisjoint(positions.values()):
            continue
        for position, locations in _locations(client, kind, positions):
            match locations:
                case []:
                    absent.add(position)
                case [one]:
                    there[position] = one
                case _:
                    refused[position] = f"the server has {len(locations)} resources with its identifier"
    return Prepared(_without_conditions(transaction, absent) if absent else transaction, there, refused)


def _without_conditions(transaction: Transaction, absent: set[int]) -> Transaction:
    entries = (
        replace(entry, condition="", repeatable=False) if position in absent else entry
        for position, entry in enumerate(transaction.entries)
    )
    return replace(transaction, entries=tuple(entries))


def _meant_where_left(transaction: Transaction) -> set[int]:
    """
    Return the positions of the targets of updates where the server may leave references unresolved.

    An update that holds no placeholder changes nothing when it is sent again.
    """
    names = {
        name
        for entry in transaction.entries
        if entry.method == "PUT"
        for name in links_perhaps_left(entry.original.resource)
    }
    return {
        transaction.copies.get(position, position)
        for position, entry in enumerate(transaction.entries)
        if names.intersection(entry.names)
    }


def _locations(client: Client, kind: str, positions: Mapping[str, int]) -> Iterator[tuple[int, list[str]]]:
    """Return for the position of each identifier where the server has it; nothing where its search does not tell."""
    try:
        found = found_by_identifier(client, kind, positions)
    except RejectedError:
        return  # the conditions stay, and the server answers them
    for token in found:
        yield positions[token], [f"{kind}/{resource['id']}" for resource in found[token]]
