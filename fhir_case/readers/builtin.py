"""The readers of this package, in the order in which they are asked; what is YAML and nothing else is a case file."""

from __future__ import annotations

from fhir_case.readers.case_file import CASE_FILE
from fhir_case.readers.phenopacket import PHENOPACKET
from fhir_case.readers.table import TABLES

__all__ = ["READERS"]

READERS = (PHENOPACKET, TABLES, CASE_FILE)
