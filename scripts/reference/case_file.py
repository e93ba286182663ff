"""The reference of the case file: each section and each field, with its meaning, its form and an example."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fhir_case.case.entry import Event
from fhir_case.case.forms.form import ShortForm
from fhir_case.case.model import Report, Timeline, case_model
from fhir_case.mapping import discover, sections_of
from fhir_case.mapping.reference import fields_of, parts_of, values_of
from reference.examples import examples

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_case.case import Section
    from fhir_case.case.forms import Form
    from fhir_case.mapping import FoundMapping
    from fhir_case.mapping.reference import FieldReference

_HEAD = """\
# The case file

<!-- Written by scripts/make-reference from the models of the sections; do not edit. -->

Every section of a case file and every field of its entries. On the command line, `fhir-case schema SECTION` says the
same of one section, `fhir-case new --section SECTION` writes an example to copy, and `fhir-case new FILE` a whole small
case. Editors that know YAML complete and check a case by the JSON Schema that its first line names.

A field in **bold** is required. What is written `[Quantity]` and the like is described under [values](#values); the
short names of a table are listed in [code-tables.md](code-tables.md) and by `fhir-case codes TABLE`, with the units of
each test. Examples are one field each, as it stands in an entry.
"""
_OF_ENTRIES = """\
## Every entry

These fields are not repeated below, unless they mean something special there. Every entry has a `source`, and may
have a `note`; an entry of a list has a `key`; one that happened at a time has an `at`, and may have an `encounter` and
a `performer`.
"""
_VALUES = """\
## Values

Each has a short form, one text or number, and an open form, a mapping with the fields below; both mean the same. Only
a `Coding` has no short form.
"""


def page() -> str:
    """Return the page."""
    return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    mappings = discover()
    sections = sections_of(mappings)
    yield _HEAD
    yield "| section | | becomes |\n|---|---|---|"
    for section in sections:
        summary = _linked(section.model.summary().splitlines()[0])
        yield f"| [`{section.name}`](#{section.name}) | {summary} | {section.resource} |"
    yield "\n## The head of the file\n"
    case = case_model(sections)
    names = {section.name for section in sections}
    yield from _table(case, (one for one in fields_of(case, sections) if one.name not in names))
    for model in (Report, Timeline):
        yield f"\n### `{model.__name__.lower()}`\n\n{_linked(model.summary())}\n"
        yield from _table(model, fields_of(model, sections))
    yield f"\n{_OF_ENTRIES}"
    yield from _table(Event, fields_of(Event, sections))
    for section in sections:
        yield from _section(section, sections, mappings)
    yield f"\n{_VALUES}"
    for model in values_of(case):
        yield from _value(model, sections)


def _section(section: Section, sections: tuple[Section, ...], mappings: Iterable[FoundMapping]) -> Iterator[str]:
    (mapping,) = (one.mapping for one in mappings if section in one.mapping.sections)
    kind = "A list of entries." if section.is_list else "One entry, not a list."
    required = " Every case has it." if section.required else ""
    yield f"\n## {section.name}\n\n{_linked(section.model.summary())}\n"
    yield f"{kind}{required} Becomes: {mapping.description}.\n"
    yield from _table(section.model, _own(section.model, fields_of(section.model, sections)), section)
    for part in parts_of(section.model):
        yield f"\n### {part.__name__} in {section.name}\n\n{_linked(part.summary())}\n"
        yield from _table(part, _own(part, fields_of(part, sections)), section)
    yield f"\n```yaml\n{section.example.rstrip()}\n```"


def _value(model: type[Form], sections: tuple[Section, ...]) -> Iterator[str]:
    yield f"\n### {model.__name__}\n\n{_linked(model.summary())}\n"
    if issubclass(model, ShortForm):
        yield f"Short form: {model.short_schema()['description']}.\n"
    yield from _table(model, fields_of(model, sections))


def _own(model: type[Form], fields: Iterable[FieldReference]) -> Iterator[FieldReference]:
    """Yield the fields of an entry without those that every entry has, where they mean nothing special."""
    common = {one.name: one.meaning for one in fields_of(Event, ())} if "source" in model.model_fields else {}
    return (one for one in fields if common.get(one.name) != one.meaning)


def _table(model: type[Form], fields: Iterable[FieldReference], section: Section | None = None) -> Iterator[str]:
    parts = parts_of(section.model) if section else ()
    yield "| field | what can be written | meaning | example |\n|---|---|---|---|"
    for one in fields:
        name = f"**`{one.name}`**" if one.required else f"`{one.name}`"
        example = f"`{one.name}: {_example(model, one.name)}`"
        part = f"-in-{section.name}" if section and one.model in parts else ""
        cells = (name, _linked(one.form, part), _linked(one.meaning), example)
        yield "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _example(model: type[Form], name: str) -> str:
    found = next(
        (text for (each, field), text in examples().items() if field == name and issubclass(each, model)), None
    )
    if found is None:
        message = f"no case of the tests has an example of {model.__name__}.{name}"
        raise LookupError(message)
    return found


def _linked(text: str, part: str = "") -> str:
    """Return a text with its names of models and tables as links; a part of an entry has its section in its anchor."""
    text = text.replace("``", "`")
    text = re.sub(r"\[(\w+)\]", lambda found: f"[{found[1]}](#{found[1].lower()}{part})", text)
    return re.sub(r"of the table `(\w+)`", r"of the table [`\1`](code-tables.md#\1)", text)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
