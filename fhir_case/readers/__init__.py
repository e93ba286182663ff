"""
Read files of other formats as cases: the protocol of a reader, those that are installed, and the cases of a file.

A reader makes of each case of a foreign file what a case file says, with the places in the foreign file, so that all
that holds for a case file (checks, times, evidence, both releases, loading) holds for it too.
"""

from __future__ import annotations

from fhir_case.readers.cases import CaseRead, load_case, read_cases
from fhir_case.readers.discovery import HEAD_BYTES, discover_readers, reader_of
from fhir_case.readers.nodes import list_node, mapping_node, node_of
from fhir_case.readers.protocol import Reader, Reading, Unused

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
