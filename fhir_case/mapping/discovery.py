"""
Find the mappings: those that installed packages offer, and those of a file given for one run.

A package offers mappings by an entry point of the group ``fhir_case.mappings`` that names a tuple of `Mapping`, or of
`Room`, whose modules are imported when a case has their sections.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, get_args, get_origin

from fhir_case.bounded import read_bounded
from fhir_case.case import Case, When
from fhir_case.case.section import Section
from fhir_case.errors import FhirCaseError, MappingError
from fhir_case.fhir.installed import entry_points_of_mappings, package_of
from fhir_case.mapping.protocol import Mapping, Room

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path
    from types import ModuleType
__all__ = ["FoundMapping", "discover", "sections_of"]

_MOST_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class FoundMapping:
    """
    A mapping and where it comes from.

    Args:
        origin: The distribution with its version, or the file.
        package: The package that holds its code tables; empty for a file.
    """

    mapping: Mapping
    origin: str
    package: str = ""


def discover(files: Sequence[Path] = (), named: AbstractSet[str] | None = None) -> tuple[FoundMapping, ...]:
    """
    Return every mapping of the installed packages and of the files, in a fixed order.

    Args:
        files: Python files with further mappings.
        named: The sections of a case, so that mappings of others need not be imported. All are where some come from
            elsewhere, since two may clash.

    Raises:
        MappingError: One cannot be imported, is not a mapping, or two have one name or bring the same section.
    """
    found = (
        *_installed(None if files or named is None else frozenset(named)),
        *(one for file in files for one in _of_file(file)),
    )
    origins: dict[str, str] = {}
    for one in found:
        names = [section for each in one.mapping.sections for section in (each, *each.parts)]
        for what in (f"mapping '{one.mapping.name}'", *(f"section '{section.name}'" for section in names)):
            if what in origins:
                raise MappingError(
                    f"the {what} comes twice: from {origins[what]} and from {one.origin}", hint=_told_apart(what)
                )
            origins[what] = one.origin
    return found


def _told_apart(what: str) -> str:
    kind, _, name = what.partition(" ")
    if kind != "section":
        return "rename one of them, or leave one out"
    own = name.strip("'")
    return f"write its entries as `fhir-case new --section {own}` shows them, or rename the section of your mapping"


def sections_of(mappings: Iterable[FoundMapping]) -> tuple[Section, ...]:
    """Return the sections of the case file that some mappings bring along, in their order."""
    return tuple(section for one in mappings for section in one.mapping.sections)


@lru_cache(maxsize=32)
def _installed(named: frozenset[str] | None) -> tuple[FoundMapping, ...]:
    found: list[FoundMapping] = []
    points = entry_points_of_mappings()
    for point in points:
        origin = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
        try:
            offered = list(_offered(point.load(), named if len(points) == 1 else None))
        except (Exception, SystemExit) as error:
            raise MappingError(
                f"the mappings of {origin} cannot be imported: {type(error).__name__}: {error}",
                where=point.value,
                hint="mend or uninstall that package",
            ) from error
        found += [FoundMapping(one, origin, package_of(point)) for one in _checked(offered, point.value)]
    return tuple(found)


def _offered(offered: object, named: frozenset[str] | None) -> Iterator[object]:
    """Return what an entry point names, and of its rooms that are needed the mappings."""
    for one in offered if isinstance(offered, tuple | list) else (offered,):
        if not isinstance(one, Room):
            yield one
        elif one.is_needed(named):
            yield from one.mappings()


def _of_file(file: Path) -> list[FoundMapping]:
    try:
        content = read_bounded(file, _MOST_BYTES)
    except FileNotFoundError:
        raise MappingError("there is no such mapping file", where=str(file), hint="check the path") from None
    except OSError as error:
        raise MappingError(f"the mapping file cannot be read: {error.strerror}", where=str(file)) from error
    except FhirCaseError as error:
        raise MappingError(error.message, where=error.where, hint=error.hint) from None
    module = _module(str(file.resolve()), content)
    offered = getattr(module, "MAPPINGS", getattr(module, "MAPPING", None))
    if offered is None:
        raise MappingError(
            "the mapping file has neither MAPPINGS nor MAPPING",
            where=str(file),
            hint='end it with MAPPING = Mapping("name", function, "what it maps")',
        )
    return [FoundMapping(one, str(file)) for one in _checked(offered, str(file))]


@cache
def _module(path: str, content: bytes) -> ModuleType:
    """Run a file as a module, once for the same content: the models of its sections are then the same classes."""
    import sys
    from hashlib import sha256
    from types import ModuleType

    module = ModuleType(f"fhir_case_mapping_file_{sha256(path.encode() + content).hexdigest()[:16]}")
    module.__file__ = path
    sys.modules[module.__name__] = module  # where pydantic looks for what the annotations name
    try:
        exec(compile(content, path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - it is what the user gave
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        raise MappingError(
            f"the mapping file cannot be run: {type(error).__name__}: {error}",
            where=_line_in(path, error),
            hint="correct the file",
        ) from error
    return module


def _line_in(path: str, error: BaseException) -> str:
    from traceback import extract_tb

    if isinstance(error, SyntaxError) and error.filename == path:
        return f"{path}:{error.lineno}"
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == path]
    return f"{path}:{lines[-1]}" if lines else path


def _checked(offered: object, where: str) -> Iterable[Mapping]:
    candidates = offered if isinstance(offered, tuple | list) else (offered,)
    for one in candidates:
        if not isinstance(one, Mapping):
            raise MappingError(
                f"{one!r:.80} is not a Mapping", where=where, hint="offer a tuple of fhir_case.mapping.Mapping"
            )
        if not (isinstance(one.name, str) and callable(one.function) and isinstance(one.sections, tuple)):
            problem = "a mapping has a name, a function and a tuple of sections"
            raise MappingError(f"{one.name!r:.80}: {problem}", where=where, hint="correct it")
        for section in one.sections:
            for problem in _problems_of(section):
                raise MappingError(f"the mapping '{one.name}': {problem}", where=where, hint="correct its sections")
        yield one


def _problems_of(section: object) -> Iterator[str]:
    """Return what is wrong with a section of a mapping."""
    if not isinstance(section, Section) or not _has_form(section):
        yield f"{getattr(section, 'name', section)!r:.80} is not a Section as fhir_case.case.Section describes it"
        return
    name, at = section.name, section.model.model_fields.get("at")
    taken = name in Case.model_fields or hasattr(Case, name) or keyword.iskeyword(name)
    if taken or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        yield f"a section cannot be called '{name}'"
    if at is not None and at.annotation not in {When, When | None}:
        yield f"'at' of the section '{name}' is not a When"
    if at is not None and section.is_list and not section.time:
        yield f"the section '{name}' needs 'time': the element of its resource that tells when it happened"
    if section.required and section.is_list:
        yield f"the section '{name}' is a list, which cannot be required"
    for part in section.parts:
        field = section.model.model_fields.get(part.name)
        form = (get_origin(field.annotation), get_args(field.annotation)) if field else None
        if not section.is_list or part.parts or form != (tuple, (part.model, ...)):
            yield f"'{part.name}' is not a list of entries with a key in the section '{name}'"
        yield from _problems_of(part)


def _has_form(section: Section) -> bool:
    from fhir_case.case.entry import Entry

    return (
        isinstance(section.model, type)
        and issubclass(section.model, Entry)
        and all(isinstance(text, str) for text in (section.name, section.resource, section.time, section.example))
        and re.fullmatch(r"[A-Z][A-Za-z]+", section.resource) is not None
        and all(isinstance(names, tuple) for names in (section.roles, section.parts, section.keys))
        and all(isinstance(name, str) for name in (*section.roles, *section.keys))
        and all(isinstance(part, Section) and part.is_list for part in section.parts)
    )
