"""Load a Bundle into a server, read it back, and say of each resource what became of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fhir_case.errors import FhirCaseError
from fhir_case.interop.failure import place_of
from fhir_case.interop.result import BundleResult, ResourceResult, State
from fhir_case.load.journal.record import RequestRecord
from fhir_case.load.run.load import Load, Options
from fhir_case.load.survey.inputs import BundleInput
from fhir_case.load.verification.files import read_back_inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fhir_case.interop.inputs import Input
    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.verification.readback import Comparison
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
    stopped: Callable[[], bool] = lambda: False,
) -> BundleResult:
    """
    Load an input into a namespace of a server and compare what is stored with what was sent.

    Args:
        client: Makes a client for the thread that calls it.
        release: The release of FHIR that the server speaks.
        options: How to load; entries that are refused are left out, so that the others can be looked at.
        created: Is called with ``Type/id`` of each resource that was created, also when something fails later.
        stopped: Whether to send no more, as by Ctrl-C; it is asked after each request.

    Raises:
        KeyboardInterrupt: It is stopped.
    """
    try:
        bundle = given.bundle(release, namespace)
    except FhirCaseError as error:
        return BundleResult(given.name, error=f"not sent: {error.message}")

    def made(entry: JournalEntry) -> bool:
        # Servers that create by PUT do not all answer 201.
        return entry.state == "created" or f"/{namespace}-" in entry.stored_as

    entries: dict[str, JournalEntry] = {}
    options = replace(options, fhir=release, isolate=True, allow_dangling=True, concurrency=1)
    how = "not sent"
    try:
        with Load(BundleInput(bundle), client, options) as load:
            load.read()
            how = "broken off"
            found = _exchanged(given.name, load, entries, (lambda _: True) if given.all_ours else made, stopped)
            return replace(
                found,
                resources=tuple(
                    replace(each, resource=given.own_name(each.resource, namespace)) for each in found.resources
                ),
            )
    except FhirCaseError as failure:
        return BundleResult(given.name, error=f"{how}: {failure if how == 'not sent' else failure.message}")
    except Exception as failure:  # what an answer can lead to costs this Bundle, not the test
        return BundleResult(given.name, error=f"{how}: an answer could not be used ({place_of(failure)})")
    finally:
        for entry in entries.values():
            if made(entry) and entry.stored_as:  # nothing else is ever removed
                created(entry.stored_as)
            elif entry.state == "unknown" and f"/{namespace}-" in entry.resource:  # it may be there, under its own id
                created(entry.resource)


def _exchanged(
    name: str,
    load: Load,
    entries: dict[str, JournalEntry],
    ours: Callable[[JournalEntry], bool],
    stopped: Callable[[], bool],
) -> BundleResult:
    def note(found: Iterable[JournalEntry]) -> None:
        entries.update((entry.resource, entry) for entry in found)
        if stopped():
            raise KeyboardInterrupt

    outcome = load.run(note)
    broken_off = f"broken off: {outcome.error.message}" if outcome.error else ""
    results: dict[str, ResourceResult] = {}
    try:
        for piece in read_back_inputs(load, [RequestRecord("", "answered", tuple(entries.values()))]):
            results |= {each.resource: _result(each, entries.get(each.resource), ours) for each in piece.comparisons}
    except FhirCaseError as error:
        broken_off = broken_off or f"reading back was broken off: {error.message}"
    for resource, entry in entries.items():
        if resource not in results:
            results[resource] = ResourceResult(resource, entry.stored_as, "not checked", reason="it was not read back")
    return BundleResult(name, tuple(results.values()), broken_off, load.read().warnings)


def _result(comparison: Comparison, entry: JournalEntry | None, ours: Callable[[JournalEntry], bool]) -> ResourceResult:
    name, place = comparison.resource, comparison.stored_as
    if entry is None:
        return ResourceResult(name, place, "not checked", reason="it was not sent")
    if not entry.confirmed:
        return ResourceResult(name, "", "rejected" if entry.state == "failed" else "not checked", reason=entry.reason)
    if not ours(entry):
        reason = "the server has one with this identifier already, which is not of this test"
        return ResourceResult(name, place, "not checked", reason=reason)
    if comparison.state == "there":  # of a sample, which is not taken here
        return ResourceResult(name, place, "not checked", reason="it was not compared")
    state: State = "rejected" if comparison.state == "refused" else comparison.state
    return ResourceResult(name, place, state, comparison.differences, comparison.reason)
