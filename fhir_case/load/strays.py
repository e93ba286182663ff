"""Find what a request stored although it had counted as not done, because the server took longer than we waited."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from fhir_case.errors import FhirCaseError
from fhir_case.load.lookup import found_by_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fhir_case.load.entries import PlannedEntry
    from fhir_case.load.journal import JournalEntry
    from fhir_case.server.client import Client

__all__ = ["Strays"]


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
        types = dict.fromkeys(entry.given.type for entry in entries if not entry.by_id)
        kept = frozenset(result.stored_as for result in results)
        with self._lock:
            self._doubtful.append(_Doubtful(tuple(requests), tuple(types), kept))

    def remove(self, client: Client) -> list[dict[str, Any]]:
        """Delete what was stored twice, and say what became of each; ``left`` where the server cannot be asked."""
        with self._lock:
            doubtful, self._doubtful = self._doubtful, []
        return [line for each in doubtful for line in _removed(each, client)]


def _removed(doubtful: _Doubtful, client: Client) -> list[dict[str, Any]]:
    try:
        found = [
            f"{kind}/{resource['id']}"
            for kind in doubtful.types
            for resource in found_by_request(client, kind, doubtful.requests)
        ]
        twice = [place for place in found if place not in doubtful.kept]
        if twice:
            entries = [{"request": {"method": "DELETE", "url": place}} for place in twice]
            client.transaction({"resourceType": "Bundle", "type": "transaction", "entry": entries}, repeatable=True)
    except FhirCaseError as error:
        return [{"stray": list(doubtful.requests), "state": "left", "reason": str(error)}]
    return [{"stray": place, "state": "deleted"} for place in twice]
