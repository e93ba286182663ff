"""Find out what a server does not have any more, though a journal says that it is stored there."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from fhir_case.load.journal.reader import read_requests
from fhir_case.server.lookup import found_by_id, request_of, version_of
from fhir_case.server.placeholders import RUN_DIGITS

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence
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

    What the server has in an older version than the journal says counts as missing, too. So does a new resource
    whose id the server has given away again, as far as it keeps which request wrote what.

    Raises:
        FhirCaseError: The journal cannot be read.
        ServerError: The server was not reached, or is overloaded.
    """
    missing = 0
    runs = {record.request[:RUN_DIGITS] for record in read_requests(path) if record.request}
    entries = _stored(path)
    while some := list(islice(entries, _AT_ONCE)):
        gone = _missing(some, client, runs)
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


def _missing(entries: Sequence[JournalEntry], client: Client, runs: Container[str]) -> list[JournalEntry]:
    lookup = found_by_id(client, [entry.stored_as for entry in entries], elements="id,meta")
    requests_are_kept = any(request_of(each)[:RUN_DIGITS] in runs for each in lookup.resources.values())
    others = runs if requests_are_kept else None
    return [
        entry
        for entry in entries
        if entry.stored_as.partition("/")[0] not in lookup.refused
        and (
            _is_older(lookup.resources.get(entry.stored_as), entry.version)
            or _is_of_another(lookup.resources.get(entry.stored_as), entry, others)
        )
    ]


def _is_of_another(stored: Resource | None, entry: JournalEntry, runs: Container[str] | None) -> bool:
    """Whether another request than one of these runs wrote the first version of what the journal says is new."""
    if stored is None or runs is None or entry.state != "created" or version_of(stored) not in ("", "1"):
        return False
    request = request_of(stored)
    return bool(request) and request[:RUN_DIGITS] not in runs


def _is_older(stored: Resource | None, version: str) -> bool:
    """Whether a resource is not there, or in a version before this one."""
    if stored is None:
        return True
    found = version_of(stored)
    return found.isdigit() and version.isdigit() and int(found) < int(version)
