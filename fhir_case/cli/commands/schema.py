"""``fhir-case schema``: write the JSON Schema of the case file, or say what one section of it can hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.building import mapping_option, section_named
from fhir_case.cli.options.files import write_output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Section
    from fhir_case.case.forms import Form

__all__ = ["schema"]


@click.command()
@click.argument("section", required=False, shell_complete=completion.sections)
@mapping_option
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to write it; default: standard output.")
def schema(section: str | None, mapping_files: tuple[Path, ...], output: Path | None) -> None:
    """
    Write the JSON Schema by which editors complete and check a case file, or the fields of SECTION in words.

    It has the sections of all installed mappings, and of those that --mapping gives. 'fhir-case new --section SECTION'
    writes an example of one.
    """
    from fhir_case.case.schema import case_schema
    from fhir_case.fhir.wire import dump
    from fhir_case.mapping import discover, sections_of

    sections = sections_of(discover(mapping_files))
    if section is None:
        write_output(output, dump(case_schema(sections), indent=True))
        return
    text = "\n".join(_in_words(section_named(section, sections, "SECTION"), sections))
    write_output(output, f"{text}\n".encode())


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
