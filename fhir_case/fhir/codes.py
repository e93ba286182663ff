"""
Read the code tables: TOML files that name for each short name its words and its codes.

A table lies in the folder of the concept that owns it, or in ``codes`` where several share it; its file name is its
name, unique in its package. Tables called ``fixed`` hold what profiles fix for one concept, and have no short names for
case files.

The grammar of a table, one section a short name::

    [afp]
    text = "AFP"
    codings = [{ system = "LOINC", code = "53962-7", display = "…", version = "2.67", source = "…" }]
    units = { "ng/mL" = "ng/mL" }      # printed unit = UCUM code, for tests only
    why = "why this code and not its neighbour"

    words = ["alpha-fetoprotein"]      # other names of the same thing, which a case file may use too

``system`` is a short name of `fhir_case.fhir.systems.SYSTEMS` or a URL. A section may hold other keys that its mapping
reads; another coding is a table with ``system``, ``code``, ``display`` and, where words belong to it, ``text``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhir_case.errors import MappingError
from fhir_case.fhir.datatypes import coding
from fhir_case.fhir.systems import SYSTEMS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

__all__ = ["Term", "Terms", "code_table", "code_tables", "coding_of", "fixed_table", "tables_of", "term_of"]

_FIXED = "fixed.toml"
_HEADER = re.compile(r'\[(?:([\w-]+)|"([^"\\]+)")\]\s*$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Term:
    """
    What a code table says about one short name.

    Args:
        text: The words that go into ``CodeableConcept.text``.
        codings: The FHIR codings, the most telling one first.
        units: For a test: the printed units that fit it and the UCUM code of each.
        sources: Where each of the codings was seen, in their order.
        more: Whatever else the section holds, for the mapping that owns the table.
    """

    name: str
    text: str
    codings: tuple[dict[str, str], ...] = ()
    units: dict[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def other_names(self) -> tuple[str, ...]:
        """Return the other names that reports have for it."""
        return tuple(self.more.get("words", ()))

    def codeable_concept(self, text: str | None = None) -> dict[str, Any]:
        """Return the CodeableConcept, with words of one's own in place of the table's where given."""
        codings = [dict(one) for one in self.codings]
        return {**({"coding": codings} if codings else {}), "text": text or self.text}

    def other_concept(self, name: str) -> dict[str, Any] | None:
        """Return the CodeableConcept of another coding of the section, for example the method of a modality."""
        one = self.more.get(name)
        if one is None:
            return None
        return {"coding": [coding_of(one)], **({"text": one["text"]} if "text" in one else {})}


class Terms(Mapping[str, Term]):
    """
    The sections of a table, each read when it is asked for: to parse a large table takes as long as to read a case.

    Args:
        parts: The text of each section.
    """

    def __init__(self, where: str, parts: dict[str, str]) -> None:
        self._where, self._parts = where, parts
        self._terms: dict[str, Term] = {}

    def __getitem__(self, name: str) -> Term:
        if name not in self._terms:
            (section,) = _parsed(self._parts[name], self._where).values()
            self._terms[name] = term_of(self._where, name, section)
        return self._terms[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def text_of(self, name: str) -> str:
        """Return the text of a section."""
        return self._parts[name]


@cache
def code_table(source: str, name: str) -> Mapping[str, Term]:
    """
    Read the table of this name of a package, or of a folder by its path.

    Raises:
        MappingError: The table is missing or breaks its grammar.
    """
    file = _tables(source).get(name)
    if file is None:
        raise MappingError(f"there is no code table {name}.toml", where=source, hint="add it, or name another table")
    where = f"{source}: {name}.toml"
    return _read(file, where) if Path(source).is_dir() else _read_in_parts(file, where)


@cache
def fixed_table(package: str) -> Mapping[str, Term]:
    """
    Read the table ``fixed`` of one concept: the codes that profiles fix.

    Raises:
        MappingError: The table is missing or breaks its grammar.
    """
    return _read(files(package) / _FIXED, f"{package}: {_FIXED}")


def _read(file: Traversable, where: str) -> dict[str, Term]:
    return {key: term_of(where, key, section) for key, section in _parsed(_text(file, where), where).items()}


def _read_in_parts(file: Traversable, where: str) -> Mapping[str, Term]:
    """Return the sections of a table unread where each begins with its name alone, as all of ours do."""
    head, *sections = re.split(r"^(?=\[)", _text(file, where), flags=re.MULTILINE)
    names = [_HEADER.match(section) for section in sections]
    parts = {name[1] or name[2]: section for name, section in zip(names, sections, strict=True) if name}
    return Terms(where, parts) if len(parts) == len(sections) and not _parsed(head, where) else _read(file, where)


def _text(file: Traversable, where: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise MappingError("the code table is missing", where=where, hint="install fhir-case again") from error
    except UnicodeDecodeError as error:
        raise MappingError(
            f"the code table is not UTF-8: byte {error.start}", where=where, hint="correct it"
        ) from error


def _parsed(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"the code table is not valid TOML: {error}", where=where, hint="correct it") from error


@cache
def _tables(source: str) -> dict[str, Traversable]:
    """
    Return the files of the code tables by their names.

    Raises:
        MappingError: There is no such package or folder, or two tables have one name.
    """
    tables: dict[str, Traversable] = {}
    for file in _files(source):
        name = file.name.removesuffix(".toml")
        if file.name != _FIXED and name in tables:
            raise MappingError(f"two code tables are called '{name}'", where=source, hint="rename one of them")
        if file.name != _FIXED:
            tables[name] = file
    return tables


def _root(package: str) -> Traversable:
    """Return the folder of a package, which is not imported where it lies in one: its modules may be many and slow."""
    found = find_spec(package)
    for location in (found.submodule_search_locations or ()) if found else ():
        if Path(location).is_dir():
            return Path(location)
    return files(package)


def _files(source: str) -> Iterator[Traversable]:
    """Return the TOML files of a package, or of a folder without the folders in it, which may be anything."""
    folder = Path(source)
    if folder.is_dir():
        yield from sorted(folder.glob("*.toml"))
        return
    try:
        root = _root(source)
    except (ImportError, TypeError, ValueError, AttributeError) as error:
        hint = "name a package, or write str(Path(__file__).parent) for the folder of a file"
        raise MappingError(f"'{source}' is not a package or folder of code tables", hint=hint) from error
    yield from _below(root)


def _below(folder: Traversable) -> Iterator[Traversable]:
    for one in sorted(folder.iterdir(), key=lambda each: each.name):
        if one.name.endswith(".toml"):
            yield one
        elif one.is_dir() and one.name != "__pycache__":
            yield from _below(one)


def term_of(where: str, name: str, section: Any) -> Term:
    """
    Return what a section of a table says.

    Raises:
        MappingError: It breaks the grammar.
    """
    reason = (
        "it is a table with 'text', a string, and may have 'codings', a list, 'units', a table of texts, "
        "and 'words', a list of texts"
    )
    if isinstance(section, dict) and isinstance(section.get("text"), str):
        more = dict(section)
        text, units, codings = more.pop("text"), more.pop("units", {}), more.pop("codings", [])
        texts = isinstance(units, dict) and all(isinstance(code, str) for code in units.values())
        names = more.get("words", [])
        texts = texts and isinstance(names, list) and all(isinstance(name, str) for name in names)
        if texts and isinstance(codings, list):
            try:
                found = tuple(coding_of(one) for one in codings)
                for other in more.values():
                    if isinstance(other, dict) and "system" in other:
                        coding_of(other)
                sources = tuple(str(one.get("source", "")) for one in codings)
                return Term(name, text, found, units, sources, more)
            except KeyError as error:
                reason = f"a coding has no {error.args[0]!r}"
            except (TypeError, ValueError) as error:
                reason = str(error)
    raise MappingError(f"[{name}]: {reason}", where=where, hint="see fhir_case.fhir.codes for the grammar")


def coding_of(one: Any) -> dict[str, str]:
    """
    Return the Coding that a table writes.

    Raises:
        KeyError: A part is missing.
        TypeError: It is no table of texts.
        ValueError: The system is not a URL.
    """
    if not isinstance(one, dict):
        raise TypeError("a coding is a table with 'system', 'code' and 'display'")
    for key in ("system", "code", "display", "text"):
        if not isinstance(one.get(key, ""), str):
            raise TypeError(f"'{key}' of a coding is text, in quotes")
    named = str(one["system"])
    system = SYSTEMS.get(named, named)
    if ":" not in system:
        raise ValueError(f"'{system}' is not a URL, and not one of {', '.join(SYSTEMS)}")
    return coding(system, one["code"], one.get("display"))


@cache
def code_tables(package: str) -> tuple[str, ...]:
    """Return the names of the code tables of a package that hold short names, sorted."""
    return tuple(sorted(_tables(package)))


def tables_of(package: str) -> Iterator[Mapping[str, Term]]:
    """
    Return the tables of a package, those of what profiles fix too.

    A module has no tables, and a TOML file of a package that is about something else is none of them.
    """
    found = find_spec(package)
    for file in _files(package) if found is not None and found.submodule_search_locations else ():
        with suppress(MappingError):  # whoever looks something up in it is told
            if file.name == _FIXED:
                yield _read_in_parts(file, f"{package}: {_FIXED}")
            else:
                yield code_table(package, file.name.removesuffix(".toml"))  # often read already, for a case
