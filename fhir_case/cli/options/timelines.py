"""What a timeline is drawn of: a case, FHIR files, what a journal names, or a patient of a server."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options.recipes import use_data
from fhir_case.cli.output import echo_error, echo_notice, echo_warning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fhir_case.documents import Document
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.fhir.wire import Resource
    from fhir_case.server.named import NamedServer

    Entries = Iterable[tuple[str, Resource]]

__all__ = ["from_file", "from_server"]

_CONNECTION = (
    "auth_kind", "header_variables", "ca_file", "client_certificate", "client_key", "max_response_bytes",
    "max_response_ratio",
)  # fmt: skip
_CASES = (".yaml", ".yml")


def from_file(source: str, options: dict[str, Any]) -> tuple[Entries, bool]:
    """
    Return the resources that a case, file, folder or journal has, and whether all of it could be read.

    Args:
        source: The name of a shipped case, a file, a folder, or ``-``.
        options: Those of the command: the release and the mappings of a case, the connection for a journal.

    Raises:
        BundleError: Nothing of it could.
        CaseError: It is a case, and wrong.
        click.UsageError: There is no such input.
    """
    from fhir_case.case.shipped import shipped_case_names

    if source in shipped_case_names() or (source.endswith(_CASES) and Path(source).is_file()):
        return _of_case(source, options["fhir"], options["mapping_files"]), True
    if source == "-":
        from fhir_case.documents import read_documents

        return _of_documents(source, read_documents(sys.stdin.buffer, "-"))
    paths = _paths(source)
    if len(paths) == 1 and _is_journal(paths[0]):
        return _of_journal(paths[0], options)
    return _of_documents(source, _found(paths, options["fhir"]))


def _of_case(source: str, fhir: FhirVersion, mapping_files: Sequence[Path]) -> Entries:
    from fhir_case.bundle import build_bundle
    from fhir_case.readers import load_case
    from fhir_case.timeline import entries_of

    case = load_case(source, mapping_files=mapping_files)
    bundle = build_bundle(
        case, fhir=fhir, mapping_files=mapping_files, warn=lambda issue: echo_warning(issue.message, before="Warning: ")
    )
    return entries_of(bundle)


def _paths(source: str) -> list[Path]:
    from fhir_case.cli.options.files import expanded

    return [path for path in expanded([source]) if path is not None]


def _found(paths: Iterable[Path], fhir: FhirVersion) -> Iterator[Document]:
    from fhir_case.documents import find_documents

    for path in paths:
        yield from find_documents(path, fhir=fhir)


def _of_documents(source: str, documents: Iterable[Document]) -> tuple[Entries, bool]:
    from fhir_case.errors import BundleError, FhirCaseError
    from fhir_case.timeline import entries_of

    entries: list[tuple[str, Resource]] = []
    problems = 0
    for document in documents:
        if document.content is not None:
            entries += entries_of(document.content)
            continue
        problems += 1
        reason = document.issues[0].message if document.issues else "this could not be read"
        echo_error(FhirCaseError(reason, where=document.name), before="Skipped: ")
    if not entries:
        hint = "FHIR in JSON or NDJSON, or a case in YAML, is read"
        raise BundleError("there is no FHIR resource in it", where=source, hint=hint)
    return entries, not problems


def _is_journal(path: Path) -> bool:
    from fhir_case.load.journal.reader import FIRST_BYTES

    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(FIRST_BYTES)) == FIRST_BYTES


def _of_journal(journal: Path, options: dict[str, Any]) -> tuple[Entries, bool]:
    """Return what an upload loaded: from its files, the Bundle that ``run`` wrote beside it, or the server."""
    from fhir_case.cli.options.connection import server_of_journal
    from fhir_case.load.journal.reader import read_header
    from fhir_case.load.survey.inputs import IN_MEMORY, STANDARD_INPUT

    header = read_header(journal)
    names = {name: checksum for name, _, checksum in header.inputs}
    if not {IN_MEMORY, STANDARD_INPUT} & set(names):
        echo_notice(f"Drawing the files of the upload to {header.server}")
        # An absolute name stays as it is.
        paths = [Path(os.path.join(header.folder, name)) for name in header.named]  # noqa: PTH118
        use_data(header.data and os.path.join(header.folder, header.data))  # noqa: PTH118
        return _of_documents(str(journal), _found(paths, options["fhir"]))
    beside = journal.with_name("bundle.json")
    if IN_MEMORY in names and _is_bundle(beside, names[IN_MEMORY]):
        echo_notice(f"Drawing {beside}, which was uploaded to {header.server}")
        return _of_documents(str(beside), _found([beside], options["fhir"]))
    patient = options["patient"] or _patient_of(journal)
    return from_server(server_of_journal(None, header.server), patient, options), True


def _is_bundle(file: Path, checksum: str) -> bool:
    """Whether a file has the Bundle with a checksum, however it is indented."""
    from hashlib import sha256

    from fhir_case.documents import find_documents
    from fhir_case.fhir.wire import dump

    documents = list(find_documents(file)) if file.is_file() else []
    return any(each.content and sha256(dump(each.content)).hexdigest() == checksum for each in documents)


def _patient_of(journal: Path) -> str:
    """Return the one patient that an upload stored."""
    from fhir_case.load.journal.reader import read_records
    from fhir_case.load.journal.record import RequestRecord

    requests = (record for record in read_records(journal) if isinstance(record, RequestRecord))
    stored = {entry.stored_as for request in requests for entry in request.entries}
    found = sorted(name.removeprefix("Patient/") for name in stored if name.startswith("Patient/"))
    if len(found) != 1:
        those = f"{len(found):,} patients, for example {found[0]}" if found else "no patient"
        raise click.UsageError(f"{journal} stored {those}: choose one by --patient ID.")
    return found[0]


def from_server(server: NamedServer, patient: str, options: dict[str, Any]) -> Entries:
    """
    Return what a server has of a patient.

    Raises:
        RejectedError: The server has no such patient, or refuses.
        ServerError: The server was not reached.
    """
    from fhir_case.cli.options.connection import base_url_of, connection_to
    from fhir_case.cli.options.loads import client_of, timeout_of
    from fhir_case.fhir.references import is_stored_name
    from fhir_case.server.redaction import redacted
    from fhir_case.timeline.fetching import fetch_patient

    name = patient.removeprefix("Patient/")
    if not is_stored_name(f"Patient/{name}"):
        raise click.BadParameter(f"'{patient}' is not the id of a patient", param_hint="--patient")
    base_url, timeout_s = base_url_of(server), timeout_of(server, options["timeout_s"])
    connection = connection_to(server, timeout_s=timeout_s, **{each: options[each] for each in _CONNECTION})
    with client_of(base_url, connection, timeout_s) as client:
        echo_notice(f"Reading Patient/{name} from {base_url} …")
        found = fetch_patient(client, name, on_skipped=lambda what: echo_warning(f"Not available: {what}"))
        return [("", redacted(resource)) for resource in found]
