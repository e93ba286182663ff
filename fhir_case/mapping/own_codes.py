"""
Read code tables of a user's own, and add them to those of the mappings.

A file holds sections of any tables. In TOML the grammar is that of `fhir_case.fhir.codes` below the name of the table::

    [tests.galectin-3]
    text = "Galectin-3"
    codings = [{ system = "LOINC", code = "62419-7", display = "Galectin 3 [Mass/volume] in Serum or Plasma" }]
    units = { "ng/mL" = "ng/mL" }

In CSV the columns are ``table``, ``name``, ``text``, and where wanted ``system``, ``code``, ``display``, ``units``
(``ng/mL; IU/L=U/L``), ``source`` and ``why``; a further row with the same table and name has another code for it.
"""

from __future__ import annotations

import csv
import io
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fhir_case.bounded import read_bounded
from fhir_case.case.forms.form import KEY
from fhir_case.errors import CaseError, FhirCaseError, MappingError
from fhir_case.fhir.code_forms import wrong_digit, wrong_form
from fhir_case.fhir.codes import Term, code_tables, term_of
from fhir_case.fhir.installed import OWN_TERMS, OwnTerm, installed_packages
from fhir_case.toml import read_toml
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["OwnTerm", "own_codes", "own_terms", "tables_in_use"]

_MOST_BYTES = 20_000_000
_MOST_PROBLEMS = 100
_REQUIRED = ("table", "name", "text")
_COLUMNS = (*_REQUIRED, "system", "code", "display", "units", "source", "why")
_FREE_NAMES = "units"  # a printed unit need not be a short name


def own_terms(table: str) -> dict[str, OwnTerm]:
    """Return the short names of a table that the files in use have."""
    return OWN_TERMS.get(table, {})


def tables_in_use() -> tuple[str, ...]:
    """Return the tables to which the files in use add something."""
    return tuple(OWN_TERMS)


@contextmanager
def own_codes(files: Sequence[Path], *, further_tables: Sequence[str] = ()) -> Iterator[None]:
    """
    Add the code tables of some files to those of the mappings, for all that happens inside.

    A short name that the mappings have too is that of the file.

    Args:
        further_tables: Names of tables beside those of the installed mappings.

    Raises:
        CaseError: A file cannot be read or is wrong; ``problems`` holds all that is wrong with it.
    """
    known = {table for package in installed_packages() for table in code_tables(package)} | set(further_tables)
    added: dict[str, dict[str, OwnTerm]] = {}
    problems: list[CaseError] = []
    for file in files:
        for place, table, name, section in _sections(file):
            try:
                term = _term(place, table, name, section, known)
            except FhirCaseError as error:
                problems.append(CaseError(error.message, where=place, hint=error.hint))
                continue
            earlier = added.setdefault(table, {}).get(name)
            if earlier is not None:
                what = f"[{table}.{name}] comes twice; first in {earlier[1]}"
                problems.append(CaseError(what, where=place, hint="leave one of them out"))
            added[table][name] = (term, str(file))
    if problems:
        first = problems[0]
        more = f"{len(problems)} problems; the first: " if len(problems) > 1 else ""
        told = tuple(problems[:_MOST_PROBLEMS])
        raise CaseError(more + first.message, where=first.where, hint=first.hint, problems=told)
    before = dict(OWN_TERMS)
    OWN_TERMS.clear()
    OWN_TERMS.update(added)
    try:
        yield
    finally:
        OWN_TERMS.clear()
        OWN_TERMS.update(before)


def _term(place: str, table: str, name: str, section: Any, known: set[str]) -> Term:
    if table not in known:
        near = did_you_mean(table, known) or "'fhir-case codes' lists the tables"
        raise MappingError(f"there is no code table '{table}'", hint=near)
    if table != _FREE_NAMES and not KEY.match(name):
        hint = "write lower-case words joined by hyphens"
        raise MappingError(f"[{table}.{name}]: '{name}' is not a short name", hint=hint)
    term = term_of(place, f"{table}.{name}", section)
    for one in term.codings:
        problem = wrong_form(one["system"], one["code"]) or wrong_digit(one["system"], one["code"])
        if problem:
            raise MappingError(f"[{table}.{name}]: {problem}", hint="look the code up")
    return Term(name, term.text, term.codings, term.units, term.sources, term.more)


def _sections(file: Path) -> Iterator[tuple[str, str, str, Any]]:
    """Return each section of a file with its place, its table and its name."""
    try:
        content = read_bounded(file, _MOST_BYTES)
    except FileNotFoundError:
        raise CaseError("there is no such file of codes", where=str(file), hint="check the path") from None
    except OSError as error:
        raise CaseError(f"the file of codes cannot be read: {error.strerror}", where=str(file)) from None
    except FhirCaseError as error:
        raise CaseError(error.message, where=error.where, hint=error.hint) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CaseError(f"this is not UTF-8: byte {error.start}", where=str(file)) from None
    suffix = file.suffix.lower()
    if suffix == ".csv":
        yield from _of_csv(file, text)
    elif suffix == ".toml":
        yield from _of_toml(file, text)
    else:
        raise CaseError("a file of codes is TOML or CSV", where=str(file), hint="let its name end in .toml or .csv")


def _of_toml(file: Path, text: str) -> Iterator[tuple[str, str, str, Any]]:
    try:
        content = read_toml(file, hint="see docs/mappings.md for an example")
    except FhirCaseError as error:
        raise CaseError(error.message, where=error.where, hint=error.hint) from None
    headers = _headers(text)
    for table, sections in content.items():
        named = sections if isinstance(sections, dict) else {"": sections}
        if "text" in named and not isinstance(named["text"], dict):
            hint = f"write [TABLE.{table}], with the table first, for example [tests.{table}]"
            raise CaseError(
                f"[{table}] does not say of which table it is", where=_place(file, headers, table), hint=hint
            )
        for name, section in named.items():
            yield _place(file, headers, table, name), table, name, section


def _headers(text: str) -> dict[tuple[str, ...], int]:
    """Return the line of each header of TOML."""
    found: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\[([^\]\[]+)\]\s*(?:#.*)?$", line.strip())
        if header:
            found.setdefault(tuple(part.strip().strip("\"'") for part in header[1].split(".")), number)
    return found


def _place(file: Path, headers: Mapping[tuple[str, ...], int], *names: str) -> str:
    number = headers.get(names)
    return f"{file}:{number}" if number else str(file)


def _of_csv(file: Path, text: str) -> Iterator[tuple[str, str, str, Any]]:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    found: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
    try:
        columns = [name.strip() for name in rows.fieldnames or ()]
        missing = [one for one in _REQUIRED if one not in columns]
        unknown = [one for one in columns if one not in _COLUMNS]
        if missing or unknown:
            what = f"the column '{missing[0]}' is missing" if missing else f"there is no column '{unknown[0]}'"
            raise CaseError(what, where=f"{file}:1", hint=f"the columns are {', '.join(_COLUMNS)}")
        rows.fieldnames = columns
        for row in rows:
            place = f"{file}:{rows.line_num}"
            if None in row or None in row.values():
                raise CaseError("this row has another number of columns than the first", where=place)
            cells = {name: cell.strip() for name, cell in row.items()}
            key = (cells["table"], cells["name"])
            section = found.setdefault(key, (place, {"text": cells["text"], "codings": []}))[1]
            _add_row(section, cells)
    except csv.Error as error:
        raise CaseError(f"this is not CSV: {error}", where=f"{file}:{rows.line_num}") from None
    for (table, name), (place, section) in found.items():
        yield place, table, name, section


def _add_row(section: dict[str, Any], cells: Mapping[str, str]) -> None:
    if cells.get("code") or cells.get("system"):
        names = ("system", "code", "display", "source")
        section["codings"].append({name: cells[name] for name in names if cells.get(name)})
    for unit in filter(None, (part.strip() for part in cells.get("units", "").split(";"))):
        printed, _, ucum = unit.partition("=")
        section.setdefault("units", {})[printed.strip()] = (ucum or printed).strip()
    if cells.get("why"):
        section["why"] = cells["why"]
