"""Find out what a server does not have any more, though a journal says that it is stored there."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from fhir_case.load.journal.reader import read_requests
from fhir_case.server.lookup import found_by_id, version_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.survey.index import Index
    from fhir_case.server.client import Client

__all__ = ["forget_missing"]

_AT_ONCE = 500


def forget_missing(path: Path, index: Index, client: Client) -> int:
    """
    Have everything sent again that a journal says is stored and the server does not have; return how many resources.

    What the server has in an older version than the journal says counts as missing, too.

    Raises:
        FhirCaseError: The journal cannot be read.
        ServerError: The server was not reached, or is overloaded.
    """
    missing = 0
    entries = _stored(path)
    while some := list(islice(entries, _AT_ONCE)):
        gone = _missing(some, client)
        index.forget_done((entry.source, entry.position, entry.stored_as) for entry in gone)
        missing += len(gone)
    return missing


def _stored(path: Path) -> Iterator[JournalEntry]:
    return (
        entry
        for record in read_requests(path)
        for entry in record.entries
        if entry.confirmed and entry.stored_as and not entry.retold
    )


def _missing(entries: Sequence[JournalEntry], client: Client) -> list[JournalEntry]:
    lookup = found_by_id(client, [entry.stored_as for entry in entries], elements="id,meta")
    return [
        entry
        for entry in entries
        if entry.stored_as.partition("/")[0] not in lookup.refused
        and _is_older(lookup.resources.get(entry.stored_as), entry.version)
    ]


def _is_older(stored: Resource | None, version: str) -> bool:
    """Whether a resource is not there, or in a version before this one."""
    if stored is None:
        return True
    found = version_of(stored)
    return found.isdigit() and version.isdigit() and int(found) < int(version)
