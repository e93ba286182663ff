"""What a server had before a transaction was sent: it tells what a request without an answer has stored."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from fhir_case.errors import RejectedError
from fhir_case.fhir.identifiers import token_of
from fhir_case.server.lookup import found_by_id, found_by_identifier, version_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.send.link import Link
    from fhir_case.server.client import Client

__all__ = ["NOT_ASKED", "Before", "identified", "look_before", "new_of", "versions_before"]


@dataclass(frozen=True, slots=True)
class Before:
    """
    What a server had before.

    Args:
        versions: The version that each resource had whose id we choose, under ``Type/id``: empty when the server does
            not say, absent when it had none. None when it was not looked up.
        identified: ``Type/id`` of each resource that had one of the identifiers of what was sent.
        asked: Whether the identifiers were looked up.
    """

    versions: Mapping[str, str] | None = None
    identified: frozenset[str] = field(default_factory=frozenset)
    asked: bool = False

    @property
    def noted(self) -> _Noted:
        """Return what the journal says of it, for a run that resumes."""
        return {"there": self.identified if self.asked else None, "versions": self.versions}


class _Noted(TypedDict):
    there: Collection[str] | None
    versions: Mapping[str, str] | None


NOT_ASKED = Before()


def look_before(link: Link, entries: Sequence[PlannedEntry], *, versions: bool = True) -> Before:
    """
    Look up what a server has, as far as it does not say afterwards what was new, and by which request.

    Args:
        versions: Whether to ask for the versions of what has ids of ours.

    Raises:
        ServerError: The server was not reached, or is overloaded.
    """
    unproven = not link.request_ids.proven
    asks = versions and (unproven or not link.known.tells_unchanged)
    found = versions_before(link.client, entries) if asks else None
    if not (unproven and any(each.search and not each.by_id for each in entries)):
        return Before(found)
    try:
        there = identified(link.client, [entry for entry in entries if not entry.by_id])
    except RejectedError:
        return Before(found)
    names = (f"{each['resourceType']}/{each['id']}" for resources in there.values() for each in resources)
    return Before(found, frozenset(names), asked=True)


def versions_before(client: Client, entries: Sequence[PlannedEntry]) -> dict[str, str]:
    """
    Return the version that each resource has now whose id we choose, see `Before`.

    Raises:
        ServerError: The server was not reached, or is overloaded.
    """
    names = [entry.original.name for entry in entries if entry.by_id]
    lookup = found_by_id(client, names, elements="id,meta")
    unknown = {name: "" for name in names if name.partition("/")[0] in lookup.refused}
    return unknown | {name: version_of(resource) for name, resource in lookup.resources.items()}


def identified(client: Client, entries: Sequence[PlannedEntry]) -> dict[str, list[Resource]]:
    """
    Return what the server has of each identity, its identifiers and meta only.

    An identity that its search cannot tell is left out; see `found_by_identifier`.

    Raises:
        ServerError: The server was not reached, or is overloaded.
        RejectedError: The server refused the search.
    """
    tokens: dict[str, dict[str, str]] = defaultdict(dict)
    for entry in entries:
        token = token_of(entry.search)
        if token:
            tokens[entry.original.type][token] = entry.identity
    return {
        tokens[kind][token]: found
        for kind, wanted in tokens.items()
        for token, found in found_by_identifier(client, kind, wanted).items()
    }


def new_of(found: Mapping[str, list[Resource]], before: Before) -> dict[str, list[Resource]]:
    """Return of what `identified` has found that which was not there before."""
    new = {
        identity: [each for each in resources if f"{each['resourceType']}/{each['id']}" not in before.identified]
        for identity, resources in found.items()
    }
    return {identity: resources for identity, resources in new.items() if resources}
