"""The installed packages that offer mappings, and the codes of their tables; nothing of them is imported for that."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from fhir_case.fhir.codes import Term, tables_of
from fhir_case.fhir.known_codes import KnownCodes, add_names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint

__all__ = [
    "OWN_TERMS",
    "OwnTerm",
    "entry_points_of_mappings",
    "installed_codes",
    "installed_packages",
    "package_of",
]

_GROUP = "fhir_case.mappings"

OwnTerm = tuple[Term, str]
"""What a file of a user's own says about a short name, and the file."""

OWN_TERMS: dict[str, dict[str, OwnTerm]] = {}
"""
The short names of each table that the files in use add.

For a command, whose case files are read in many places; the process has one set at a time.
"""


@cache
def entry_points_of_mappings() -> tuple[EntryPoint, ...]:
    """Return the entry points that name mappings, our own first."""
    return tuple(sorted(entry_points(group=_GROUP), key=lambda one: (one.name != "builtin", one.name, one.value)))


def package_of(point: EntryPoint) -> str:
    """Return the package that holds the code tables of the mappings of an entry point."""
    return point.module.partition(".")[0]


@cache
def installed_packages() -> tuple[str, ...]:
    """Return the packages and modules that offer mappings, in the order of the mappings."""
    return tuple(dict.fromkeys(map(package_of, entry_points_of_mappings())))


def installed_codes() -> Mapping[tuple[str, str], frozenset[str]]:
    """
    Return every (system, code) of the code tables of the installed mappings, and of documents, with their displays.

    The tables of a user's own that are in use count too. A section that breaks the grammar of tables has none.
    """
    if not OWN_TERMS:
        return _codes_of_packages()
    known = dict(_codes_of_packages())
    for terms in OWN_TERMS.values():
        add_names(known, (term for term, _ in terms.values()))
    return known


@cache
def _codes_of_packages() -> KnownCodes:
    packages = (*installed_packages(), "fhir_case.bundle")
    return KnownCodes(table for package in packages for table in tables_of(package))
