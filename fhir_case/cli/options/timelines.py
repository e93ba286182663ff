"""What a timeline is drawn of: a case, FHIR files, what a journal names, or a patient of a server."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.output import echo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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


def from_file(source: str, *, fhir: FhirVersion, mapping_files: Sequence[Path]) -> tuple[Entries, bool]:
    """
    Return the resources that a case, file, folder or journal has, and whether all of it could be read.

    Raises:
        BundleError: Nothing of it could.
        CaseError: It is a case, and wrong.
        click.UsageError: There is no such input.
    """
    from fhir_case.case.shipped import shipped_case_names
    from fhir_case.errors import BundleError

    if source in shipped_case_names() or (source.endswith(_CASES) and Path(source).is_file()):
        return _of_case(source, fhir, mapping_files), True
    entries: list[tuple[str, Resource]] = []
    problems = 0
    for document in _documents(source, fhir):
        from fhir_case.timeline import entries_of

        if document.content is not None:
            entries += entries_of(document.content)
        else:
            problems += 1
            reason = document.issues[0].message if document.issues else "this could not be read"
            echo(f"Skipped: {document.name}: {reason}", err=True)
    if not entries:
        raise BundleError(
            "there is no FHIR resource in it", where=source, hint="FHIR in JSON or NDJSON, or a case in YAML, is read"
        )
    return entries, not problems


def _of_case(source: str, fhir: FhirVersion, mapping_files: Sequence[Path]) -> Entries:
    from fhir_case.bundle import build_bundle
    from fhir_case.mapping import load_case
    from fhir_case.timeline import entries_of

    case = load_case(source, mapping_files=mapping_files)
    bundle = build_bundle(
        case, fhir=fhir, mapping_files=mapping_files, warn=lambda issue: echo(f"warning: {issue.message}", err=True)
    )
    return entries_of(bundle)


def _documents(source: str, fhir: FhirVersion) -> Iterable[Document]:
    from fhir_case.cli.options.files import expanded
    from fhir_case.documents import find_documents, read_documents
    from fhir_case.load.journal.reader import FIRST_BYTES

    if source == "-":
        return read_documents(sys.stdin.buffer, "-")
    paths = [path for path in expanded([source]) if path is not None]
    if len(paths) == 1 and paths[0].is_file():
        with paths[0].open("rb") as file:
            is_journal = file.read(len(FIRST_BYTES)) == FIRST_BYTES
        paths = _of_journal(paths[0]) if is_journal else paths
    return (document for path in paths for document in find_documents(path, fhir=fhir))


def _of_journal(journal: Path) -> list[Path]:
    """Return the files that an upload loaded."""
    from fhir_case.load.journal.reader import read_header
    from fhir_case.load.survey.inputs import IN_MEMORY, STANDARD_INPUT

    header = read_header(journal)
    names = [name for name, *_ in header.inputs]
    if IN_MEMORY in names or STANDARD_INPUT in names:
        raise click.UsageError(
            f"{journal} is of resources that were in no file: draw the Bundle beside it, or what the server has, by "
            f"--server {header.server} --patient ID."
        )
    echo(f"Drawing the files of the upload to {header.server}", err=True)
    return [Path(os.path.join(header.folder, name)) for name in names]  # noqa: PTH118 - an absolute name stays as it is


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
        echo(f"Reading Patient/{name} from {base_url} …", err=True)
        found = fetch_patient(client, name, on_skipped=lambda what: echo(f"Not available: {what}", err=True))
        return [("", redacted(resource)) for resource in found]
