"""``fhir-case new``: write a commented starter file for a case of one's own, or an entry of one section."""

from __future__ import annotations

from pathlib import Path

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.building import mapping_option, section_named
from fhir_case.cli.options.declarations import output_options
from fhir_case.cli.options.files import is_file, write_file
from fhir_case.cli.output import echo_data, echo_json, echo_notice

__all__ = ["new"]


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--force", is_flag=True, help="Replace FILE where it exists.")
@click.option(
    "--section",
    metavar="NAME",
    shell_complete=completion.sections,
    help="Only an example of this section, to copy into a case.",
)
@output_options(default="yaml", meaning="The case itself, or in JSON what was written.")
@mapping_option
def new(file: Path | None, *, force: bool, section: str | None, mapping_files: tuple[Path, ...], form: str) -> None:
    """
    Write a commented starter case to FILE ('-' is standard output).

    It is a small fictitious case that can be built unchanged; replace its content. With --section NAME it is one entry
    of that section, on standard output where no FILE is named; its references are to the starter case.
    """
    from fhir_case.case.schema import starter_text

    if file is None and section is None:
        raise click.UsageError("Missing argument 'FILE'; '-' is standard output.")
    text = starter_text() if section is None else _example(section, mapping_files)
    if not is_file(file):
        if form == "json":
            echo_json({"file": None, "text": text})
        else:
            echo_data(text)
        return
    if file.is_dir():
        raise click.UsageError(f"{file} is a folder; name a file in it, for example {file / 'case.yaml'}")
    if not file.parent.is_dir():
        raise click.UsageError(f"there is no folder {file.parent}; make it first")
    if file.exists() and not force:
        raise click.UsageError(f"{file} exists; --force replaces it")
    write_file(file, text.encode())
    echo_json({"file": str(file)})
    if section is None:
        advice = f"build its Bundle with: fhir-case build {file}"
        echo_notice(f"{file}: a fictitious case to start from; {advice}")


def _example(name: str, mapping_files: tuple[Path, ...]) -> str:
    from fhir_case.mapping import discover, sections_of

    section = section_named(name, sections_of(discover(mapping_files)), "--section")
    return section.example or f"# the section '{name}' comes without an example\n{name}:\n"
