"""Remove what a late request stored twice: it had counted as not done, and the server was only slow."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from fhir_case.errors import FhirCaseError
from fhir_case.load.journal.reader import read_requests
from fhir_case.server.deletion import delete
from fhir_case.server.lookup import found_by_request, version_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.journal.record import RequestRecord
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.server.client import Client

__all__ = ["Duplicates", "created_types", "remove_earlier"]

_REQUESTS_A_SEARCH = 50


class _Doubtful(NamedTuple):
    requests: tuple[str, ...]
    types: tuple[str, ...]
    kept: frozenset[str]


class Duplicates:
    """
    Remember the requests that were sent again, and remove at the end what both attempts have stored.

    What is removed was created by this run, and is not what the journal says; several threads may add to it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._doubtful: list[_Doubtful] = []

    def add(self, requests: Sequence[str], entries: Iterable[PlannedEntry], results: Iterable[JournalEntry]) -> None:
        """
        Note that what some requests had not done was done by a later one.

        Args:
            requests: The headers ``X-Request-ID`` that counted as not done.
            entries: What was sent.
            results: What the later request stored.
        """
        kept = frozenset(result.stored_as for result in results)
        with self._lock:
            self._doubtful.append(_Doubtful(tuple(requests), created_types(entries), kept))

    def remove(self, client: Client) -> list[dict[str, Any]]:
        """Delete what was stored twice, and return what became of each; ``left`` where it cannot be searched."""
        with self._lock:
            doubtful, self._doubtful = self._doubtful, []
        return [line for each in doubtful for line in _removed(each, client)]


def created_types(entries: Iterable[PlannedEntry]) -> tuple[str, ...]:
    """Return the types of those resources that the server gives their ids."""
    return tuple(dict.fromkeys(entry.original.type for entry in entries if not entry.by_id))


def remove_earlier(doubtful: Sequence[RequestRecord], journal: Path, client: Client) -> list[dict[str, Any]]:
    """
    Remove what requests of earlier runs stored although they had counted as not done; call it when all is sent.

    Args:
        doubtful: These requests.
        journal: The journal of all runs: what it names anywhere stays.

    Raises:
        FhirCaseError: The journal cannot be read.
    """
    requests = tuple(dict.fromkeys(record.request for record in doubtful))
    types = tuple(dict.fromkeys(kind for record in doubtful for kind in record.types))
    lines: list[dict[str, Any]] = []
    for start in range(0, len(requests), _REQUESTS_A_SEARCH):
        some = requests[start : start + _REQUESTS_A_SEARCH]
        try:
            found = set(_stored_by(some, types, client))
        except FhirCaseError as error:
            lines.append(_left(some, error))
            continue
        named = _named(journal, found) if found else frozenset()
        lines += _removed(_Doubtful(some, types, named), client)
    return lines


def _named(journal: Path, locations: set[str]) -> frozenset[str]:
    return frozenset(
        entry.stored_as for record in read_requests(journal) for entry in record.entries if entry.stored_as in locations
    )


def _stored_by(requests: Sequence[str], types: Sequence[str], client: Client) -> list[str]:
    """Return ``Type/id`` of what some requests created; what they changed was there before them."""
    return [
        f"{kind}/{resource['id']}"
        for kind in types
        for resource in found_by_request(client, kind, requests)
        if version_of(resource) in ("", "1")
    ]


def _left(requests: Sequence[str], error: FhirCaseError) -> dict[str, Any]:
    return {"duplicate": list(requests), "state": "left", "reason": str(error)}


def _removed(doubtful: _Doubtful, client: Client) -> list[dict[str, Any]]:
    try:
        found = _stored_by(doubtful.requests, doubtful.types, client)
        twice = [name for name in found if name not in doubtful.kept]
        kept = delete(client, twice)
    except FhirCaseError as error:
        return [_left(doubtful.requests, error)]
    return [
        {"duplicate": [name], "state": "left", "reason": kept[name]}
        if name in kept
        else {"duplicate": name, "state": "deleted"}
        for name in twice
    ]
