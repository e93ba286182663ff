"""Note for which unresolved references the server has to make placeholders, and which it has made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fhir_case.load.journal.reader import read_records, read_requests
from fhir_case.load.journal.record import Awaited
from fhir_case.load.survey.result import CountedNames
from fhir_case.server.placeholders import RUN_DIGITS, batches, found_placeholders, made_by

if TYPE_CHECKING:
    from fhir_case.load.journal.writer import JournalFile
    from fhir_case.load.survey.index import Index
    from fhir_case.server.client import Client

__all__ = ["Placeholders", "look_for_placeholders", "note_awaited"]


@dataclass(slots=True)
class Placeholders:
    """
    What became of unresolved references.

    Args:
        made: How many placeholders the server made for them.
        missing: What is not there after all.
    """

    made: int = 0
    missing: CountedNames = field(default_factory=CountedNames)


def note_awaited(index: Index, journal: JournalFile) -> None:
    """
    Write down what is awaited, and await what an earlier run awaited according to the journal.

    Raises:
        FhirCaseError: The journal cannot be read or written.
    """
    for names in batches(index.awaited()):
        journal.awaited(names)
    records = read_records(journal.path)
    for names in batches(each.name for each in records if isinstance(each, Awaited)):
        index.put_awaited(names)


def look_for_placeholders(index: Index, client: Client, journal: JournalFile) -> Placeholders:
    """
    Look up which of the awaited placeholders the server has made, and write it down.

    Raises:
        ServerError: The server was not reached, or is overloaded.
        FhirCaseError: The journal cannot be read or written.
    """
    found = Placeholders()
    if next(index.awaited(), None) is None:
        return found
    runs = {each.request[:RUN_DIGITS] for each in read_requests(journal.path) if each.request}
    for names in batches(index.awaited()):
        lookup = found_placeholders(client, names)
        made = made_by(runs, lookup)
        journal.placeholders(made)
        found.made += len(made)
        found.missing.note(*(name for name in names if name not in lookup.resources))
    return found
