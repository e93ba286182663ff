"""Load a Bundle into a FHIR server, and prove what arrived."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_case.load.journal.entry import Journal
from fhir_case.load.journal.record import RequestRecord
from fhir_case.load.run.bundle import BundleLoad
from fhir_case.load.survey.inputs import BundleInput
from fhir_case.load.survey.options import Options
from fhir_case.load.survey.preparation import Preparation
from fhir_case.load.verification.files import read_back_inputs
from fhir_case.load.verification.readback import Verification
from fhir_case.server.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable

    from fhir_case.fhir.wire import Resource

__all__ = ["Journal", "Verification", "upload", "verify"]


def upload(
    bundle: Resource,
    server: str,
    *,
    fhir: str = "R4",
    client: Client | None = None,
    journal: str | Path | None = None,
    restart: bool = False,
    real_patient_data: bool = False,
    other_release: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Journal:
    """
    Load a Bundle into a server: all of it is stored, or nothing, unless it is more than the server takes at once.

    Loading it again changes nothing and creates nothing, unless the journal warns of it. An entry of which
    neither the answer nor a look at the server says what became of it is in the journal as unknown.

    Args:
        bundle: A transaction, batch, collection, document, searchset or history, or one resource.
        server: The base URL; not used when a client is given.
        fhir: The release of FHIR in which the Bundle is written.
        client: A client of your own, which stays open.
        journal: A file to which the journal is written as well: ``fhir-case undo`` deletes what it says was created,
            and the same call resumes an interrupted load.
        restart: Whether to begin a new journal, and to keep the one before under another name.
        real_patient_data: Whether a server that is not this machine may have what is not labelled as test data. A
            public test server never gets it.
        other_release: Whether to send also what is written in another release of FHIR than the server speaks.
        clock: Returns seconds; only the difference of two readings counts.

    Raises:
        BundleError: The Bundle cannot be loaded, two of its entries clash, or the server must not have it.
        ServerError: The server was not reached, broke off, or is overloaded.
        RejectedError: The server refused.
        FhirCaseError: The journal cannot be written, or is that of another load.
    """
    with BundleLoad(
        bundle,
        lambda: client or Client(server),
        fhir=fhir,
        close_clients=client is None,
        real_patient_data=real_patient_data,
        other_release=other_release,
        clock=clock,
    ) as load:
        return load.upload(None if journal is None else Path(journal), fresh="always" if restart else "")


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

    Only ids and identifiers are sent for it, so it needs no word for the data of real patients.

    Args:
        bundle: The Bundle that was loaded.
        server: The base URL; not used when a client is given.
        journal: What `upload` returned; needed only where the server chose the ids of resources without identifier.
        fhir: The release of FHIR in which the Bundle is written.
        client: A client of your own, which stays open.

    Raises:
        BundleError: The Bundle cannot be loaded.
        ServerError: The server was not reached, broke off, or is overloaded.
        RejectedError: The server refused to be read.
    """
    # No resource is sent.
    options = Options(fhir=fhir, check_references=False, real_patient_data=True, other_release=True)
    with Preparation(
        BundleInput(bundle), lambda: client or Client(server), options, close_clients=client is None
    ) as prepared:
        records = [RequestRecord("", "answered", journal.entries)] if journal else ()
        pieces = read_back_inputs(prepared, records)
        return Verification(prepared.base_url, tuple(each for piece in pieces for each in piece.comparisons))
