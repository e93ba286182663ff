"""Decide whether what a server has is what the runs of a journal stored, so that it may be deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.server.lookup import request_of, version_of
from fhir_case.server.placeholders import RUN_DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.undo.created import Created

__all__ = ["Ours"]


class Ours:
    """
    The versions and requests of the runs of a journal.

    Args:
        created: What they created and updated.

    Attributes:
        runs: The first digits of the requests of each run.
    """

    def __init__(self, created: Created) -> None:
        self._created = created
        self.runs: set[str] = set()
        self._request_is_kept = False

    def learn(self, stored: Iterable[Resource]) -> None:
        """Note whether the server keeps which request wrote a resource: then what another one wrote is not ours."""
        self._request_is_kept = self._request_is_kept or any(self._is_of_run(each) for each in stored)

    def why_not(self, entry: JournalEntry, stored: Resource) -> str:
        """Return why a resource is not as the runs left it; empty when it is."""
        version, ours = version_of(stored), self._created.versions(entry.stored_as)
        if version and ours and version not in ours:
            return f"it was changed since: version {version} instead of {entry.version or max(ours)}"
        if version and not ours and version != "1":
            return f"it is in version {version}, and the journal does not say which version the run made"
        numbers = {int(each) for each in ours if _is_number(each)} if _is_number(version) else set()
        first = int(entry.version) if _is_number(entry.version) else min(numbers, default=0)
        foreign = next((each for each in range(first, int(version)) if each not in numbers), 0) if numbers else 0
        if foreign:
            return f"it was changed in between: version {foreign} is not of the run"
        if self._request_is_kept and request_of(stored) and not self._is_of_run(stored):
            return "another request has written it"
        return ""

    def _is_of_run(self, stored: Resource) -> bool:
        return request_of(stored)[:RUN_DIGITS] in self.runs - {""}


def _is_number(version: str) -> bool:
    return version.isascii() and version.isdigit() and len(version) < 16
