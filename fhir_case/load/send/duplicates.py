"""Find what a request stored although it had counted as not done, because the server took longer than we waited."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from fhir_case.errors import FhirCaseError
from fhir_case.load.journal.reader import Record, read_records
from fhir_case.server.deletion import deletion
from fhir_case.server.lookup import found_by_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.server.client import Client

__all__ = ["Strays", "created_types", "remove_earlier"]

_REQUESTS_A_SEARCH = 50


class _Doubtful(NamedTuple):
    requests: tuple[str, ...]
    types: tuple[str, ...]
    kept: frozenset[str]


class Strays:
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
        """Delete what was stored twice, and say what became of each; ``left`` where the server cannot be asked."""
        with self._lock:
            doubtful, self._doubtful = self._doubtful, []
        return [line for each in doubtful for line in _removed(each, client)]


def created_types(entries: Iterable[PlannedEntry]) -> tuple[str, ...]:
    """Return the types of those resources that the server gives their ids."""
    return tuple(dict.fromkeys(entry.given.type for entry in entries if not entry.by_id))


def remove_earlier(doubtful: Sequence[Record], journal: Path, client: Client) -> list[dict[str, Any]]:
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
        told = _told(journal, found) if found else frozenset()
        lines += _removed(_Doubtful(some, types, told), client)
    return lines


def _told(journal: Path, places: set[str]) -> frozenset[str]:
    return frozenset(
        entry.stored_as
        for record in read_records(journal)
        if isinstance(record, Record)
        for entry in record.entries
        if entry.stored_as in places
    )


def _stored_by(requests: Sequence[str], types: Sequence[str], client: Client) -> list[str]:
    """Return ``Type/id`` of what some requests created; what they changed was there before them."""
    return [
        f"{kind}/{resource['id']}"
        for kind in types
        for resource in found_by_request(client, kind, requests)
        if (resource.get("meta") or {}).get("versionId") in (None, "1")
    ]


def _left(requests: Sequence[str], error: FhirCaseError) -> dict[str, Any]:
    return {"stray": list(requests), "state": "left", "reason": str(error)}


def _removed(doubtful: _Doubtful, client: Client) -> list[dict[str, Any]]:
    try:
        found = _stored_by(doubtful.requests, doubtful.types, client)
        twice = [place for place in found if place not in doubtful.kept]
        if twice:
            client.transaction(deletion(twice), repeatable=True)
    except FhirCaseError as error:
        return [_left(doubtful.requests, error)]
    return [{"stray": place, "state": "deleted"} for place in twice]
