"""Read back what was loaded, some resources at a time, from inputs of any size."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from fhir_case.load.journal.entry import Journal, JournalEntry
from fhir_case.load.journal.record import Finished, Placeholder, RequestRecord
from fhir_case.load.plan.plan import Plan
from fhir_case.load.plan.transaction import Transaction, location_of_name, names_for_later
from fhir_case.load.verification.readback import conditional_names, read_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fhir_case.load.journal.entry import State
    from fhir_case.load.journal.record import Record
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.survey.preparation import Preparation
    from fhir_case.load.verification.readback import Comparison, Verification
    from fhir_case.load.verification.sample import Sample

__all__ = ["read_back_inputs"]

_WRITTEN = ("created", "updated", "updated or unchanged")


def read_back_inputs(
    prepared: Preparation,
    journal: Iterable[Record] = (),
    *,
    on_skipped: Callable[[str], None] = lambda _: None,
    on_compared: Callable[[PlannedEntry, Comparison], None] = lambda *_: None,
    sample: Sample | None = None,
) -> Iterator[Verification]:
    """
    Read everything back that some inputs hold, and compare it; each piece is returned when it is done.

    The index of the inputs then knows the placeholders that the journal names.

    Args:
        prepared: The inputs and the server.
        journal: What the upload wrote down; without it resources are looked for by id and identifier.
        on_skipped: Called with each document of which a load that has sent all did not send anything.
        on_compared: Called with each entry that was sent, and what is stored of it.
        sample: Which resources are compared in full; of the others it is only looked whether they are there. None for
            all.

    Raises:
        FhirCaseError: Files or journal cannot be read.
        ServerError: The server was not reached, or is overloaded.
    """
    index = prepared.index
    sources: set[str] = set()
    finished = False
    for record in journal:
        if isinstance(record, RequestRecord):
            index.put_locations((_key(each.source, each.resource), each.stored_as) for each in record.entries)
            index.put_locations(
                (_refusal_of(each.source, each.resource), each.reason or f"HTTP {each.status}")
                for each in record.entries
                if each.state == "failed"
            )
            index.put_locations(
                (_writer_of(each.stored_as), each.source)
                for each in record.entries
                if each.stored_as and each.source and each.state in _WRITTEN
            )
            sources.update(each.source for each in record.entries)
        elif isinstance(record, Placeholder):
            index.put_awaited([record.name])
        finished = finished or isinstance(record, Finished)
    skipped: set[str] = set()
    chosen = sample.positions(prepared.read().resources) if sample else None
    before = 0
    for _, job in prepared.jobs():
        for transaction in job:
            entries = transaction.entries
            if finished:
                entries = tuple(each for each in entries if each.original.source in sources)
                for source in {each.original.source for each in transaction.entries} - sources - skipped:
                    skipped.add(source)
                    on_skipped(source)
            in_full = None
            if chosen is not None:
                in_full = {position for position in range(len(entries)) if before + position in chosen}
            before += len(entries)
            known = Journal(prepared.base_url, tuple(_recorded(entry, index.location) for entry in entries))
            found = read_back(
                Plan(((Transaction(entries),),)),
                prepared.client,
                journal=known,
                elsewhere=partial(location_of_name, index.location),
                in_full=in_full,
            )
            index.put_locations(
                (name, comparison.stored_as)
                for entry, comparison in zip(entries, found.comparisons, strict=True)
                for name in (*names_for_later(entry), *conditional_names(entry))
                if comparison.stored_as
            )
            told = tuple(_with_writer(each, index.location(_writer_of(each.stored_as))) for each in found.comparisons)
            for entry, comparison in zip(entries, told, strict=True):
                on_compared(entry, comparison)
            yield replace(found, comparisons=told)


def _recorded(entry: PlannedEntry, location: Callable[[str], str]) -> JournalEntry:
    """Return what the journal says of one resource; that it was refused only where no later run has stored it."""
    source, name = entry.original.source, entry.original.name
    stored_as, refusal = location(_key(source, name)), location(_refusal_of(source, name))
    state: State = "failed" if refusal and not stored_as else "unchanged"
    return JournalEntry(name, entry.method, 0, state, source=source, stored_as=stored_as, reason=refusal)


def _with_writer(comparison: Comparison, writer: str) -> Comparison:
    """Say of what is altered that another document of the same load has written it last, where that is so."""
    if comparison.state != "altered" or comparison.reason or writer in ("", comparison.source):
        return comparison
    return replace(comparison, reason=f"what is there was written by {writer} of this load")


def _writer_of(location: str) -> str:
    return f"\n\n{location}"


def _refusal_of(source: str, resource: str) -> str:
    return f"\n\n\n{_key(source, resource)}"


def _key(source: str, resource: str) -> str:
    return f"{source}\n{resource}"
