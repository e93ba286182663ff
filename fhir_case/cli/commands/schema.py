"""``fhir-case schema``: write the JSON Schema of the case file."""

from __future__ import annotations

from pathlib import Path

import click

from fhir_case.cli.options.building import mapping_option
from fhir_case.cli.options.files import write_output

__all__ = ["schema"]


@click.command()
@mapping_option
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to write it; default: standard output.")
def schema(mapping_files: tuple[Path, ...], output: Path | None) -> None:
    """
    Write the JSON Schema by which editors complete and check a case file.

    It has the sections of all installed mappings, and of those that --mapping gives.
    """
    from fhir_case.case.schema import case_schema
    from fhir_case.fhir.wire import dump
    from fhir_case.mapping import discover, sections_of

    write_output(output, dump(case_schema(sections_of(discover(mapping_files))), indent=True))
