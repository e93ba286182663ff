"""The code tables that are at hand, the fields that take their short names, and what they do not know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from fhir_case.case.forms.concept import Coding
from fhir_case.errors import MappingError
from fhir_case.fhir.codes import code_table, code_tables
from fhir_case.fhir.installed import installed_codes
from fhir_case.mapping.concepts import InTable
from fhir_case.mapping.discovery import discover, sections_of
from fhir_case.mapping.own_codes import own_terms, tables_in_use

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from fhir_case.case import Case, Section
    from fhir_case.fhir.codes import Term

__all__ = ["Vocabulary", "matching", "unchecked_codes", "vocabularies"]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """
    A code table.

    Args:
        table: Its name.
        origin: The distribution with its version, or the folder of a mapping file.
        fields: The fields of the case file that take its short names, as ``laboratory.test``.
        terms: What it says about each short name.
    """

    table: str
    origin: str
    fields: tuple[str, ...]
    terms: tuple[Term, ...]


def vocabularies(mapping_files: Sequence[Path] = ()) -> tuple[Vocabulary, ...]:
    """
    Return the code tables of the installed mappings, those beside some mapping files and a user's own, by their names.

    Of the TOML files beside a mapping file those are code tables that follow the grammar, or that a field names.

    Raises:
        MappingError: A mapping cannot be imported, or a table breaks its grammar.
    """
    mappings = discover(mapping_files)
    fields = _fields(sections_of(mappings))
    origins = {one.package: one.origin for one in mappings if one.package}
    found = [
        Vocabulary(table, origin, tuple(fields.get(table, ())), _terms(package, table))
        for package, origin in origins.items()
        for table in code_tables(package)
    ]
    for folder in dict.fromkeys(str(file.resolve().parent) for file in mapping_files):
        found += [
            Vocabulary(table, folder, tuple(fields.get(table, ())), _terms(folder, table))
            for table in code_tables(folder)
            if table in fields or _is_table(folder, table)
        ]
    for table in tables_in_use():
        by_file: dict[str, list[Term]] = {}
        for term, file in own_terms(table).values():
            by_file.setdefault(file, []).append(term)
        found += [Vocabulary(table, file, tuple(fields.get(table, ())), tuple(own)) for file, own in by_file.items()]
    return tuple(sorted(found, key=lambda one: (one.table, one.origin)))


def matching(terms: Iterable[Term], search: str) -> tuple[Term, ...]:
    """Return the terms in whose name, other names, words, codes, displays or reason all words of a search stand."""
    words = search.casefold().split()
    return tuple(term for term in terms if all(word in _searched(term) for word in words))


def unchecked_codes(case: Case) -> list[str]:
    """Return the codes that a case writes in full and no code table knows, each with its system and its line."""
    sections = [getattr(case, section.name) for section in case.sections]
    entries = [entry for section in sections for entry in (section if isinstance(section, tuple) else (section,))]
    written = [(one, entry.place) for entry in entries if entry is not None for one in _codings_in(entry)]
    known = installed_codes() if written else {}
    lines: dict[str, str] = {}
    for one, place in written:
        if (one.system, one.code) not in known:
            lines.setdefault(f"'{one.code}' of {one.system}", f" ({place})" if place else "")
    return [f"{name}{line}" for name, line in lines.items()]


def _codings_in(value: Any) -> Iterator[Coding]:
    if isinstance(value, Coding):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _codings_in(getattr(value, name))
    elif isinstance(value, tuple):
        for one in value:
            yield from _codings_in(one)


def _searched(term: Term) -> str:
    codings = [text for one in term.codings for text in (one["code"], one.get("display", ""))]
    return " ".join((term.name, term.text, *term.other_names, str(term.more.get("why", "")), *codings)).casefold()


def _terms(source: str, table: str) -> tuple[Term, ...]:
    return tuple(code_table(source, table).values())


def _is_table(folder: str, table: str) -> bool:
    try:
        return bool(code_table(folder, table))
    except MappingError:
        return False  # another TOML file


def _fields(sections: Iterable[Section]) -> dict[str, list[str]]:
    """Return the fields that take the short names of each table."""
    found: dict[str, list[str]] = {}
    for section in sections:
        for table, path in _tables_in(section.model, section.name, ()):
            if path not in found.setdefault(table, []):
                found[table].append(path)
    return found


def _tables_in(model: type[BaseModel], path: str, around: tuple[type, ...]) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        yield from _tables_of((field.annotation, *field.metadata), f"{path}.{name}", (*around, model))


def _tables_of(parts: Iterable[Any], path: str, around: tuple[type, ...]) -> Iterator[tuple[str, str]]:
    """Return the tables that parts of an annotation name, also those of the models in it."""
    for part in parts:
        if isinstance(part, InTable):
            yield part.table, path
        elif isinstance(part, type) and issubclass(part, BaseModel):
            if part not in around:
                yield from _tables_in(part, path, around)
        else:
            yield from _tables_of((*get_args(part), *getattr(part, "__metadata__", ())), path, around)
