"""
Read files of other formats as cases: the protocol of a reader, those that are installed, and the cases of a file.

A reader makes of each case of a foreign file what a case file says, with the places in the foreign file, so that all
that holds for a case file (checks, times, evidence, both releases, loading) holds for it too. Every input is shown to
the readers, so that the models of a case are imported when a file is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.readers.discovery import HEAD_BYTES, discover_readers, reader_of
from fhir_case.readers.protocol import Reader, Reading, Unused

if TYPE_CHECKING:
    from fhir_case.readers.cases import CaseRead, load_case, read_cases
    from fhir_case.readers.nodes import list_node, mapping_node, node_of

__all__ = [
    "HEAD_BYTES",
    "CaseRead",
    "Reader",
    "Reading",
    "Unused",
    "discover_readers",
    "list_node",
    "load_case",
    "mapping_node",
    "node_of",
    "read_cases",
    "reader_of",
]

_OF_CASES = frozenset({"CaseRead", "load_case", "read_cases"})


def __getattr__(name: str) -> Any:
    """Import what needs the models of a case when it is first used."""
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module 'fhir_case.readers' has no attribute {name!r}")
    return getattr(import_module(f"fhir_case.readers.{'cases' if name in _OF_CASES else 'nodes'}"), name)
