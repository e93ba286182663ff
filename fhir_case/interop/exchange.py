"""Load a Bundle into a server, read it back, and say of each resource what became of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from fhir_case.errors import FhirCaseError
from fhir_case.fhir import wire
from fhir_case.interop.result import BundleResult, ResourceResult
from fhir_case.load.journal.reader import Record, read_records
from fhir_case.load.run.load import FileLoad, Options
from fhir_case.load.verify.files import read_back_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from fhir_case.interop.inputs import Input
    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.verify.readback import Comparison
    from fhir_case.server.client import Client

__all__ = ["exchange"]


def exchange(
    given: Input,
    client: Callable[[], Client],
    *,
    release: str,
    namespace: str,
    options: Options,
    created: Callable[[str], None],
) -> BundleResult:
    """
    Load an input into a namespace of a server and compare what is stored with what was sent.

    Args:
        client: Gives a client for the thread that asks.
        release: The release of FHIR that the server speaks.
        options: How to load; entries that are refused are left out, so that the others can be looked at.
        created: Is told ``Type/id`` of each resource that was created, also when something fails later.
    """
    try:
        bundle = given.bundle(release, namespace)
    except FhirCaseError as error:
        return BundleResult(given.name, error=f"not sent: {error.message}")

    def made(entry: JournalEntry) -> bool:
        # Servers that create by PUT do not all answer 201.
        return entry.state == "created" or f"/{namespace}-" in entry.stored_as

    with TemporaryDirectory(prefix="fhir-case-") as folder:
        path, journal = Path(folder, "bundle.json"), Path(folder, "journal.jsonl")
        path.write_bytes(wire.dump(bundle))
        options = replace(options, fhir=release, isolate=True, allow_dangling=True, concurrency=1)
        try:
            with FileLoad([path], client, options) as load:
                found = _exchanged(given.name, load, journal, (lambda _: True) if given.all_ours else made)
                return replace(
                    found,
                    resources=tuple(
                        replace(each, resource=given.own_name(each.resource, namespace)) for each in found.resources
                    ),
                    warnings=tuple(each.replace(str(path), given.name) for each in found.warnings),
                )
        except FhirCaseError as failure:
            how = "broken off" if journal.exists() else "not sent"
            return BundleResult(given.name, error=f"{how}: {failure.message}")
        finally:
            for entry in _told(journal).values() if journal.exists() else ():
                if made(entry) and entry.stored_as:  # nothing else is ever removed
                    created(entry.stored_as)


def _exchanged(name: str, load: FileLoad, journal: Path, ours: Callable[[JournalEntry], bool]) -> BundleResult:
    survey = load.read()
    load.open_journal(journal)
    outcome = load.run()
    told = _told(journal)
    broken_off = f"broken off: {outcome.error.message}" if outcome.error else ""
    results: dict[str, ResourceResult] = {}
    try:
        for piece in read_back_files(load, journal):
            results |= {each.resource: _result(each, told.get(each.resource), ours) for each in piece.comparisons}
    except FhirCaseError as error:
        broken_off = broken_off or f"reading back was broken off: {error.message}"
    for resource, entry in told.items():
        if resource not in results:
            results[resource] = ResourceResult(resource, entry.stored_as, "not checked", reason="it was not read back")
    return BundleResult(name, tuple(results.values()), broken_off, survey.warnings)


def _told(journal: Path) -> dict[str, JournalEntry]:
    return {
        entry.resource: entry
        for record in read_records(journal)
        if isinstance(record, Record)
        for entry in record.entries
    }


def _result(comparison: Comparison, entry: JournalEntry | None, ours: Callable[[JournalEntry], bool]) -> ResourceResult:
    name, place = comparison.resource, comparison.stored_as
    if entry is None:
        return ResourceResult(name, place, "not checked", reason="it was not sent")
    if not entry.confirmed:
        return ResourceResult(name, "", "rejected" if entry.state == "failed" else "not checked", reason=entry.reason)
    if not ours(entry):
        reason = "the server has one with this identifier already, which is not of this test"
        return ResourceResult(name, place, "not checked", reason=reason)
    return ResourceResult(name, place, comparison.state, comparison.differences, comparison.reason)
