"""Load a Bundle into a FHIR server, and prove what arrived."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

from fhir_case.load.journal.entry import Journal
from fhir_case.load.plan.plan import plan as _plan
from fhir_case.load.send.resolve import filled
from fhir_case.load.send.sender import Sender
from fhir_case.load.verify.readback import Verification, read_back
from fhir_case.server.client import Client
from fhir_case.server.quirks import Quirks, quirks_of
from fhir_case.server.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.plan.plan import Plan

__all__ = ["Journal", "Verification", "upload", "verify"]


def upload(
    bundle: Resource,
    server: str,
    *,
    fhir: str = "R4",
    client: Client | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Journal:
    """
    Load a Bundle into a server: all of it is stored, or nothing, unless it is more than the server takes at once.

    Loading it again changes nothing and creates nothing, unless the journal warns of it.

    Args:
        bundle: A transaction, batch, collection, document or searchset.
        server: The base URL; not used when a client is given.
        fhir: The release of FHIR in which the Bundle is written.
        client: A client of your own, which stays open.
        clock: Gives seconds; only the difference of two readings counts.

    Raises:
        BundleError: The Bundle cannot be loaded, or two of its entries clash.
        ServerError: The server was not reached, broke off, or is overloaded.
        RejectedError: The server refused.
    """
    with _open(server, client) as open_client:
        capabilities = open_client.capabilities()
        return send_plan(
            _plan(bundle, capabilities, fhir=fhir), open_client, known=quirks_of(capabilities), clock=clock
        )


def send_plan(
    plan: Plan,
    client: Client,
    *,
    known: Quirks | None = None,
    policy: RetryPolicy | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Journal:
    """
    Send the plan for one Bundle, and give what became of every resource.

    An entry that the answer does not confirm is in the journal as failed, also when the server said yes to the whole.
    One whose references could not be filled in has them as ``open``, and the reason.

    Args:
        known: What is known of the server; by default nothing.
        policy: How patient to be; by default a minute.
        clock: Gives seconds; only the difference of two readings counts.

    Raises:
        ServerError: The server was not reached, broke off, or is overloaded.
        RejectedError: The server refused a transaction and stored nothing of it.
    """
    start = clock()
    places: dict[str, str] = {}
    sender = Sender(
        lambda: client,
        known=known,
        place=lambda name: places.get(name, ""),
        policy=policy or RetryPolicy(request_s=60),
        clock=clock,
    )
    entries: list[JournalEntry] = []
    for transaction in plan.transactions:
        outcome = sender.send(transaction)
        if outcome.error is not None:
            raise outcome.error
        told = filled(outcome, sender).entries
        entries += told
        for planned, entry in zip(transaction.entries, told, strict=True):
            if entry.stored_as:
                places.update((name, entry.stored_as) for name in planned.names)
    return Journal(client.base_url, tuple(entries), clock() - start, plan.warnings)


def verify(
    bundle: Resource,
    server: str,
    *,
    journal: Journal | None = None,
    fhir: str = "R4",
    client: Client | None = None,
) -> Verification:
    """
    Read every resource of a Bundle back from a server and compare it with what was sent.

    Args:
        bundle: The Bundle that was loaded.
        server: The base URL; not used when a client is given.
        journal: What `upload` gave; needed only where the server chose the ids of resources without identifier.
        fhir: The release of FHIR in which the Bundle is written.
        client: A client of your own, which stays open.

    Raises:
        BundleError: The Bundle is none that can be loaded.
        ServerError: The server was not reached, broke off, or is overloaded.
        RejectedError: The server refused to be read.
    """
    with _open(server, client) as open_client:
        planned = _plan(bundle, open_client.capabilities(), fhir=fhir)
        return read_back(planned, open_client, journal=journal)


def _open(server: str, client: Client | None) -> AbstractContextManager[Client]:
    return Client(server) if client is None else nullcontext(client)
