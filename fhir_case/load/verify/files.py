"""Read back what was loaded from files, in pieces of any number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.load.journal.entry import Journal, JournalEntry
from fhir_case.load.journal.reader import Record, read_records
from fhir_case.load.plan.plan import Plan
from fhir_case.load.verify.readback import read_back

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fhir_case.load.run.load import FileLoad
    from fhir_case.load.verify.readback import Verification

__all__ = ["read_back_files"]


def read_back_files(load: FileLoad, journal: Path | None = None) -> Iterator[Verification]:
    """
    Read everything back that some files hold, and compare it; each piece is given when it is done.

    The index of the load then knows the placeholders that the journal names.

    Args:
        load: What reads the files and knows the server.
        journal: What the upload wrote down; without it resources are looked for by id and identifier.

    Raises:
        FhirCaseError: Files or journal cannot be read, or the files have changed since.
        ServerError: The server was not reached, or is overloaded.
    """
    if journal is not None:
        load.check_inputs(journal)
        for record in read_records(journal):
            if isinstance(record, Record):
                load.index.put_places((_key(each.source, each.resource), each.stored_as) for each in record.entries)
            elif "placeholder" in record:
                load.index.put_awaited([record["placeholder"]])
    for _, job in load.jobs():
        for transaction in job:
            entries = transaction.entries
            told = [
                JournalEntry(
                    entry.given.name, entry.method, 0, "unchanged", source=entry.given.source,
                    stored_as=load.index.place(_key(entry.given.source, entry.given.name)),
                )
                for entry in entries
            ]  # fmt: skip
            known = Journal(load.base_url, tuple(told))
            found = read_back(Plan(((transaction,),)), load.client, journal=known, elsewhere=load.index.place)
            load.index.put_places(
                (name, comparison.stored_as)
                for entry, comparison in zip(entries, found.comparisons, strict=True)
                for name in entry.names
                if comparison.stored_as and not entry.by_id
            )
            yield found


def _key(source: str, resource: str) -> str:
    return f"{source}\n{resource}"
