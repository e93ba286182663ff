"""Load one Bundle in memory."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fhir_case.load.journal.entry import Journal
from fhir_case.load.journal.reader import read_requests
from fhir_case.load.run.load import Load
from fhir_case.load.survey.inputs import BundleInput
from fhir_case.load.survey.options import Options
from fhir_case.server.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.journal.opening import Fresh
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.server.capabilities import Capabilities
    from fhir_case.server.client import Client

__all__ = ["BundleLoad"]

_RETRY_S = 60


class BundleLoad(Load):
    """
    Load one Bundle, or one resource; a context manager. The first transaction that is not stored ends it.

    Args:
        bundle: It stays as it is.
        client: Returns a client for the thread that asks.
        fhir: The release of FHIR in which the Bundle is written.
        capabilities: What the server can do; None to ask it.
        close_clients: Whether to close the clients at the end.
        real_patient_data: Whether a server that is not this machine may have what is not labelled as test data.
        other_release: Whether to send also what is written in another release of FHIR than the server speaks.
        clock: Returns seconds; only the difference of two readings counts.

    Raises:
        BundleError: The Bundle cannot be written as JSON.
        ServerError: The server was not reached.
        RejectedError: The server cannot take what would be sent.
    """

    def __init__(
        self,
        bundle: Resource,
        client: Callable[[], Client],
        *,
        fhir: str = "R4",
        capabilities: Capabilities | None = None,
        close_clients: bool = True,
        real_patient_data: bool = False,
        other_release: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        options = Options(
            fhir=fhir,
            concurrency=1,
            whole=True,
            check_references=False,
            real_patient_data=real_patient_data,
            other_release=other_release,
            policy=RetryPolicy(request_s=_RETRY_S),
        )
        super().__init__(
            BundleInput(bundle), client, options, capabilities=capabilities, close_clients=close_clients, clock=clock
        )

    @property
    def planned(self) -> tuple[PlannedEntry, ...]:
        """Return what is sent for each resource."""
        return tuple(entry for _, job in self.jobs() for transaction in job for entry in transaction.entries)

    def upload(self, path: Path | None = None, *, fresh: Fresh = "") -> Journal:
        """
        Send the Bundle, and return what became of each resource.

        Args:
            path: A file for the journal; what it says was stored before is not sent again.
            fresh: When to begin a new journal, see `JournalFile`.

        Raises:
            BundleError: The Bundle cannot be loaded, or two of its entries clash.
            ServerError: The server was not reached, broke off, or is overloaded.
            RejectedError: The server refused.
            FhirCaseError: The journal cannot be written, or is that of another load.
        """
        entries: dict[int, JournalEntry] = {}

        def note(found: Iterable[JournalEntry]) -> None:
            entries.update((entry.position, entry) for entry in found)

        survey = self.read()
        if path is not None:
            self.open_journal(path, fresh=fresh)
            for record in read_requests(path):
                note(record.entries)
        result = self.run(note)
        stored = len(entries) == survey.resources and all(entry.confirmed for entry in entries.values())
        if result.error is not None and not stored:  # else only references are unresolved, as the entries say
            raise result.error
        ordered = tuple(entry for _, entry in sorted(entries.items()))
        return Journal(self.base_url, ordered, result.seconds, survey.warnings)
