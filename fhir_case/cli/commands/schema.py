"""``fhir-case schema``: write the JSON Schema of the case file, or say what one section of it can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.building import mapping_option, section_named
from fhir_case.cli.options.declarations import ANY_PATH, output_options
from fhir_case.cli.options.files import is_file, write_output
from fhir_case.cli.output import echo_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fhir_case.case import Section
    from fhir_case.case.forms import Form

__all__ = ["schema"]


@click.command()
@click.argument("section", required=False, shell_complete=completion.sections)
@click.option(
    "--of",
    "subject",
    type=click.Choice(["case", "recipe", "output", "interop"]),
    default="case",
    help="The schema of the case file, of a recipe for tables (import), of what commands print with --format json, or "
    "of interop --json.",
)
@click.option("-o", "--output", type=ANY_PATH, help="The file to write; default: standard output.")
@mapping_option
@output_options()
def schema(
    section: str | None, *, subject: str, mapping_files: tuple[Path, ...], output: Path | None, form: str
) -> None:
    """
    Write the JSON Schema by which editors complete and check a case file, or the fields of SECTION in words.

    It has the sections of all installed mappings, and of those that --mapping gives. 'fhir-case new --section SECTION'
    writes an example of one.
    """
    from fhir_case.fhir.wire import dump

    if section is None:
        found = _schema(subject, mapping_files)
        content = dump(found, indent=True)
    elif subject != "case":
        raise click.UsageError("SECTION is one of the case file; leave out --of.")
    else:
        from fhir_case.mapping import discover, sections_of

        sections = sections_of(discover(mapping_files))
        lines = list(_in_words(section_named(section, sections, "SECTION"), sections))
        found, content = {"section": section, "lines": lines}, "".join(f"{line}\n" for line in lines).encode()
    if form != "json" or is_file(output):
        write_output(output, content)
    if form == "json":
        echo_json({"file": str(output)} if is_file(output) else found)


def _schema(subject: str, mapping_files: tuple[Path, ...]) -> Any:
    from fhir_case.case.schema import case_schema
    from fhir_case.fhir.wire import parse
    from fhir_case.mapping import discover, sections_of
    from fhir_case.report.envelope import output_schema_path
    from fhir_case.report.interop.json import interop_schema_path

    if subject == "case":
        return case_schema(sections_of(discover(mapping_files)))
    if subject == "recipe":
        from fhir_case.readers.table.schema import recipe_schema

        return recipe_schema()
    return parse((output_schema_path() if subject == "output" else interop_schema_path()).read_bytes())


def _in_words(section: Section, sections: tuple[Section, ...]) -> Iterator[str]:
    from fhir_case.case.forms.form import ShortForm
    from fhir_case.mapping.reference import parts_of, values_of

    yield f"{section.name}: {'a list; each entry' if section.is_list else 'one entry; it'} becomes {section.resource}"
    yield from _fields(section.model, sections)
    for part in parts_of(section.model):
        yield from ("", f"[{part.__name__}]", *_fields(part, sections))
    yield ""
    for value in values_of(section.model):
        yield f"[{value.__name__}] {value.summary().splitlines()[0]}"
        if issubclass(value, ShortForm):
            yield f"    {value.short_schema()['description']}"


def _fields(model: type[Form], sections: tuple[Section, ...]) -> Iterator[str]:
    from fhir_case.mapping.reference import fields_of

    yield model.summary()
    for one in fields_of(model, sections):
        yield f"  {one.name}{' (required)' if one.required else ''}: {one.form}"
        yield f"      {one.meaning}"
