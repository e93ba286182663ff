"""
Find the mappings: those that installed packages offer, and those of a file given for one run.

A package offers mappings by an entry point of the group ``fhir_case.mappings`` that names a tuple of `Mapping`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhir_case.errors import MappingError
from fhir_case.mapping.protocol import Mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["FoundMapping", "discover", "installed_codes"]

_GROUP = "fhir_case.mappings"


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


def discover(files: Sequence[Path] = ()) -> tuple[FoundMapping, ...]:
    """
    Return every mapping of the installed packages and of the files, in a fixed order.

    Raises:
        MappingError: One cannot be imported, is no mapping, or two have one name.
    """
    found = [*_installed(), *(one for file in files for one in _of_file(file))]
    origins: dict[str, str] = {}
    for one in found:
        name = one.mapping.name
        if name in origins:
            raise MappingError(
                f"the mapping '{name}' comes twice: from {origins[name]} and from {one.origin}",
                hint="rename one of them, or leave one out",
            )
        origins[name] = one.origin
    return tuple(found)


def installed_codes() -> dict[tuple[str, str], frozenset[str]]:
    """
    Return every (system, code) of the code tables of the installed mappings with the displays that they write.

    Raises:
        MappingError: A package with mappings cannot be imported, or a table of it breaks its grammar.
    """
    from fhir_case.fhir.codes import known_codes

    known: dict[tuple[str, str], frozenset[str]] = {}
    for package in dict.fromkeys(one.package for one in _installed() if one.package):
        for code, displays in known_codes(package).items():
            known[code] = known.get(code, frozenset()) | displays
    return known


def _installed() -> list[FoundMapping]:
    from importlib.metadata import entry_points

    found: list[FoundMapping] = []
    for point in sorted(entry_points(group=_GROUP), key=lambda one: (one.name != "builtin", one.name, one.value)):
        origin = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
        try:
            offered = point.load()
        except Exception as error:
            raise MappingError(
                f"the mappings of {origin} cannot be imported: {type(error).__name__}: {error}",
                where=point.value,
                hint="mend or uninstall that package",
            ) from error
        package = point.module if point.module.count(".") == 0 else point.module.rpartition(".")[0]
        found += [FoundMapping(one, origin, package) for one in _checked(offered, point.value)]
    return found


def _of_file(file: Path) -> list[FoundMapping]:
    import runpy

    try:
        names = runpy.run_path(str(file))
    except FileNotFoundError:
        raise MappingError("there is no such mapping file", where=str(file), hint="check the path") from None
    except (Exception, SystemExit) as error:
        raise MappingError(
            f"the mapping file cannot be run: {type(error).__name__}: {error}", where=str(file), hint="correct the file"
        ) from error
    offered = names.get("MAPPINGS", names.get("MAPPING"))
    if offered is None:
        raise MappingError(
            "the mapping file has neither MAPPINGS nor MAPPING",
            where=str(file),
            hint='end it with MAPPING = Mapping("name", function, "what it maps")',
        )
    return [FoundMapping(one, str(file)) for one in _checked(offered, str(file))]


def _checked(offered: object, where: str) -> Iterable[Mapping]:
    candidates = offered if isinstance(offered, tuple | list) else (offered,)
    for one in candidates:
        if not isinstance(one, Mapping):
            raise MappingError(
                f"{one!r:.80} is not a Mapping", where=where, hint="offer a tuple of fhir_case.mapping.Mapping"
            )
        yield one
