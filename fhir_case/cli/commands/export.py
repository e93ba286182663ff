"""``fhir-case export``: write a case, or FHIR of one patient, in the format of another community."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.building import codes_option, mapping_option, say_unused
from fhir_case.cli.options.declarations import ANY_PATH, output_options
from fhir_case.cli.options.files import is_file, write_output
from fhir_case.cli.output import echo_json, echo_notice, echo_warning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fhir_case.documents import Document
    from fhir_case.fhir.wire import Resource

__all__ = ["export"]


@click.command()
@click.argument("source", metavar="CASE|BUNDLE", shell_complete=completion.cases)
@click.option("--to", "target", type=click.Choice(["phenopacket"]), required=True, help="The format to write.")
@click.option("-o", "--output", type=ANY_PATH, help="The file to write; default: standard output.")
@output_options(default="phenopacket", meaning="The packet itself, or a report in JSON that has it where no file does.")
@mapping_option
@codes_option
def export(source: str, target: str, output: Path | None, form: str, mapping_files: tuple[Path, ...]) -> None:
    """
    Write a case, or FHIR R4 of one patient, as a phenopacket of GA4GH, version 2.

    CASE is the name of a shipped case, a case file, or a file of another format that is read; BUNDLE is FHIR JSON of
    anyone: a Bundle, NDJSON, a folder or an archive of them, or - for standard input. What a phenopacket cannot say is
    listed on standard error, each with its resource and the reason.
    """
    from fhir_case.export import to_phenopacket
    from fhir_case.fhir.wire import dump

    packet, unsaid = to_phenopacket(*_resources(source, mapping_files))
    to_file = is_file(output)
    if to_file or form != "json":
        write_output(output, dump(packet, indent=True))
    for one in unsaid:
        echo_warning(f"Not in the {target}: {one}")
    if to_file:
        features = len(packet.get("phenotypicFeatures", ()))
        echo_notice(f"{output}: {target} with {features} features, {len(packet.get('diseases', ()))} diseases")
    if form == "json":
        about: dict[str, Any] = {"to": target, "unsaid": [{"where": one.where, "why": one.why} for one in unsaid]}
        echo_json({**about, "file": str(output)} if to_file else {**about, "file": None, "packet": packet})


def _resources(source: str, mapping_files: Sequence[Path]) -> tuple[list[Resource], list[str]]:
    """Return the resources of a case as it is built, or those of FHIR that is there, and the address of each."""
    from fhir_case.case.shipped import shipped_case_names
    from fhir_case.readers import reader_of

    path = Path(source)
    if source in shipped_case_names() or (source != "-" and reader_of(path) is not None):
        from fhir_case.bundle import build_bundle
        from fhir_case.readers import load_case

        case = load_case(source, mapping_files=mapping_files, unused=say_unused)
        bundle = build_bundle(case, mapping_files=mapping_files, profiles="mcode")
        entries = bundle["entry"]
    else:
        entries = list(_entries(source, _documents(source)))
    return [entry["resource"] for entry in entries], [str(entry.get("fullUrl") or "") for entry in entries]


def _documents(source: str) -> Iterator[Document]:
    from fhir_case.cli.options.files import expanded
    from fhir_case.documents import find_documents, read_documents

    if source == "-":
        yield from read_documents(sys.stdin.buffer, "-")
        return
    for path in expanded([source]):
        if path is not None:
            yield from find_documents(path)


def _entries(source: str, documents: Iterable[Document]) -> Iterator[dict[str, Any]]:
    from fhir_case.errors import BundleError

    found = False
    for document in documents:
        content = document.content
        if content is None:
            reason = document.issues[0].message if document.issues else "this could not be read"
            raise BundleError(reason, where=document.name, hint="give FHIR R4 in JSON or NDJSON")
        found = True
        if content.get("resourceType") != "Bundle":
            yield {"resource": content}
            continue
        entries = content.get("entry", [])
        if not isinstance(entries, list):
            raise BundleError("'entry' is no list", where=document.name, hint="run 'validate', which says more")
        for number, entry in enumerate(entries):
            if not isinstance(entry, dict) or not isinstance(entry.get("resource", {}), dict):
                where = f"{document.name}: entry[{number}]{'.resource' if isinstance(entry, dict) else ''}"
                raise BundleError("it is no object", where=where, hint="run 'validate', which says more")
            if "resource" in entry:
                yield entry
    if not found:
        raise BundleError("there is no FHIR resource in it", where=source, hint="give FHIR R4 in JSON or NDJSON")
